// How far a copy of tables has come, as lines of a position file: what parses is printed and parsed to the
// same, and forgetting snapshots forgets no blocks.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pgoutput/copy_progress.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

std::vector<std::string> lines_of(const copy_progress& of) {
  std::vector<std::string> lines;
  for (const copy_snapshot& each : of.snapshots) lines.push_back(line_of(each));
  for (const auto& [oid, table] : of.tables) lines.push_back(line_of(table));
  return lines;
}

void check(const copy_progress& of) {
  for (const copy_snapshot& each : of.snapshots) {
    auto bounds = bounds_of(each.visible);
    require(bounds && bounds->xmin <= bounds->xmax);
  }
  for (const auto& [oid, table] : of.tables) {
    require(oid == table.oid);
    for (const copied_part& part : table.parts) {
      std::uint32_t least = 0;
      for (const block_range& each : part.done.ranges()) {
        require(each.begin >= least && each.begin < each.end);
        require(each.snapshot >= 1 && each.snapshot <= of.snapshots.size());
        least = each.end;
      }
    }
  }
  std::vector<std::string> lines = lines_of(of);
  auto again = parse_copy(lines);
  require(again && again->snapshots == of.snapshots && lines_of(*again) == lines);
}

void check_prune(const copy_progress& of) {
  copy_progress less = of;
  prune(less);
  require(less.snapshots.size() <= of.snapshots.size());
  for (const auto& [oid, table] : of.tables) {
    const copied_table& left = less.tables.at(oid);
    require(left.parts.size() == table.parts.size() && left.rows == table.rows);
    for (std::size_t i = 0; i < left.parts.size(); ++i) {
      const auto& before = table.parts[i].done.ranges();
      const auto& after = left.parts[i].done.ranges();
      require(before.size() == after.size());
      for (std::size_t k = 0; k < after.size(); ++k) {
        require(before[k].begin == after[k].begin && before[k].end == after[k].end);
        require(of.snapshots[before[k].snapshot - 1] == less.snapshots.at(after[k].snapshot - 1));
      }
    }
  }
  // The run that goes on has a snapshot of its own.
  less.snapshots.push_back({wire::lsn{1}, "3:3:"});
  check(less);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < size;) {
    std::string& line = lines.emplace_back();
    while (at < size && data[at] != '\n') line += static_cast<char>(data[at++]);
    ++at;
  }
  auto progress = parse_copy(lines);
  if (!progress) return 0;
  check(*progress);
  check_prune(*progress);
  return 0;
}
