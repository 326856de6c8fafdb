// tidewire check for MySQL and MariaDB.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// As run_check.
int run_check_binlog(const check_options& options);

}  // namespace tidewire
