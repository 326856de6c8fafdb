// How far a copy of tables has come, as lines of a position file: what parses is printed and parsed to the
// same, is within its bounds, and goes into SQL as nothing but literals.
#include <cstdint>
#include <string>
#include <vector>

#include "binlog/copy_progress.hpp"

using namespace tidewire::binlog;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

std::vector<std::string> lines_of(const copy_progress& of) {
  std::vector<std::string> lines;
  if (of.place.empty()) return lines;
  lines.push_back(rows_line(of));
  for (const auto& [name, table] : of.tables) lines.push_back(line_of(table));
  return lines;
}

/// One column of each kind of literal.
const copy_key& key_of_all_kinds() {
  static const copy_key key = [] {
    std::vector<column_facts> columns{{"n", "decimal(65,30)", "", true},
                                      {"t", "time(6)", "", true},
                                      {"g", "varchar(100)", "gbk", true},
                                      {"u", "varchar(100)", "utf8mb4", true},
                                      {"b", "varbinary(100)", "", true}};
    key_facts facts{"PRIMARY",
                    {{"n"}, {"t"}, {"g", false, false, "gbk_bin"}, {"u", true, false, "utf8mb4_bin"}, {"b"}}};
    return *copy_key_of(definition_of("d", "t", columns, false), columns, facts);
  }();
  return key;
}

void check_literals(const key_values& values) {
  constexpr std::string_view plain = "0123456789abcdefABCDEFghmnrtux_utf8mb4gbk_bin COLATE'-.:";
  for (const std::string& each : values)
    for (const key_column& column : key_of_all_kinds().columns) {
      auto literal = literal_of(column, each);
      if (!literal) continue;
      require(literal->find_first_not_of(plain) == literal->npos);
      std::size_t first = literal->find('\''), last = literal->rfind('\'');
      bool quoted = first != literal->npos;
      if (quoted) require(first != last && literal->find('\'', first + 1) == last);
      if (!quoted) require(literal->find_first_not_of("-.0123456789") == literal->npos);
    }
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
  require(lines.empty() || progress->tables.size() == lines.size() - 1);
  for (const auto& [name, table] : progress->tables) {
    require(name == std::pair(table.schema, table.name) && !table.schema.empty() && !table.name.empty());
    for (const key_range& range : table.ranges)
      for (const key_values* each : {&range.after, &range.up_to}) {
        require(each->size() <= max_key_columns);
        check_literals(*each);
      }
  }
  std::vector<std::string> printed = lines_of(*progress);
  auto again = parse_copy(printed);
  require(again.has_value());
  require(again->place == progress->place && again->exact == progress->exact);
  require(lines_of(*again) == printed);
  return 0;
}
