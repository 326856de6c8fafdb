// One line on a terminal that says how the stream is doing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tidewire {

/// Totals as they stand; rates come from the difference of two of them.
struct progress_totals {
  std::uint64_t changes = 0;
  std::uint64_t bytes_in = 0;
  std::string position;
  std::optional<std::uint64_t> lag_bytes;       // how far the source is ahead of what is durable here
  std::optional<std::uint64_t> retained_bytes;  // WAL that the slot makes the source keep
};

/// `48 kB`, `1.2 GB`: three digits at the most before the unit, powers of 1000.
std::string human_bytes(std::uint64_t bytes);

class progress {
 public:
  using clock = std::chrono::steady_clock;
  explicit progress(clock::time_point start) : last_time_(start) {}

  /// The line for now, without line break; rates cover the time since the last call.
  std::string line(const progress_totals& totals, clock::time_point now);

 private:
  progress_totals last_;
  clock::time_point last_time_;
};

}  // namespace tidewire
