#include "binlog/table_definition.hpp"

namespace tidewire::binlog {

bool column_definition::is_character() const {
  switch (type) {
    case column_type::varchar:
    case column_type::var_string:
    case column_type::string:
    case column_type::varchar_compressed:
    case column_type::tiny_blob:
    case column_type::medium_blob:
    case column_type::long_blob:
    case column_type::blob:
    case column_type::blob_compressed: return true;
    default: return false;
  }
}

namespace {

constexpr std::uint8_t length_prefix(std::uint32_t most_bytes) {
  return most_bytes > 255 ? 2 : 1;
}

/// Reads the metadata of one column after the other.
class column_reader {
 public:
  column_reader(const event_view& event, const table_map_view& map) : in_(event.bytes) {
    in_.bytes(map.metadata_at, "metadata");
    end_ = map.metadata_at + map.metadata.size();
  }

  void next(column_type type, column_definition& column, cell_layout& cell) {
    column.type = type;
    int bytes = metadata_bytes(type);
    std::size_t at = in_.offset();
    if (bytes < 0) return in_.fail_at(at, decode_errc::unsupported, "column type");
    if (at + static_cast<std::size_t>(bytes) > end_)
      return in_.fail_at(at, decode_errc::truncated, "metadata");
    std::uint8_t first = bytes > 0 ? in_.u8("metadata") : 0;
    std::uint8_t second = bytes > 1 ? in_.u8("metadata") : 0;
    if (!fits(column, cell, first, second)) in_.fail_at(at, decode_errc::bad_value, "metadata");
  }

  void finish() {
    if (in_.ok() && in_.offset() != end_) in_.fail(decode_errc::trailing_bytes, "metadata");
  }
  bool ok() const { return in_.ok(); }
  const decode_error& error() const { return in_.error(); }

 private:
  static bool fraction(column_definition& column, cell_layout& cell, std::uint32_t whole,
                       std::uint8_t digits) {
    if (digits > 6) return false;
    column.precision = digits;
    cell.size = whole + (digits + 1u) / 2;
    return true;
  }

  static bool prefixed(column_definition& column, cell_layout& cell, std::uint8_t length_bytes) {
    if (length_bytes < 1 || length_bytes > 4) return false;
    cell.prefix = length_bytes;
    if (column.type == column_type::json || column.type == column_type::geometry ||
        column.type == column_type::vector || column.type == column_type::blob_compressed)
      return true;
    column.type = column_type::blob;
    return true;
  }

  static bool decimal(column_definition& column, cell_layout& cell, std::uint8_t precision,
                      std::uint8_t scale) {
    constexpr std::uint8_t leftover_bytes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4};
    if (precision == 0 || precision > 65 || scale > 38 || scale > precision) return false;
    column.precision = precision;
    column.scale = scale;
    unsigned whole = precision - scale;
    cell.size = whole / 9 * 4 + leftover_bytes[whole % 9] + scale / 9u * 4 + leftover_bytes[scale % 9];
    return true;
  }

  static bool label(column_definition& column, cell_layout& cell, column_type type, std::uint8_t bytes) {
    column.type = type;
    cell.size = bytes;
    if (type == column_type::enumeration) return bytes == 1 || bytes == 2;
    return bytes == 1 || bytes == 2 || bytes == 3 || bytes == 4 || bytes == 8;
  }

  // CHAR, and whatever hides behind its type: the real type is in the first byte, except that lengths over
  // 255 bytes have their two high bits there, inverted.
  static bool string(column_definition& column, cell_layout& cell, std::uint8_t first, std::uint8_t second) {
    std::uint32_t length = second;
    if (first != 0 && (first & 0x30) != 0x30) {
      length |= static_cast<std::uint32_t>((first & 0x30) ^ 0x30) << 4;
      first |= 0x30;
    }
    auto type = static_cast<column_type>(first);
    if (type == column_type::enumeration || type == column_type::set)
      return label(column, cell, type, second);
    if (first != 0 && type != column_type::string && type != column_type::var_string) return false;
    column.length = length;
    cell.prefix = length_prefix(length);
    return true;
  }

  static bool fits(column_definition& column, cell_layout& cell, std::uint8_t first, std::uint8_t second) {
    switch (column.type) {
      case column_type::null: return true;
      case column_type::tiny_int:
      case column_type::year: cell.size = 1; return true;
      case column_type::small_int: cell.size = 2; return true;
      case column_type::medium_int:
      case column_type::date:
      case column_type::new_date:
      case column_type::time_old: cell.size = 3; return true;
      case column_type::integer:
      case column_type::timestamp_old: cell.size = 4; return true;
      case column_type::big_int:
      case column_type::datetime_old: cell.size = 8; return true;
      case column_type::float32: cell.size = 4; return first == 4;
      case column_type::float64: cell.size = 8; return first == 8;
      case column_type::timestamp: return fraction(column, cell, 4, first);
      case column_type::datetime: return fraction(column, cell, 5, first);
      case column_type::time: return fraction(column, cell, 3, first);
      case column_type::varchar:
      case column_type::var_string:
      case column_type::varchar_compressed:
        column.length = static_cast<std::uint32_t>(first | second << 8);
        cell.prefix = length_prefix(column.length);
        return true;
      case column_type::bit:
        column.length = second * 8u + first;
        cell.size = second + (first ? 1u : 0u);
        return first < 8 && column.length > 0 && column.length <= 64;
      case column_type::decimal: return decimal(column, cell, first, second);
      case column_type::enumeration:
      case column_type::set: return label(column, cell, column.type, second);
      case column_type::string: return string(column, cell, first, second);
      case column_type::json:
      case column_type::geometry:
      case column_type::vector:
      case column_type::tiny_blob:
      case column_type::medium_blob:
      case column_type::long_blob:
      case column_type::blob:
      case column_type::blob_compressed: return prefixed(column, cell, first);
      case column_type::decimal_old:
      case column_type::typed_array: break;
    }
    return false;
  }

  cursor in_;
  std::size_t end_ = 0;
};

/// The optional metadata. Each field speaks of a choice of the columns, in their order.
class optional_reader {
 public:
  optional_reader(const event_view& event, const table_map_view& map, table_definition& into)
      : fields_(event, map), event_(event), table_(into) {}

  decode_error read() {
    metadata_field field;
    byte_view content;
    std::size_t at = 0;
    while (error_.code == decode_errc::none && fields_.next(field, content, at)) {
      cursor in(event_.bytes.first(at + content.size()));
      in.bytes(at, "metadata field");
      take(field, in);
      if (in.ok() && in.remaining()) in.fail(decode_errc::trailing_bytes, "metadata field");
      if (!in.ok()) error_ = in.error();
    }
    if (error_.code == decode_errc::none && !fields_.ok()) error_ = fields_.error();
    return error_;
  }

 private:
  /// MySQL leaves GEOMETRY and JSON out and counts VECTOR; MariaDB has neither of the last two types and
  /// counts GEOMETRY.
  bool counts_as_character(const column_definition& column) const {
    if (column.is_character()) return true;
    return column.type == (table_.mariadb ? column_type::geometry : column_type::vector);
  }
  static bool is_label(const column_definition& column) {
    return column.type == column_type::enumeration || column.type == column_type::set;
  }

  void take(metadata_field field, cursor& in) {
    switch (field) {
      case metadata_field::signedness: return signedness(in);
      case metadata_field::default_charset:
        return default_charset(in, [&](const auto& column) { return counts_as_character(column); });
      case metadata_field::column_charset:
        return column_charset(in, [&](const auto& column) { return counts_as_character(column); });
      case metadata_field::enum_set_default_charset: return default_charset(in, is_label);
      case metadata_field::enum_set_column_charset: return column_charset(in, is_label);
      case metadata_field::column_name: return names(in);
      case metadata_field::set_labels: return labels(in, column_type::set);
      case metadata_field::enum_labels: return labels(in, column_type::enumeration);
      case metadata_field::geometry_type:
        return each(in, column_type::geometry, 0xff, [](auto& column, std::size_t value) {
          column.geometry_type = static_cast<std::uint8_t>(value);
        });
      case metadata_field::vector_dimension:
        return each(in, column_type::vector, 0xffffffff, [](auto& column, std::size_t value) {
          column.dimension = static_cast<std::uint32_t>(value);
        });
      case metadata_field::primary_key: return key(in, false);
      case metadata_field::primary_key_prefix: return key(in, true);
      case metadata_field::visibility: return visibility(in);
    }
    in.rest();  // of a newer server
  }

  void signedness(cursor& in) {
    std::size_t count = 0;
    for (const column_definition& column : table_.columns) count += has_signedness(column.type);
    byte_view bits = in.bytes((count + 7) / 8, "signedness");
    if (!in.ok()) return;
    std::size_t n = 0;
    for (column_definition& column : table_.columns) {
      if (!has_signedness(column.type)) continue;
      column.signedness_known = true;
      column.is_unsigned = bits[n / 8] >> (7 - n % 8) & 1;
      ++n;
    }
  }

  void visibility(cursor& in) {
    byte_view bits = in.bytes((table_.columns.size() + 7) / 8, "visibility");
    if (!in.ok()) return;
    for (std::size_t n = 0; n < table_.columns.size(); ++n)
      table_.columns[n].visible = bits[n / 8] >> (7 - n % 8) & 1;
  }

  static void set_collation(column_definition& column, std::uint32_t collation) {
    column.collation = collation;
    column.text = charset_of(collation);
    column.conversion = conversion_of(charset_name(collation));
  }

  void default_charset(cursor& in, auto counts) {
    auto usual = static_cast<std::uint32_t>(detail::take_count(in, 0xffff, "collation"));
    if (!in.ok()) return;
    std::vector<column_definition*> chosen;
    for (column_definition& column : table_.columns) {
      if (!counts(column)) continue;
      set_collation(column, usual);
      chosen.push_back(&column);
    }
    while (in.ok() && in.remaining()) {
      std::size_t at = in.offset();
      std::size_t index = detail::take_count(in, 0xffff, "character column");
      auto collation = static_cast<std::uint32_t>(detail::take_count(in, 0xffff, "collation"));
      if (!in.ok()) return;
      if (index >= chosen.size()) return in.fail_at(at, decode_errc::bad_value, "character column");
      set_collation(*chosen[index], collation);
    }
  }

  void column_charset(cursor& in, auto counts) {
    for (column_definition& column : table_.columns) {
      if (!in.ok()) return;
      if (counts(column))
        set_collation(column, static_cast<std::uint32_t>(detail::take_count(in, 0xffff, "collation")));
    }
  }

  void names(cursor& in) {
    for (column_definition& column : table_.columns) {
      std::size_t at = in.offset();
      byte_view name = detail::take_lenenc_bytes(in, "column name");
      if (name.size() > max_name_bytes) in.fail_at(at, decode_errc::limit_exceeded, "column name");
      if (!in.ok()) return;
      column.name = as_text(name);
    }
    table_.has_names = true;
  }

  void labels(cursor& in, column_type type) {
    for (column_definition& column : table_.columns) {
      if (!in.ok()) return;
      if (column.type != type) continue;
      std::size_t count = detail::take_count(in, type == column_type::set ? 64 : 65535, "label count");
      column.labels.clear();
      for (std::size_t i = 0; i < count && in.ok(); ++i)
        column.labels.emplace_back(as_text(detail::take_lenenc_bytes(in, "label")));
    }
  }

  void each(cursor& in, column_type type, std::size_t most, auto set) {
    for (column_definition& column : table_.columns) {
      if (!in.ok()) return;
      if (column.type == type) set(column, detail::take_count(in, most, "column metadata"));
    }
  }

  void key(cursor& in, bool with_prefix) {
    while (in.ok() && in.remaining()) {
      std::size_t at = in.offset();
      std::size_t index = detail::take_lenenc(in, "key column");
      std::size_t prefix = with_prefix ? detail::take_count(in, 0xffffff, "key prefix") : 0;
      if (!in.ok()) return;
      if (index >= table_.columns.size()) return in.fail_at(at, decode_errc::bad_value, "key column");
      table_.columns[index].key = true;
      table_.columns[index].key_prefix = static_cast<std::uint32_t>(prefix);
      table_.has_key = true;
    }
  }

  metadata_reader fields_;
  const event_view& event_;
  table_definition& table_;
  decode_error error_;
};

}  // namespace

decoded<table_definition> table_definition::from(const event_view& event, const table_map_view& map,
                                                 bool mariadb) {
  table_definition table;
  table.id = map.table_id;
  table.flags = map.flags;
  table.mariadb = mariadb;
  table.schema = map.schema;
  table.name = map.table;
  std::size_t count = map.column_count();
  table.columns.resize(count);
  table.layout.resize(count);
  column_reader columns(event, map);
  for (std::size_t i = 0; i < count && columns.ok(); ++i) {
    columns.next(map.type(i), table.columns[i], table.layout[i]);
    table.columns[i].nullable = map.is_nullable(i);
    table.json_columns += table.columns[i].type == column_type::json;
    column_type type = table.columns[i].type;
    table.old_temporals |= mariadb && (type == column_type::time_old || type == column_type::datetime_old ||
                                       type == column_type::timestamp_old);
  }
  columns.finish();
  if (!columns.ok()) return std::unexpected(columns.error());
  decode_error error = optional_reader(event, map, table).read();
  if (error.code != decode_errc::none) return std::unexpected(error);
  return table;
}

}  // namespace tidewire::binlog
