// How a position and a server's binlogs stand to each other: what lies between, and whether it is still
// there.
#pragma once

#include "binlog/source.hpp"
#include "core/asked.hpp"

namespace tidewire::binlog {

struct log_file {
  std::string name;
  std::uint64_t bytes = 0;
};

struct log_distance {
  std::vector<log_file> files;  // that the server still has, the oldest first
  /// That are not read: of MariaDB counted by sequence numbers. Not told of a position that is a file's.
  asked<std::uint64_t> transactions;
  /// Of the binlogs from the position on. Of GTIDs at most: from the beginning of the file that has the
  /// first.
  asked<std::uint64_t> bytes;
  /// MariaDB: of each domain the last that is in no file any more; MySQL says so by itself.
  std::optional<mariadb_gtid_position> purged;

  std::uint64_t kept_bytes() const;
};

/// `from` may be missing: then only what the server has is told. Reads the first events of a few of the
/// files. Throws what ends the connection, server_failure.
conversation<log_distance> measure(session& with, server_facts server, std::optional<position> from);

/// As check_position, and of what the server says of a place only when it is asked for the dump. Throws
/// failure TW-MY-PURGED, TW-MY-HISTORY, TW-MY-POSITION.
void check_distance(const server_facts& server, const position& from, const log_distance& distance);

}  // namespace tidewire::binlog
