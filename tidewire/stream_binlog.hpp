// tidewire stream of a MySQL or MariaDB server.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// As run_stream, for mysql:// and mariadb:// URLs.
void run_stream_binlog(const stream_options& options, bool quiet);

/// As run_snapshot, likewise. A stream can go on from the position file of a complete copy.
void run_snapshot_binlog(stream_options options, bool quiet);

}  // namespace tidewire
