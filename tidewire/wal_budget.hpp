// While a copy runs nothing is read from its slot, and the server keeps all WAL since: how much more it may
// keep before it drops the slot.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "wire/connection_string.hpp"

namespace tidewire {

struct wal_budget {
  std::uint64_t retained_bytes = 0;
  std::optional<std::uint64_t> safe_bytes;  // may still be written; nothing: no limit is set (or before 13)
  bool lost = false;

  /// In per cent of what may be kept, 0 without a limit.
  int used_percent() const;
};

/// Warns once for each of these that is reached.
inline constexpr int wal_budget_steps[] = {50, 70, 85};
/// The highest step that `percent` has reached, 0 for none.
int wal_budget_step(int percent);

struct budget_watch {
  std::string slot;
  std::chrono::milliseconds interval{5'000};
  std::function<void(const wal_budget&)> on_budget;
  /// TW-PG-SLOT-LOST or TW-PG-SLOT-MISSING (refused); then it ends.
  std::function<void(std::exception_ptr)> on_lost;
};

/// Looks until `over`; from then on it calls nothing any more. Warns by log().
asio::awaitable<void> watch_wal_budget(wire::connection_options source, budget_watch settings,
                                       std::shared_ptr<const bool> over);

}  // namespace tidewire
