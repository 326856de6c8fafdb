// Table_map: what the rows events behind it refer to by a number.
#pragma once

#include "binlog/column_type.hpp"
#include "binlog/format_description.hpp"
#include "binlog/lenenc.hpp"
#include "binlog/query.hpp"

namespace tidewire::binlog {

/// The servers' own limit of a table's columns.
inline constexpr std::size_t max_columns = 4096;

/// The number that a rows event without rows has, which only ends a statement.
inline constexpr std::uint64_t dummy_table_id = 0xffffff;

namespace table_map_flag {
inline constexpr std::uint16_t no_foreign_key_checks = 0x2;
inline constexpr std::uint16_t no_unique_checks = 0x4;
}  // namespace table_map_flag

/// Borrows; see table_definition for what it means.
struct table_map_view {
  std::uint64_t table_id = 0;  // 48 bits; valid until the statement ends
  std::uint16_t flags = 0;
  std::string_view schema;
  std::string_view table;
  byte_view types;     // one per column
  byte_view metadata;  // as many bytes per column as its type has
  std::size_t metadata_at = 0;
  byte_view nullable;  // a bit per column, the lowest first
  byte_view optional;  // type, length, value; see metadata_reader
  std::size_t optional_at = 0;

  std::size_t column_count() const { return types.size(); }
  column_type type(std::size_t column) const { return static_cast<column_type>(types[column]); }
  bool is_nullable(std::size_t column) const { return nullable[column / 8] >> (column % 8) & 1; }
};

namespace detail {

/// 6 bytes, except in the development of MySQL 5.1.
inline std::uint64_t take_table_id(cursor& in, std::size_t post_header) {
  return post_header == 6 ? in.le<std::uint32_t>("table id") : take_le(in, 6, "table id");
}

inline std::string_view take_name(cursor& in, const char* field) {
  std::size_t size = take_count(in, max_name_bytes, field);
  std::string_view name = in.text(size, field);
  std::size_t at = in.offset();
  if (in.u8(field) != 0) in.fail_at(at, decode_errc::unterminated_string, field);
  return name;
}

}  // namespace detail

inline decoded<table_map_view> decode_table_map(const event_view& event, const format_description& format) {
  cursor in = detail::body_of(event, event_type::table_map);
  std::size_t post_header = format.post_header(event_type::table_map, 8);
  if (post_header != 8 && post_header != 6) in.fail(decode_errc::unsupported, "post-header length");
  table_map_view m;
  m.table_id = detail::take_table_id(in, post_header);
  m.flags = in.le<std::uint16_t>("flags");
  m.schema = detail::take_name(in, "schema name");
  m.table = detail::take_name(in, "table name");
  std::size_t at = in.offset();
  std::size_t count = detail::take_count(in, max_columns, "column count");
  if (in.ok() && count == 0) in.fail_at(at, decode_errc::bad_value, "column count");
  m.types = in.bytes(count, "column types");
  at = in.offset();
  std::uint64_t size = detail::take_lenenc(in, "metadata length");
  if (in.ok() && size > count * 4) in.fail_at(at, decode_errc::bad_length, "metadata length");
  m.metadata_at = in.offset();
  m.metadata = in.bytes(static_cast<std::size_t>(size), "metadata");
  m.nullable = in.bytes((count + 7) / 8, "nullable columns");
  m.optional_at = in.offset();
  if (in.ok()) m.optional = in.rest();
  return in.finish(m);
}

inline void encode_table_map(encoder& out, const table_map_view& m) {
  detail::put_le_n(out, m.table_id, 6);
  out.le(m.flags);
  for (std::string_view name : {m.schema, m.table}) {
    detail::put_lenenc(out, name.size());
    out.cstring(name, "name");
  }
  detail::put_lenenc_bytes(out, m.types);
  detail::put_lenenc_bytes(out, m.metadata);
  out.bytes(m.nullable);
  out.bytes(m.optional);
}

/// What a field of the optional metadata is about (binlog_row_metadata; MySQL ≥ 8.0.1, MariaDB ≥ 10.5).
enum class metadata_field : std::uint8_t {
  signedness = 1,          // MINIMAL and FULL: a bit per number, the highest first; set if unsigned
  default_charset = 2,     // MINIMAL and FULL: a collation, then (n-th character column, collation)…
  column_charset = 3,      // instead of it: a collation per character column
  column_name = 4,         // FULL: the names
  set_labels = 5,          // FULL: per SET column a count and that many labels
  enum_labels = 6,         // FULL: per ENUM column
  geometry_type = 7,       // MINIMAL and FULL: per GEOMETRY column
  primary_key = 8,         // FULL: column numbers
  primary_key_prefix = 9,  // instead of it: column number, length of the prefix or 0
  enum_set_default_charset = 10,
  enum_set_column_charset = 11,
  visibility = 12,        // a bit per column, the highest first; set if visible
  vector_dimension = 13,  // per VECTOR column
};

/// Hands out the fields of optional metadata. `in` counts from the start of the event.
class metadata_reader {
 public:
  metadata_reader(const event_view& event, const table_map_view& map) : in_(event.bytes) {
    in_.bytes(map.optional_at, "optional metadata");
  }

  /// False at the end or after an error.
  bool next(metadata_field& field, byte_view& content, std::size_t& content_at) {
    if (!in_.ok() || in_.remaining() == 0) return false;
    field = static_cast<metadata_field>(in_.u8("metadata field"));
    std::size_t length_at = in_.offset();
    std::uint64_t length = detail::take_lenenc(in_, "metadata field length");
    if (in_.ok() && length > in_.remaining())
      in_.fail_at(length_at, decode_errc::truncated, "metadata field length");
    content_at = in_.offset();
    content = in_.bytes(static_cast<std::size_t>(length), "metadata field");
    return in_.ok();
  }

  bool ok() const { return in_.ok(); }
  const decode_error& error() const { return in_.error(); }

 private:
  cursor in_;
};

}  // namespace tidewire::binlog
