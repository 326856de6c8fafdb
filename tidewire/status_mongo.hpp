// tidewire status mongodb://…: the position file, and how far back the history goes.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// As run_status; throws failure TW-POSITION-FOREIGN and what a stream would be refused with after it has
/// printed what it found.
void run_mongo_status(const status_options& options);

}  // namespace tidewire
