// tidewire status mysql://… and mariadb://…: the position file, and the binlogs that the server has.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// As run_status; throws failure TW-MY-PURGED, TW-MY-HISTORY, TW-MY-POSITION, TW-POSITION-FOREIGN after it
/// has printed what it found.
void run_status_binlog(const status_options& options);

}  // namespace tidewire
