// tidewire setup of a MongoDB.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// As run_setup; the plan is a script for mongosh.
int run_mongo_setup(const setup_options& options);

}  // namespace tidewire
