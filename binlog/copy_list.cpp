// Which tables a copy reads, and by which keys.
#include <algorithm>
#include <charconv>

#include "binlog/copy.hpp"

namespace tidewire::binlog {

namespace {

using table_name = std::pair<std::string, std::string>;

constexpr std::string_view not_ours = " NOT IN ('information_schema','performance_schema','sys','mysql')";

std::uint64_t number_of(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

/// The tables' unique keys that have an order and no NULLs, by name.
using table_keys = std::map<table_name, std::map<std::string, key_facts>>;

conversation<table_keys> read_keys(session& with, const server_facts& server) {
  std::string sql =
      "SELECT table_schema, table_name, index_name, column_name, sub_part, collation, nullable "
      "FROM information_schema.statistics WHERE non_unique=0 AND index_type='BTREE' AND table_schema";
  sql += not_ours;
  // An index that is not to be used can't be forced.
  if (server.mariadb && server.number >= 100600) sql += " AND ignored='NO'";
  if (!server.mariadb && server.number >= 80000) sql += " AND is_visible='YES'";
  sql += " ORDER BY table_schema, table_name, index_name, seq_in_index";
  text_result found = co_await text_query(with, std::move(sql), "reading keys");
  table_keys keys;
  for (const auto& row : found.rows) {
    if (row.size() != 7 || !row[0] || !row[1] || !row[2]) continue;
    key_facts& key = keys[{*row[0], *row[1]}][*row[2]];
    key.index = *row[2];
    bool nullable = row[6].value_or("YES") == "YES";
    // A part that can't be used makes the key one that can't be.
    if (!row[3] || nullable) key.parts.resize(max_key_columns + 1);
    if (key.parts.size() > max_key_columns) continue;
    key.parts.push_back({*row[3], row[5] == "D", row[4].has_value(), {}});
  }
  co_return keys;
}

/// By schema, table and column.
using collations = std::map<std::pair<table_name, std::string>, std::string>;

conversation<collations> read_collations(session& with) {
  std::string sql =
      "SELECT table_schema, table_name, column_name, collation_name FROM information_schema.columns WHERE "
      "collation_name IS NOT NULL AND column_key<>'' AND table_schema";
  sql += not_ours;
  text_result found = co_await text_query(with, std::move(sql), "reading collations");
  collations all;
  for (auto& row : found.rows)
    if (row.size() == 4 && row[0] && row[1] && row[2] && row[3])
      all[{{*row[0], *row[1]}, *row[2]}] = std::move(*row[3]);
  co_return all;
}

/// The primary key, or another one that can be used.
std::optional<copy_key> choose_key(const copy_table& of, const std::map<std::string, key_facts>& keys,
                                   bool mariadb) {
  auto usable = [&](const key_facts& key) {
    return copy_key_of(definition_of(of.schema, of.name, of.columns, mariadb), of.columns, key);
  };
  if (auto primary = keys.find("PRIMARY"); primary != keys.end()) return usable(primary->second);
  for (const auto& [name, key] : keys)
    if (auto made = usable(key)) return made;
  return std::nullopt;
}

}  // namespace

conversation<std::vector<copy_table>> tables_to_copy(session& with, std::vector<std::string> only,
                                                     const server_facts& server, bool in_pieces) {
  std::string sql =
      "SELECT table_schema, table_name, table_rows, data_length, engine FROM information_schema.tables WHERE "
      "table_type IN ('BASE TABLE','SYSTEM VERSIONED') AND table_schema";
  sql += not_ours;
  text_result names = co_await text_query(with, std::move(sql), "listing tables");
  std::optional<table_facts> all = co_await read_schema(with);
  if (!all) throw failure{failure_kind::refused, "TW-MY-SNAPSHOT", "the server has too many columns", ""};
  table_keys keys;
  collations of_columns;
  if (in_pieces) {
    keys = co_await read_keys(with, server);
    of_columns = co_await read_collations(with);
  }
  std::map<table_name, copy_table> chosen;
  for (const auto& row : names.rows) {
    if (row.size() != 5 || !row[0] || !row[1]) continue;
    auto at = all->find(std::pair(*row[0], *row[1]));
    if (at == all->end()) continue;
    bool listed = std::ranges::find(only, *row[0] + "." + *row[1]) != only.end();
    if (!only.empty() && !listed) continue;
    copy_table& table = chosen[at->first];
    table.schema = *row[0];
    table.name = *row[1];
    table.rows = number_of(row[2]);
    table.bytes = number_of(row[3]);
    table.has_snapshots = row[4] == "InnoDB";
    table.columns = std::move(at->second);
    std::map<std::string, key_facts>& own = keys[at->first];
    for (auto& [index, key] : own)
      for (key_facts::part& part : key.parts)
        if (auto is = of_columns.find({at->first, part.column}); is != of_columns.end())
          part.collation = is->second;
    table.key = choose_key(table, own, server.mariadb);
  }
  for (const std::string& each : only)
    if (std::ranges::none_of(chosen, [&](const auto& of) { return of.second.text() == each; }))
      throw failure{failure_kind::refused, "TW-MY-SNAPSHOT", "there is no table " + each,
                    "as schema.name; the account needs SELECT on it"};
  std::vector<copy_table> tables;
  for (auto& [name, table] : chosen) tables.push_back(std::move(table));
  co_return tables;
}

}  // namespace tidewire::binlog
