// A slot seen from beside the stream, on an ordinary connection: how far it is, and what it makes the server
// keep.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "wire/lsn.hpp"
#include "wire/session.hpp"

namespace tidewire::pgoutput {

struct slot_status {
  std::string server_version;     // 15.18
  std::string system_identifier;  // empty: this role may not see it
  std::string database;           // that we are connected to
  wire::lsn now;                  // the end of the server's WAL

  bool exists = false;
  std::string slot_database;
  std::string lost_because;  // empty: it is not
  std::string wal_status;    // 13+: reserved, extended, unreserved, lost
  wire::lsn confirmed;
  std::optional<std::uint64_t> retained_bytes;  // WAL that is kept for it
  std::optional<std::uint64_t> limit_bytes;     // max_slot_wal_keep_size (13+), where there is a limit
  std::optional<std::uint64_t> safe_bytes;      // may still be written, where there is a limit

  std::optional<std::int64_t> active_pid;
  std::string client;                                  // application name and address
  std::optional<std::chrono::milliseconds> reply_age;  // since the server last heard from it (12+)

  /// How much of the limit is used up, in percent.
  std::optional<unsigned> used_percent() const {
    if (!retained_bytes || !limit_bytes || *limit_bytes == 0) return std::nullopt;
    return static_cast<unsigned>(*retained_bytes * 100 / *limit_bytes);
  }
};

/// Needs no rights but to connect. Throws what ends the connection, and server_failure.
conversation<slot_status> ask_slot(wire::session& with, std::string slot);

}  // namespace tidewire::pgoutput
