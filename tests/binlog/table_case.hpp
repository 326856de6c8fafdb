// Builds Table_map and rows events for tests of their decoders.
#pragma once

#include "binlog/rows.hpp"
#include "binlog/table_cache.hpp"
#include "tests/binlog/event_case.hpp"

namespace tidewire::binlog::testing {

struct table_spec {
  std::string_view types;     // hex
  std::string_view metadata;  // hex
  std::string_view optional;  // hex
  std::string_view nullable = "ffff";
  std::uint64_t id = 109;
};

inline owned_event table_map_event(const table_spec& spec) {
  bytes types = hex(spec.types), metadata = hex(spec.metadata), optional = hex(spec.optional);
  bytes nullable = hex(spec.nullable);
  nullable.resize((types.size() + 7) / 8, 0xff);
  table_map_view m;
  m.table_id = spec.id;
  m.flags = 1;
  m.schema = "db";
  m.table = "t";
  m.types = types;
  m.metadata = metadata;
  m.nullable = nullable;
  m.optional = optional;
  return make_event(event_type::table_map, encoded([&](encoder& out) { encode_table_map(out, m); }));
}

inline decoded<table_definition> define(const table_spec& spec, bool mariadb = false) {
  owned_event event = table_map_event(spec);
  event_view view = event.view();
  auto map = decode_table_map(view, format_of("8.0.33"));
  REQUIRE(map.has_value());
  return table_definition::from(view, *map, mariadb);
}

inline table_definition defined(const table_spec& spec, bool mariadb = false) {
  auto table = define(spec, mariadb);
  if (!table) {
    CAPTURE(to_string(table.error().code), table.error().offset, table.error().field);
    REQUIRE(table.has_value());
  }
  return std::move(*table);
}

/// A rows event of all columns; `rows` is hex: null bits and values, as often as there are images.
inline owned_event rows_event(event_type type, std::size_t columns, std::string_view rows,
                              std::string_view before_columns = "", std::string_view after_columns = "") {
  rows_view m;
  REQUIRE(detail::rows_kind(type, m));
  m.table_id = 109;
  m.flags = 1;
  m.column_count = columns;
  auto all = [&] {
    bytes bits((columns + 7) / 8, 0xff);
    return bits;
  };
  bytes before = before_columns.empty() ? all() : hex(before_columns);
  bytes after = after_columns.empty() ? all() : hex(after_columns);
  if (m.kind != change_kind::insert) m.before_columns = before;
  if (m.kind != change_kind::remove) m.after_columns = after;
  bytes data = hex(rows);
  return make_event(type,
                    encoded([&](encoder& out) { encode_rows(out, m, detail::is_rows_v2(type), data); }));
}

}  // namespace tidewire::binlog::testing
