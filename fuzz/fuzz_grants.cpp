// Lines of SHOW GRANTS: what parses says what it says, asks for nothing beyond the line, and no question
// about what it amounts to goes astray.
//   input: a byte of options; lines; the last one is asked for as a schema, and as a table
#include <algorithm>

#include "binlog/grants.hpp"
#include "binlog_fuzz.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

void check_line(std::string_view line) {
  auto parsed = parse_grant(line);
  if (!parsed) return;
  for (const auto* list : {&parsed->privileges, &parsed->column_privileges, &parsed->roles})
    for (const std::string& each : *list) {
      require(each.size() <= line.size());
      touch(each);
    }
  bool on = parsed->is == grant_line::kind::privileges || parsed->is == grant_line::kind::revoked;
  require(on == (!parsed->privileges.empty() || !parsed->column_privileges.empty()));
  require(on || parsed->schema.empty());
  require((parsed->is == grant_line::kind::roles) <= !parsed->roles.empty());
  require(parsed->schema.size() + parsed->table.size() + parsed->grantee.size() <= line.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 20'000) return 0;
  std::vector<std::uint8_t> all = exact({data + 1, size - 1});
  std::string_view text = as_text(byte_view(all));
  grant_list list;
  list.literal_schemas = data[0] & 1;
  list.fold_case = data[0] & 2;
  std::string_view last;
  while (!text.empty()) {
    last = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(last.size() + 1, text.size()));
    check_line(last);
    list.add(last);
  }
  bool global = list.global("SELECT");
  bool on_schema = list.on_schema(last, "SELECT");
  require(!on_schema || list.on_table(last, last, "SELECT"));
  require(!on_schema || list.anywhere("SELECT"));
  require(!global || list.anywhere("SELECT"));
  require(schema_matches(last, last, true) || last.find('\\') != last.npos);
  sink(list.requires_tls());
  sink(list.roles());
  return 0;
}
