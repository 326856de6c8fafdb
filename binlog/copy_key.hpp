// The key that a table's rows are copied in the order of, and SQL that names a part of them by it. The server
// compares: literals have the column's character set and collation, and are exact.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "binlog/schema_book.hpp"

namespace tidewire::binlog {

/// A key as information_schema.statistics has it.
struct key_facts {
  struct part {
    std::string column;
    bool descending = false;
    bool prefix = false;      // only the value's beginning counts
    std::string collation{};  // of a character column
  };
  std::string index;
  std::vector<part> parts;
};

/// How a value becomes a literal.
enum class key_literal : std::uint8_t { number, quoted, text, binary };

struct key_column {
  std::size_t number = 0;  // among the table's columns
  std::string name;
  key_literal as = key_literal::number;
  bool descending = false;
  std::uint64_t labels = 0;  // of ENUM and SET: the highest number that a value can have; 0: not told
  std::string selected;      // what tells its value, where the row's own cell doesn't; empty: it does
  std::string set_name, collation;
  charset set = charset::unknown;
  const text_conversion* conversion = nullptr;
};

struct copy_key {
  std::string index;
  std::vector<key_column> columns;
  /// The server finds a range's rows without reading those before it: not so by more than
  /// max_listed_labels.
  bool finds_ranges = true;
  bool lists_labels = false;  // some ranges are lists of them
};

/// One text per column of the key, as the server prints it; character columns: their bytes. Empty: no row.
using key_values = std::vector<std::string>;

inline constexpr std::size_t max_key_columns = 32;
inline constexpr std::uint64_t max_listed_labels = 1023;  // an ENUM's, or a SET's of ten members
inline constexpr std::size_t max_key_value_bytes = 3072;  // an index has no longer ones

/// Nothing for a key whose rows can't be told exactly by literals, in the index' order: with FLOAT or DOUBLE,
/// with prefixes, or with a type or character set that we don't know.
std::optional<copy_key> copy_key_of(const table_definition& table, const std::vector<column_facts>& columns,
                                    const key_facts& key);

/// Nothing if it is none of the column's type.
std::optional<std::string> literal_of(const key_column& of, std::string_view value);

/// Whether a copy may go on behind these: whether all of them have literals.
bool has_literals(const copy_key& of, const key_values& values);

/// Rows behind `after` up to, with, `up_to`; empty ones bound nothing. Both must have literals.
struct key_range {
  key_values after, up_to;

  friend bool operator==(const key_range&, const key_range&) = default;
};

/// ` FORCE INDEX (…) WHERE … ORDER BY …`
std::string range_clause(const copy_key& of, const key_range& range);

/// `k1,k2`: what gives the key's values.
std::string selected_key(const copy_key& of);

}  // namespace tidewire::binlog
