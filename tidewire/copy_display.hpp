// How a copy is doing, for people: one line on a terminal, or one in the log from time to time.
#pragma once

#include <chrono>
#include <string>

#include "pgoutput/copy_round.hpp"
#include "pgoutput/slot_status.hpp"

namespace tidewire {

/// What they are called, and whether their bytes are told beside their number.
struct copy_words {
  const char* tables = "tables";
  const char* rows = "rows";
  bool bytes = false;
};

/// `copy 2/5 tables  1,200 rows  …`: rates from the difference of two totals that are `elapsed` apart, the
/// time that is left from all of the table's bytes since the beginning.
std::string copy_line(const pgoutput::copy_totals& now, const pgoutput::copy_totals& before,
                      std::chrono::milliseconds elapsed, const pgoutput::copy_totals& first,
                      std::chrono::milliseconds since_first, const copy_words& words = {});

class copy_display {
 public:
  using clock = std::chrono::steady_clock;

  explicit copy_display(copy_words words = {}) : words_(words) {}

  void begin(const pgoutput::copy_totals& totals, bool on_terminal, clock::time_point now);
  /// About once a second.
  void show(const pgoutput::copy_totals& totals, clock::time_point now);
  void end();
  void set_status(const pgoutput::slot_status& slot) { slot_ = slot; }

 private:
  const copy_words words_;
  bool on_terminal_ = false;
  pgoutput::copy_totals first_, last_;
  clock::time_point began_, shown_;
  std::optional<pgoutput::slot_status> slot_;
};

}  // namespace tidewire
