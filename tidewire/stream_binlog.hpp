// tidewire stream of a MySQL or MariaDB server.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// As run_stream, for mysql:// and mariadb:// URLs.
void run_stream_binlog(const stream_options& options, bool quiet);

}  // namespace tidewire
