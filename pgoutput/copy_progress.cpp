#include "pgoutput/copy_progress.hpp"

#include <charconv>
#include <utility>

namespace tidewire::pgoutput {
namespace {

template <class T>
std::optional<T> number_of(std::string_view text) {
  T number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Up to `mark`, which is taken too; all of it if there is none.
std::string_view take_until(std::string_view& text, char mark) {
  std::size_t at = text.find(mark);
  std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return taken;
}

constexpr std::string_view snapshot_word = "snapshot ";
constexpr std::string_view table_word = "table ";

std::optional<copy_snapshot> parse_snapshot(std::string_view text) {
  auto at = wire::parse_lsn(take_until(text, ' '));
  if (!at || !bounds_of(text)) return std::nullopt;
  return copy_snapshot{*at, std::string(text)};
}

/// 0-512@1,512-@2
std::optional<block_map> parse_ranges(std::string_view text, std::size_t snapshots) {
  block_map done;
  std::uint32_t least = 0;
  while (!text.empty()) {
    std::string_view piece = take_until(text, ',');
    auto begin = number_of<std::uint32_t>(take_until(piece, '-'));
    std::string_view end_text = take_until(piece, '@');
    auto end = end_text.empty() ? std::optional{no_block_end} : number_of<std::uint32_t>(end_text);
    auto snapshot = number_of<std::uint32_t>(piece);
    if (!begin || !end || !snapshot || *begin < least || *begin >= *end || *snapshot == 0 ||
        *snapshot > snapshots)
      return std::nullopt;
    done.set({*begin, *end, *snapshot});
    least = *end;
  }
  return done;
}

std::optional<copied_table> parse_table(std::string_view text, std::size_t snapshots) {
  copied_table table;
  auto oid = number_of<std::uint32_t>(take_until(text, ' '));
  table.fingerprint = take_until(text, ' ');
  auto rows = number_of<std::uint64_t>(take_until(text, ' '));
  if (!oid || !rows || table.fingerprint.empty()) return std::nullopt;
  table.oid = *oid;
  table.rows = *rows;
  while (!text.empty()) {
    std::string_view piece = take_until(text, ' ');
    auto part = number_of<std::uint32_t>(take_until(piece, ':'));
    auto file = number_of<std::uint32_t>(take_until(piece, ':'));
    auto done = parse_ranges(piece, snapshots);
    if (!part || !file || !done) return std::nullopt;
    table.parts.push_back({*part, *file, std::move(*done)});
  }
  return table;
}

}  // namespace

std::optional<xid_bounds> bounds_of(std::string_view visible) {
  auto xmin = number_of<std::uint64_t>(take_until(visible, ':'));
  auto xmax = number_of<std::uint64_t>(take_until(visible, ':'));
  if (!xmin || !xmax || *xmin > *xmax) return std::nullopt;
  return xid_bounds{*xmin, *xmax};
}

void prune(copy_progress& progress) {
  std::vector<std::uint32_t> numbers(progress.snapshots.size() + 1, 0);
  for (const auto& [oid, table] : progress.tables)
    for (const copied_part& part : table.parts)
      for (const block_range& each : part.done.ranges()) numbers[each.snapshot] = 1;
  std::vector<copy_snapshot> kept;
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i] == 0) continue;
    kept.push_back(std::move(progress.snapshots[i - 1]));
    numbers[i] = static_cast<std::uint32_t>(kept.size());
  }
  progress.snapshots = std::move(kept);
  for (auto& [oid, table] : progress.tables) {
    for (copied_part& part : table.parts) {
      block_map renumbered;
      for (const block_range& each : part.done.ranges())
        renumbered.set({each.begin, each.end, numbers[each.snapshot]});
      part.done = std::move(renumbered);
    }
  }
}

std::string line_of(const copy_snapshot& of) {
  return std::string(snapshot_word) + to_string(of.at) + ' ' + of.visible;
}

std::string line_of(const copied_table& of) {
  std::string line =
      std::string(table_word) + std::to_string(of.oid) + ' ' + of.fingerprint + ' ' + std::to_string(of.rows);
  for (const copied_part& part : of.parts) {
    line += ' ' + std::to_string(part.oid) + ':' + std::to_string(part.file) + ':';
    bool first = true;
    for (const block_range& each : part.done.ranges()) {
      if (!std::exchange(first, false)) line += ',';
      line += std::to_string(each.begin) + '-';
      if (each.end != no_block_end) line += std::to_string(each.end);
      line += '@' + std::to_string(each.snapshot);
    }
  }
  return line;
}

std::optional<copy_progress> parse_copy(const std::vector<std::string>& lines) {
  copy_progress progress;
  for (std::string_view line : lines) {
    if (line.starts_with(snapshot_word)) {
      // Their numbers are used by the tables' lines, so they come first.
      auto snapshot = parse_snapshot(line.substr(snapshot_word.size()));
      if (!snapshot || !progress.tables.empty()) return std::nullopt;
      progress.snapshots.push_back(std::move(*snapshot));
    } else if (line.starts_with(table_word)) {
      auto table = parse_table(line.substr(table_word.size()), progress.snapshots.size());
      if (!table) return std::nullopt;
      std::uint32_t oid = table->oid;
      if (!progress.tables.try_emplace(oid, std::move(*table)).second) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  if (!lines.empty() && progress.snapshots.empty()) return std::nullopt;
  return progress;
}

}  // namespace tidewire::pgoutput
