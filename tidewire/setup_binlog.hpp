// tidewire setup for MySQL and MariaDB.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// As run_setup.
int run_setup_binlog(const setup_options& options);

}  // namespace tidewire
