// What is known of tables from elsewhere (information_schema), for what a binlog does not tell: names without
// FULL metadata, signs without any, and MariaDB's types that look like BINARY.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "binlog/table_definition.hpp"

namespace tidewire::binlog {

struct column_facts {
  std::string name;
  std::string type;     // as information_schema.columns.column_type has it: int(10) unsigned, enum('a','b')
  std::string charset;  // character_set_name; empty if it has none
  bool key = false;     // part of the primary key
};

/// A line's fields, separated by tabs, as `mysql -B` escapes them; and back, with the line's end.
std::vector<std::string> take_fields(std::string_view line);
void put_fields(std::string& out, std::initializer_list<std::string_view> fields);

/// As a table map would describe it, had it all metadata. Without a layout: no rows can be read with it.
/// Throws failure TW-MY-SCHEMA (refused) for a type that we don't know.
table_definition definition_of(std::string_view schema, std::string_view table,
                               const std::vector<column_facts>& columns, bool mariadb);

/// Tables by name. Answers are kept; not thread-safe.
class schema_book {
 public:
  /// The columns in their order. A table that is there already is replaced.
  void set(std::string_view schema, std::string_view table, std::vector<column_facts> columns);
  void forget(std::string_view schema, std::string_view table);
  bool knows(std::string_view schema, std::string_view table) const;
  bool empty() const { return tables_.empty(); }

  /// `from` with what is known of it, or null if nothing is. Throws failure TW-MY-SCHEMA (refused) if the
  /// columns don't agree in number or type. Valid until the next call with another table of that name.
  const table_definition* improved(const table_definition& from) const;

  /// Lines of tab-separated fields as `mysql -N -B` prints them for
  ///   SELECT table_schema, table_name, column_name, column_type, COALESCE(character_set_name,''), column_key
  ///   FROM information_schema.columns ORDER BY table_schema, table_name, ordinal_position
  /// Throws failure TW-MY-SCHEMA-FILE (usage) with the line's number.
  static schema_book parse(std::string_view text);

 private:
  struct entry {
    std::vector<column_facts> columns;
    mutable std::uint64_t serial = 0;
    mutable std::unique_ptr<table_definition> improved;
  };
  std::map<std::pair<std::string, std::string>, entry, std::less<>> tables_;
};

}  // namespace tidewire::binlog
