#include "tidewire/progress.hpp"

#include <array>
#include <fmt/format.h>

namespace tidewire {

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  std::uint64_t tenths = bytes * (bytes < UINT64_MAX / 10 ? 10 : 1);
  if (bytes >= UINT64_MAX / 10) tenths = bytes / 1000 * 10, unit = 1;
  for (; tenths >= 10'000 && unit + 1 < units.size(); ++unit) tenths /= 1000;
  if (unit == 0 || tenths >= 1000) return fmt::format("{} {}", tenths / 10, units[unit]);
  return fmt::format("{}.{} {}", tenths / 10, tenths % 10, units[unit]);
}

std::string progress::line(const progress_totals& totals, clock::time_point now) {
  auto elapsed_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::milliseconds>(now - last_time_).count()));
  auto rate = [&](std::uint64_t after, std::uint64_t before) { return (after - before) * 1000 / elapsed_ms; };
  std::string text = fmt::format("{} rows/s  {}/s", rate(totals.changes, last_.changes),
                                 human_bytes(rate(totals.bytes_in, last_.bytes_in)));
  if (totals.lag_bytes) text += fmt::format("  lag {}", human_bytes(*totals.lag_bytes));
  if (totals.retained_bytes) text += fmt::format("  retained WAL {}", human_bytes(*totals.retained_bytes));
  text += fmt::format("  {} changes  at {}", totals.changes, totals.position);
  last_ = totals;
  last_time_ = now;
  return text;
}

}  // namespace tidewire
