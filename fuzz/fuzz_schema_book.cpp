// Columns as information_schema tells them: types of any text give a table's definition or the one failure,
// and the book of them says the same of rows that look so.
//   input: a byte of options; lines as `mysql -N -B` prints them
#include "binlog/schema_book.hpp"
#include "binlog_fuzz.hpp"
#include "core/failure.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

template <class F>
bool succeeds(std::string_view code, F&& what) {
  try {
    what();
    return true;
  } catch (const failure& e) {
    require(e.code == code);
    return false;
  }
}

void check_definition(const std::vector<column_facts>& columns, bool mariadb) {
  table_definition made;
  if (!succeeds("TW-MY-SCHEMA", [&] { made = definition_of("s", "t", columns, mariadb); })) return;
  require(made.columns.size() == columns.size() && made.has_names);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    require(made.columns[i].name == columns[i].name && made.columns[i].key == columns[i].key);
    std::size_t labels = 0;
    for (const std::string& each : made.columns[i].labels) labels += each.size() + 2;
    require(labels <= columns[i].type.size());
  }
  // Rows without names and signs get them, the same ones.
  table_definition rows = made;
  rows.has_names = false;
  for (column_definition& each : rows.columns) {
    each.name.clear();
    each.labels.clear();
    each.signedness_known = each.is_unsigned = false;
  }
  schema_book book;
  book.set("s", "t", columns);
  const table_definition* better = book.improved(rows);
  require(better && better == book.improved(rows));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const column_definition &a = better->columns[i], &b = made.columns[i];
    require(a.name == b.name && a.labels == b.labels && a.is_unsigned == b.is_unsigned);
  }
  // Others are refused.
  rows.columns.emplace_back();
  rows.serial = made.serial + 1;
  require(!succeeds("TW-MY-SCHEMA", [&] { book.improved(rows); }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 20'000) return 0;
  std::vector<std::uint8_t> all = exact({data + 1, size - 1});
  std::string_view text = as_text(byte_view(all));
  succeeds("TW-MY-SCHEMA-FILE", [&] { sink(schema_book::parse(text).empty()); });
  std::vector<column_facts> columns;
  for (std::string_view left = text; !left.empty();) {
    std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    std::vector<std::string> fields = take_fields(line);
    std::string printed;
    std::size_t length = 0;
    for (const std::string& each : fields) {
      put_fields(printed, {each, "x"});
      require(take_fields(std::string_view(printed).substr(length, printed.size() - 1 - length)) ==
              std::vector<std::string>({each, "x"}));
      length = printed.size();
    }
    if (fields.size() == 6) columns.push_back({fields[2], fields[3], fields[4], fields[5] == "PRI"});
  }
  check_definition(columns, data[0] & 1);
  return 0;
}
