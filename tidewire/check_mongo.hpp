// tidewire check of a MongoDB.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// As run_check.
int run_mongo_check(const check_options& options);

}  // namespace tidewire
