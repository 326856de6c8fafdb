// What can't be asked inside a running stream or copy is asked beside it, on a connection of its own: how far
// the server is, what the slot makes it keep. It warns before that is too much, and writes the heartbeat.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "pgoutput/slot_status.hpp"
#include "tidewire/log.hpp"
#include "wire/connection_string.hpp"

namespace tidewire {

struct monitor_settings {
  std::string slot;
  std::chrono::milliseconds heartbeat{0};  // 0: none
  std::chrono::milliseconds interval{5'000};
  std::chrono::milliseconds first_look{0};  // from the beginning
  std::function<void(const pgoutput::slot_status&)> on_status;
  /// TW-PG-SLOT-LOST or TW-PG-SLOT-MISSING (refused); then it ends. Without this nobody looks: a stream hears
  /// of it by itself.
  std::function<void(std::exception_ptr)> on_lost;
  /// What it can't find out is worth this, never the stream.
  log_level trouble = log_level::warning;
};

/// Prefix of the heartbeat's logical messages.
inline constexpr const char* heartbeat_prefix = "tidewire.heartbeat";

/// A warning (TW-PG-WAL-BUDGET) comes once for each of these per cent of max_slot_wal_keep_size that the slot
/// retains, and again when it was below in between.
inline constexpr unsigned wal_budget_steps[] = {50, 70, 85};
/// The highest step that `percent` has reached, 0 for none.
unsigned wal_budget_step(unsigned percent);

/// Goes on until `over`; from then on it calls nothing any more.
asio::awaitable<void> monitor(wire::connection_options source, monitor_settings settings,
                              std::shared_ptr<const bool> over);

}  // namespace tidewire
