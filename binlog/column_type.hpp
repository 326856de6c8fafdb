// The column types of TABLE_MAP events and how many bytes of metadata each has there.
#pragma once

#include <cstdint>

namespace tidewire::binlog {

enum class column_type : std::uint8_t {
  decimal_old = 0,  // before MySQL 5.0
  tiny_int = 1,
  small_int = 2,
  integer = 3,
  float32 = 4,
  float64 = 5,
  null = 6,
  timestamp_old = 7,
  big_int = 8,
  medium_int = 9,
  date = 10,
  time_old = 11,
  datetime_old = 12,
  year = 13,
  new_date = 14,  // the server's own name of DATE
  varchar = 15,
  bit = 16,
  timestamp = 17,  // the later three with fractions, since MySQL 5.6 and MariaDB 10.1
  datetime = 18,
  time = 19,
  typed_array = 20,          // a hidden column of a multi-valued index
  blob_compressed = 140,     // MariaDB
  varchar_compressed = 141,  // MariaDB
  vector = 242,
  json = 245,
  decimal = 246,
  enumeration = 247,
  set = 248,
  tiny_blob = 249,
  medium_blob = 250,
  long_blob = 251,
  blob = 252,
  var_string = 253,
  string = 254,  // CHAR and BINARY; ENUM and SET hide in it too
  geometry = 255,
};

/// Bytes of a type's metadata; -1 for a type that no server writes into a binlog that we read.
constexpr int metadata_bytes(column_type type) {
  switch (type) {
    case column_type::tiny_int:
    case column_type::small_int:
    case column_type::integer:
    case column_type::null:
    case column_type::timestamp_old:
    case column_type::big_int:
    case column_type::medium_int:
    case column_type::date:
    case column_type::time_old:
    case column_type::datetime_old:
    case column_type::year:
    case column_type::new_date: return 0;
    case column_type::float32:
    case column_type::float64:
    case column_type::timestamp:
    case column_type::datetime:
    case column_type::time:
    case column_type::blob_compressed:
    case column_type::vector:
    case column_type::json:
    case column_type::tiny_blob:
    case column_type::medium_blob:
    case column_type::long_blob:
    case column_type::blob:
    case column_type::geometry: return 1;
    case column_type::varchar:
    case column_type::bit:
    case column_type::varchar_compressed:
    case column_type::decimal:
    case column_type::enumeration:
    case column_type::set:
    case column_type::var_string:
    case column_type::string: return 2;
    case column_type::decimal_old:
    case column_type::typed_array: break;
  }
  return -1;
}

constexpr bool is_integer(column_type type) {
  return type == column_type::tiny_int || type == column_type::small_int || type == column_type::medium_int ||
         type == column_type::integer || type == column_type::big_int;
}

/// Whether SIGNEDNESS metadata has a bit for the column: all numbers, YEAR among them, but not BIT.
constexpr bool has_signedness(column_type type) {
  return is_integer(type) || type == column_type::float32 || type == column_type::float64 ||
         type == column_type::decimal || type == column_type::decimal_old || type == column_type::year;
}

}  // namespace tidewire::binlog
