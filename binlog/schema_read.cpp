#include "binlog/schema_read.hpp"

#include <algorithm>

namespace tidewire::binlog {

namespace {

constexpr std::string_view select =
    "SELECT table_schema, table_name, column_name, column_type, COALESCE(character_set_name,''), column_key "
    "FROM information_schema.columns WHERE ";
constexpr std::string_view in_order = " ORDER BY table_schema, table_name, ordinal_position LIMIT ";

std::string quoted(std::string_view name) {
  std::string out = "'";
  for (char c : name) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

table_facts facts_of(const text_result& columns) {
  table_facts found;
  for (const auto& row : columns.rows) {
    if (row.size() != 6 || std::ranges::any_of(row, [](const auto& each) { return !each; }))
      malformed("columns", {decode_errc::bad_value, 0, "row"});
    found[{*row[0], *row[1]}].push_back({*row[2], *row[3], *row[4], *row[5] == "PRI"});
  }
  return found;
}

}  // namespace

conversation<std::optional<table_facts>> read_schema(session& with) {
  std::string sql(select);
  sql += "table_schema NOT IN ('information_schema','performance_schema','sys')";
  sql += in_order;
  sql += std::to_string(most_schema_columns + 1);
  text_result columns = co_await text_query(with, std::move(sql), "reading columns");
  std::optional<table_facts> found;
  if (columns.rows.size() <= most_schema_columns) found = facts_of(columns);
  co_return found;
}

conversation<table_facts> read_schema(session& with, table_names of) {
  std::string sql(select);
  bool first = true;
  for (const auto& [schema, name] : of) {
    sql += first ? "(" : " OR (";
    sql += "table_schema=" + quoted(schema) + " AND table_name=" + quoted(name) + ")";
    first = false;
  }
  if (first) sql += "FALSE";
  sql += in_order;
  sql += std::to_string(most_schema_columns + 1);
  text_result columns = co_await text_query(with, std::move(sql), "reading columns");
  table_facts found = facts_of(columns);
  // Names may compare without case there.
  std::erase_if(found, [&](const auto& each) { return std::ranges::count(of, each.first) == 0; });
  co_return found;
}

}  // namespace tidewire::binlog
