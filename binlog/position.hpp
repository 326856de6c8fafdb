// Where a stream of a MySQL or MariaDB server goes on, as text.
#pragma once

#include <optional>
#include <string>

#include "binlog/gtid_set.hpp"
#include "binlog/mariadb_gtid_position.hpp"

namespace tidewire::binlog {

/// How a server's place is told.
enum class position_kind : std::uint8_t {
  gtid_set,  // MySQL with GTIDs: everything that is behind us
  domains,   // MariaDB: the last transaction of each domain
  file,      // file and offset, where there is nothing better: of that one server only
};

/// Of the three only what `kind` says.
struct position {
  position_kind kind = position_kind::gtid_set;
  gtid_set executed;
  mariadb_gtid_position domains;
  std::string file;
  std::uint64_t offset = 0;

  friend bool operator==(const position&, const position&) = default;
};

/// Whether everything up to `other` is behind `at`. Both are of one kind.
bool contains(const position& at, const position& other);

/// gtid:uuid:1-5,… or domains:0-1-100,… or file:binlog.000003:154
std::string to_string(const position& of);

/// Nothing if it is none of these.
std::optional<position> parse_position(std::string_view text);

}  // namespace tidewire::binlog
