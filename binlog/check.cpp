#include "binlog/check.hpp"

#include <algorithm>
#include <utility>

#include "binlog/check_judging.hpp"

namespace tidewire::binlog {
namespace {

[[noreturn]] void bad_table(std::string_view text) {
  throw failure{failure_kind::usage, "TW-USAGE-OPTION", "not a table: " + std::string(text),
                "schema.name; a part that holds a dot or a quote goes into backticks"};
}

/// One part of a name, and what follows it.
std::string take_part(std::string_view& rest, std::string_view whole) {
  std::string part;
  char quote = rest.empty() ? '\0' : rest[0];
  if (quote != '`' && quote != '"') {
    part = rest.substr(0, rest.find('.'));
    rest.remove_prefix(part.size());
    return part;
  }
  for (rest.remove_prefix(1);; rest.remove_prefix(1)) {
    if (rest.empty()) bad_table(whole);
    if (rest[0] == quote) {
      if (rest.size() == 1 || rest[1] != quote) break;
      rest.remove_prefix(1);
    }
    part += rest[0];
  }
  rest.remove_prefix(1);
  return part;
}

bool same(std::string_view a, std::string_view b, bool fold) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return fold ? lower(x) == lower(y) : x == y; });
}

}  // namespace

wanted_table parse_wanted_table(std::string_view text, std::string_view default_schema) {
  std::string_view rest = text;
  wanted_table table;
  table.name = take_part(rest, text);
  table.schema = default_schema;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    table.schema = std::exchange(table.name, {});
    table.name = take_part(rest, text);
  }
  if (!rest.empty() || table.schema.empty() || table.name.empty()) bad_table(text);
  return table;
}

hoster parse_hoster(std::string_view word) {
  if (auto at = hoster_of_option(word)) return *at;
  throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                std::string(word) + " has no MySQL or MariaDB that is known here",
                "one of " + hoster_words()};
}

detected_hoster hoster_of(const check_facts& facts, const check_wishes& wishes) {
  if (wishes.at) return {*wishes.at, "--hoster"};
  return detect_hoster(facts.evidence());
}

server_kind kind_of(const check_facts& facts, const check_wishes& wishes) {
  return {hoster_of(facts, wishes).at, facts.mariadb, facts.version};
}

bool version_supported(const check_facts& facts) {
  return facts.version >= (facts.mariadb ? 100500u : 50700u);
}

std::string short_version(const check_facts& facts) {
  return facts.version_name.substr(0, facts.version_name.find_first_not_of("0123456789."));
}

std::string version_text(const check_facts& facts) {
  return std::string(facts.mariadb ? "MariaDB " : "MySQL ") + short_version(facts);
}

std::vector<check_finding> judge(const check_facts& facts, const check_wishes& wishes) {
  std::vector<check_finding> out;
  judging j{{out}, facts, wishes, kind_of(facts, wishes)};
  judge_connection(j);
  // What has no binlog has none of the rest either.
  if (std::ranges::any_of(out, [](const check_finding& each) {
        return each.code == "TW-CHECK-MY-HOSTER" && each.status == check_status::fail;
      }))
    return out;
  judge_log(j);
  judge_history(j);
  judge_rights(j);
  judge_tables(j);
  return out;
}

const table_fact* find_table(const check_facts& facts, const wanted_table& wanted) {
  if (!facts.tables) return nullptr;
  const std::string* fold = facts.setting("lower_case_table_names");
  bool folds = fold && *fold != "0";
  for (const table_fact& each : *facts.tables)
    if (same(each.schema, wanted.schema, folds) && same(each.name, wanted.name, folds)) return &each;
  return nullptr;
}

std::vector<const table_fact*> tables_in_question(const check_facts& facts, const check_wishes& wishes) {
  std::vector<const table_fact*> found;
  if (!facts.tables) return found;
  for (const wanted_table& each : wishes.tables)
    if (const table_fact* table = find_table(facts, each); table && table->is_table) found.push_back(table);
  if (!wishes.tables.empty()) return found;
  for (const table_fact& each : *facts.tables)
    if (each.is_table) found.push_back(&each);
  return found;
}

// ---- Shared words

std::string judging::account_sql() const {
  return facts.account ? facts.account->name.sql() : "USER@HOST";
}

std::string judging::monitor_right() const {
  return facts.mariadb ? "BINLOG MONITOR" : "REPLICATION CLIENT";
}

std::string tables_text(const std::vector<const table_fact*>& tables) {
  std::vector<std::string> names;
  for (const table_fact* each : tables) {
    if (names.size() == max_named_objects) break;
    names.push_back(each->full_name());
  }
  return counted(tables.size(), "table: ", "tables: ") + first_of(names, tables.size());
}

void name_tables(check_finding& finding, const std::vector<const table_fact*>& tables) {
  finding.object_count = tables.size();
  for (const table_fact* each : tables) {
    if (finding.objects.size() == max_named_objects) break;
    finding.objects.push_back(each->full_name());
  }
}

}  // namespace tidewire::binlog
