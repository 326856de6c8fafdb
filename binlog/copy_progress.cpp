#include "binlog/copy_progress.hpp"

#include <algorithm>
#include <charconv>

#include "binlog/sql_text.hpp"

namespace tidewire::binlog {
namespace {

constexpr std::string_view rows_word = "rows ", table_word = "table ";
constexpr std::string_view exact_word = "exact", later_word = "later";
constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t max_place_bytes = 1000, max_name_bytes = 256;  // 64 characters

/// Up to `mark`, which is taken too; all of it if there is none.
std::string_view take_until(std::string_view& text, char mark) {
  std::size_t at = text.find(mark);
  std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return taken;
}

/// 31+3230: the bytes of each value in hex; an empty value has none.
std::string text_of(const key_values& values) {
  if (values.empty()) return "-";
  std::string text;
  for (const std::string& each : values) {
    text += text.empty() ? "x" : "+x";
    for (char c : each) {
      text += digits[static_cast<unsigned char>(c) >> 4];
      text += digits[c & 15];
    }
  }
  return text;
}

std::optional<key_values> parse_values(std::string_view text) {
  key_values values;
  if (text == "-") return values;
  if (text.ends_with('+')) return std::nullopt;
  do {
    std::string_view hex = take_until(text, '+');
    if (!hex.starts_with('x') || hex.size() % 2 == 0 || hex.size() / 2 > max_key_value_bytes ||
        values.size() == max_key_columns)
      return std::nullopt;
    std::string& value = values.emplace_back();
    for (std::size_t i = 1; i < hex.size(); i += 2) {
      std::size_t high = digits.find(hex[i]), low = digits.find(hex[i + 1]);
      if (high == digits.npos || low == digits.npos) return std::nullopt;
      value += static_cast<char>(high << 4 | low);
    }
  } while (!text.empty());
  return values;
}

/// x31..x3130,x32..-
std::optional<std::vector<key_range>> parse_ranges(std::string_view text) {
  std::vector<key_range> ranges;
  if (text == "none") return ranges;
  if (text.ends_with(',')) return std::nullopt;
  do {
    std::string_view piece = take_until(text, ',');
    std::size_t dots = piece.find("..");
    if (dots == piece.npos) return std::nullopt;
    auto after = parse_values(piece.substr(0, dots)), up_to = parse_values(piece.substr(dots + 2));
    if (!after || !up_to) return std::nullopt;
    // Only the first has no lower bound, only the last no upper one.
    bool first = ranges.empty();
    if (after->empty() && !first) return std::nullopt;
    if (!first && (ranges.back().up_to.empty() || ranges.back().up_to == *after)) return std::nullopt;
    if (!after->empty() && *after == *up_to) return std::nullopt;
    ranges.push_back({std::move(*after), std::move(*up_to)});
  } while (!text.empty());
  return ranges;
}

/// `name`, with its backticks doubled; empty: it is none.
std::string take_name(std::string_view& text) {
  std::string name;
  if (!text.starts_with('`')) return name;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '`') {
      if (text.substr(i + 1, 1) != "`") {
        text.remove_prefix(i + 1);
        return name.size() > max_name_bytes ? std::string() : name;
      }
      ++i;
    }
    name += text[i];
  }
  return {};
}

bool is_fingerprint(std::string_view text) {
  return text.size() == 16 && text.find_first_not_of(digits) == text.npos;
}

std::optional<copied_table> parse_table(std::string_view text) {
  copied_table table;
  table.fingerprint = take_until(text, ' ');
  std::string_view rows = take_until(text, ' ');
  auto [end, error] = std::from_chars(rows.data(), rows.data() + rows.size(), table.rows);
  auto ranges = parse_ranges(take_until(text, ' '));
  if (!is_fingerprint(table.fingerprint) || error != std::errc{} || end != rows.data() + rows.size() ||
      !ranges)
    return std::nullopt;
  table.ranges = std::move(*ranges);
  table.schema = take_name(text);
  if (!text.starts_with('.')) return std::nullopt;
  text.remove_prefix(1);
  table.name = take_name(text);
  if (!text.empty() || table.schema.empty() || table.name.empty()) return std::nullopt;
  return table;
}

}  // namespace

std::string rows_line(const copy_progress& of) {
  return std::string(rows_word) + std::string(of.exact ? exact_word : later_word) + ' ' + of.place;
}

std::string line_of(const copied_table& of) {
  std::string line = std::string(table_word) + of.fingerprint + ' ' + std::to_string(of.rows) + ' ';
  if (of.ranges.empty()) line += "none";
  for (std::size_t i = 0; i < of.ranges.size(); ++i)
    line += (i ? "," : "") + text_of(of.ranges[i].after) + ".." + text_of(of.ranges[i].up_to);
  return line + ' ' + sql_name(of.schema, of.name);
}

std::optional<copy_progress> parse_copy(const std::vector<std::string>& lines) {
  copy_progress progress;
  for (std::string_view line : lines) {
    if (progress.place.empty()) {
      if (!line.starts_with(rows_word)) return std::nullopt;
      line.remove_prefix(rows_word.size());
      std::string_view kind = take_until(line, ' ');
      if ((kind != exact_word && kind != later_word) || line.empty() || line.size() > max_place_bytes)
        return std::nullopt;
      progress.exact = kind == exact_word;
      progress.place = line;
      continue;
    }
    if (!line.starts_with(table_word)) return std::nullopt;
    auto table = parse_table(line.substr(table_word.size()));
    if (!table) return std::nullopt;
    std::pair name{table->schema, table->name};
    if (!progress.tables.try_emplace(std::move(name), std::move(*table)).second) return std::nullopt;
  }
  return progress;
}

}  // namespace tidewire::binlog
