// What a position in a MySQL's or MariaDB's binlog is bound to.
#pragma once

#include "binlog/source.hpp"
#include "core/position_store.hpp"

namespace tidewire {

/// A GTID names its transaction on every server; a file's offset is one server's own.
inline stored_position described(const binlog::server_facts& server) {
  stored_position ours;
  ours.source = server.mariadb ? "mariadb" : "mysql";
  if (server.kind == binlog::position_kind::file) ours.identity = {{"server_uuid", server.uuid}};
  return ours;
}

}  // namespace tidewire
