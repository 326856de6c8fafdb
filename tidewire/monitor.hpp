// What can't be asked inside a running stream is asked beside it, on a connection of its own: how far the
// server is, what the slot retains. It also writes the heartbeat.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "wire/connection_string.hpp"
#include "wire/lsn.hpp"

namespace tidewire {

struct source_status {
  wire::lsn now;
  std::optional<std::uint64_t> retained_bytes;
};

struct monitor_settings {
  std::string slot;
  std::chrono::milliseconds heartbeat{0};  // 0: none
  std::chrono::milliseconds interval{0};   // of the status; 0: none
  std::function<void(const source_status&)> on_status;
};

/// Prefix of the heartbeat's logical messages.
inline constexpr const char* heartbeat_prefix = "tidewire.heartbeat";

/// Goes on for ever. What goes wrong here is worth a warning, never the stream.
asio::awaitable<void> monitor(const wire::connection_options& source, monitor_settings settings);

}  // namespace tidewire
