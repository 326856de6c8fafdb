#include "binlog/check_ask_tables.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

namespace tidewire::binlog {
namespace {

// More than this is not asked for: the answers must stay bounded whatever the server holds.
constexpr int max_tables = 200'000;
// A statement each.
constexpr std::size_t max_definitions = 100;

constexpr std::string_view system_schemas = "('mysql','information_schema','performance_schema','sys')";

void add_columns(const text_result& columns, std::vector<table_fact>& tables) {
  std::unordered_map<std::string, table_fact*> by_name;
  for (table_fact& each : tables) by_name.emplace(each.schema + '\0' + each.name, &each);
  for (const auto& row : columns.rows) {
    auto at = by_name.find(text_of(row, 0) + '\0' + text_of(row, 1));
    if (at == by_name.end()) continue;
    table_fact& table = *at->second;
    std::string type = text_of(row, 2);
    bool old = type.find("/*") != type.npos;
    table.keyed |= text_of(row, 3) == "PRI";
    table.old_times |= old;
    table.old_fractions |= old && type.find('(') < type.find("/*");
  }
}

bool acts(std::string_view rule) {
  return !rule.empty() && rule != "RESTRICT" && rule != "NO ACTION";
}

std::string rules_text(const std::string& on_delete, const std::string& on_update) {
  std::string text;
  if (acts(on_delete)) text = "ON DELETE " + on_delete;
  if (acts(on_update)) text += (text.empty() ? "ON UPDATE " : " ON UPDATE ") + on_update;
  return text;
}

/// What follows " ON DELETE " in the end of a constraint's line.
std::string rule_after(std::string_view end, std::string_view words) {
  std::size_t at = end.find(words);
  if (at == end.npos) return {};
  end.remove_prefix(at + words.size());
  for (std::string_view rule : {"CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"})
    if (end.starts_with(rule)) return std::string(rule);
  return {};
}

}  // namespace

conversation<answer> ask(session& with, std::string sql, std::string doing) {
  answer made;
  try {
    text_result result = co_await text_query(with, std::move(sql), std::move(doing));
    made.value = std::move(result);
  } catch (const server_failure& why) {
    if (why.kind == failure_kind::transient) throw;
    made.missing = why.what();
  }
  co_return made;
}

std::string text_of(const std::vector<std::optional<std::string>>& row, std::size_t column) {
  return column < row.size() && row[column] ? *row[column] : std::string();
}

conversation<> ask_tables(session& with, check_facts& into) {
  std::string limit = " LIMIT " + std::to_string(max_tables);
  answer found = co_await ask(with,
                              "SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE, TABLE_TYPE FROM "
                              "information_schema.TABLES WHERE TABLE_SCHEMA NOT IN " +
                                  std::string(system_schemas) + limit,
                              "listing tables");
  into.tables.missing = found.missing;
  if (!found) co_return;
  std::vector<table_fact> tables;
  for (const auto& row : found->rows) {
    table_fact table;
    table.schema = text_of(row, 0);
    table.name = text_of(row, 1);
    table.engine = text_of(row, 2);
    std::string type = text_of(row, 3);
    table.is_table = type == "BASE TABLE" || type == "SYSTEM VERSIONED";
    tables.push_back(std::move(table));
  }
  // MySQL 5.7 marks columns of the old form for who asks for it.
  if (!into.mariadb && into.version < 80000)
    co_await ask(with, "SET SESSION show_old_temporals = ON", "asking for old forms");
  answer columns = co_await ask(with,
                                "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_TYPE, COLUMN_KEY FROM "
                                "information_schema.COLUMNS WHERE (COLUMN_KEY = 'PRI' OR COLUMN_TYPE LIKE "
                                "'%/* mariadb-5.3 */%' OR COLUMN_TYPE LIKE '%/* 5.5 binary format */%') AND "
                                "TABLE_SCHEMA NOT IN " +
                                    std::string(system_schemas) + limit,
                                "listing keys");
  if (!columns) {
    into.tables.missing = columns.missing;
    co_return;
  }
  add_columns(*columns, tables);
  into.tables.value = std::move(tables);
}

void add_cascades(std::string_view definition, const std::string& schema, const std::string& table,
                  std::vector<cascade_fact>& into) {
  constexpr std::string_view beginning = "  CONSTRAINT `";
  while (!definition.empty()) {
    std::string_view line = definition.substr(0, definition.find('\n'));
    definition.remove_prefix(std::min(line.size() + 1, definition.size()));
    std::size_t end = line.rfind(')');
    if (!line.starts_with(beginning) || line.find(" FOREIGN KEY (") == line.npos || end == line.npos)
      continue;
    std::string_view tail = line.substr(end);
    std::string rules = rules_text(rule_after(tail, " ON DELETE "), rule_after(tail, " ON UPDATE "));
    if (rules.empty()) continue;
    line.remove_prefix(beginning.size());
    into.push_back({schema, table, std::string(line.substr(0, line.find('`'))), std::move(rules)});
  }
}

conversation<> ask_cascades(session& with, check_facts& into) {
  std::string limit = " LIMIT " + std::to_string(max_tables);
  answer rules =
      co_await ask(with,
                   "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, UPDATE_RULE "
                   "FROM information_schema.REFERENTIAL_CONSTRAINTS" +
                       limit,
                   "listing foreign keys");
  into.cascades.missing = rules.missing;
  if (!rules) co_return;
  std::vector<cascade_fact> found;
  std::set<std::vector<std::string>> told;
  for (const auto& row : rules->rows) {
    told.insert({text_of(row, 0), text_of(row, 1), text_of(row, 2)});
    std::string text = rules_text(text_of(row, 3), text_of(row, 4));
    if (!text.empty()) found.push_back({text_of(row, 0), text_of(row, 1), text_of(row, 2), std::move(text)});
  }
  // MariaDB and MySQL 5.7 hide them there from who may only SELECT, but not that they exist.
  answer keys =
      co_await ask(with,
                   "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME FROM "
                   "information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL AND "
                   "TABLE_SCHEMA NOT IN " +
                       std::string(system_schemas) + limit,
                   "listing foreign keys");
  into.cascades.missing = keys.missing;
  if (!keys) co_return;
  std::set<std::pair<std::string, std::string>> hidden;
  for (const auto& row : keys->rows)
    if (!told.contains({text_of(row, 0), text_of(row, 1), text_of(row, 2)}))
      hidden.emplace(text_of(row, 0), text_of(row, 1));
  std::size_t asked_for = 0;
  for (const auto& [schema, table] : hidden) {
    if (++asked_for > max_definitions) break;
    answer shown = co_await ask(with, "SHOW CREATE TABLE " + sql_name(schema, table), "reading a definition");
    into.cascades.missing = shown.missing;
    if (!shown) co_return;
    add_cascades(shown->first(1), schema, table, found);
  }
  if (asked_for > max_definitions && found.empty()) {
    into.cascades.missing = "more than " + std::to_string(max_definitions) +
                            " tables have foreign keys whose rules are hidden from who may only SELECT";
    co_return;
  }
  into.cascades.value = std::move(found);
}

}  // namespace tidewire::binlog
