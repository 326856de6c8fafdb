// A table's columns as a Table_map describes them, made ready for reading rows.
#pragma once

#include <string>
#include <vector>

#include "binlog/charset.hpp"
#include "binlog/table_map.hpp"

namespace tidewire::binlog {

/// How many bytes a value takes in a row: `size` of them, or as its length says, which is the first `prefix`
/// bytes (1 to 4).
struct cell_layout {
  std::uint32_t size = 0;
  std::uint8_t prefix = 0;
};

/// What a value's bytes are that their type alone does not tell. MariaDB marks none of these in its binlog:
/// whoever knows the schema sets it.
enum class column_hint : std::uint8_t { none, uuid, inet4, inet6 };

struct column_definition {
  column_type type = column_type::null;  // the real one: ENUM and SET are told apart from CHAR
  bool nullable = false;
  bool is_unsigned = false;
  bool signedness_known = false;
  std::uint8_t precision = 0;   // DECIMAL: digits in all; TIME, DATETIME, TIMESTAMP: digits of the fraction
  std::uint8_t scale = 0;       // DECIMAL: digits behind the point
  std::uint32_t length = 0;     // CHAR, VARCHAR, BINARY, VARBINARY: most bytes; BIT: bits
  std::uint32_t collation = 0;  // 0: not told
  charset text = charset::unknown;
  const text_conversion* conversion = nullptr;  // of a set that is converted
  column_hint hint = column_hint::none;
  bool visible = true;
  bool key = false;                 // part of the primary key
  std::uint32_t key_prefix = 0;     // of which only so many characters count; 0: all
  std::uint8_t geometry_type = 0;   // 0: any; else the WKB number
  std::uint32_t dimension = 0;      // VECTOR
  std::string name;                 // empty: not told
  std::vector<std::string> labels;  // ENUM and SET, in the column's character set; empty: not told
  bool labels_in_utf8 = false;      // they are from elsewhere

  bool is_character() const;  // CHAR, VARCHAR, TEXT and their binary brothers
};

/// Owns all it holds.
struct table_definition {
  std::uint64_t id = 0;
  std::uint64_t serial = 0;  // of the table_cache that made it: never the same twice
  std::uint16_t flags = 0;
  bool mariadb = false;
  std::string schema;
  std::string name;
  std::vector<column_definition> columns;
  std::vector<cell_layout> layout;  // by column
  std::size_t json_columns = 0;
  /// MariaDB writes its older times with fractions under the same types and without saying so: such a row
  /// can't be read, and must not be taken for other rows. See rows_reader.
  bool old_temporals = false;
  bool has_names = false;  // the source logs with binlog_row_metadata=FULL
  bool has_key = false;    // the primary key is told (FULL); false also for tables without one

  /// Takes over all of `map`, which was decoded from `event`. Errors: unsupported for a column type that we
  /// don't know; bad_value, bad_length, truncated for metadata that contradict themselves. Fields of optional
  /// metadata that we don't know are passed over, as the format intends.
  static decoded<table_definition> from(const event_view& event, const table_map_view& map, bool mariadb);
};

}  // namespace tidewire::binlog
