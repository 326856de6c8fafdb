// What a stream reads, and what is known of the server it reads from.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/lsn.hpp"

namespace tidewire::pgoutput {

/// As server_version_num counts.
inline constexpr int oldest_server_version = 110'000;

/// What was asked for.
struct source_settings {
  std::string slot;
  std::vector<std::string> publications;
  bool create_slot = false;      // if it does not exist
  bool export_snapshot = false;  // with the slot that is made, for a copy that the stream goes on from
  bool temporary_slot = false;   // always made anew; ends with the connection
  bool failover = false;         // the slot that is made is synchronised to standbys (17+)
  bool two_phase = false;        // prepared transactions at PREPARE (15+)
  bool binary = false;           // values in binary form (14+)
  bool messages = false;         // logical messages too (14+)
  bool streaming = true;         // large transactions while they run (14+)
  std::string origin;            // any or none (16+); empty: the server's default
  std::optional<unsigned> protocol;
  std::chrono::milliseconds lock_timeout{10'000};
};

/// What the server is, asked once for each connection.
struct server_facts {
  int version = 0;  // 150018
  std::string system_identifier;
  std::uint32_t timeline = 0;
  std::string database;
  bool in_recovery = false;
  wire::lsn now;                                    // everything that is committed now ends at or before this
  std::chrono::milliseconds wal_sender_timeout{0};  // 0: none

  int major() const { return version / 10'000; }
};

/// The slot as it is now.
struct slot_facts {
  bool exists = false;
  bool made_now = false;
  wire::lsn confirmed;   // the server sends nothing from before this
  std::string snapshot;  // exported with it, until the connection's next command
};

}  // namespace tidewire::pgoutput
