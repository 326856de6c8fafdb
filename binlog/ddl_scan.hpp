// Looks through a binlog from a place to its present end for statements that change tables.
#pragma once

#include <string>
#include <vector>

#include "binlog/ddl_tables.hpp"
#include "binlog/source.hpp"

namespace tidewire::binlog {

struct found_ddl {
  std::string mark;  // of its transaction; see mark_of
  ddl_tables tables;
};

/// Over a session of its own, which is of no use afterwards. In their order; refused (TW-MY-RESULT-LIMIT)
/// beyond 100,000. Throws what ends a connection, TW-MY-DECODE.
conversation<std::vector<found_ddl>> scan_ddl(session& with, server_facts server, position from,
                                              dump_settings settings);

}  // namespace tidewire::binlog
