// One connection to a server as the conversations use it: payloads in and out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "binlog/packet.hpp"
#include "binlog/packet_trace.hpp"
#include "binlog/server_error.hpp"
#include "core/conversation.hpp"
#include "core/link.hpp"

namespace tidewire::binlog {

class session {
 public:
  explicit session(tidewire::link& over) : to(over) {}
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Begins a new exchange with a command.
  conversation<> command(std::vector<std::uint8_t> payload);
  /// Goes on in the present one.
  conversation<> send(std::vector<std::uint8_t> payload);

  /// The next payload, never empty; borrowed until the next receive.
  conversation<byte_view> receive();
  /// For who receives frames by himself.
  byte_view take(byte_view frame);

  tidewire::link& to;
  bool mariadb = false;
  std::string server_version;  // without MariaDB's "5.5.5-"
  std::uint32_t connection_id = 0;
  std::string auth_plugin;  // that let us in
  bool credentials_sent = false;
  /// From the greeting on; may be null.
  std::unique_ptr<packet_trace> trace;

 private:
  std::uint8_t sequence_ = 0;
  std::vector<std::uint8_t> joined_;
};

}  // namespace tidewire::binlog
