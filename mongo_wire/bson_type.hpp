// The BSON types, and what some of their values look like when they are taken apart.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/bytes.hpp"

namespace tidewire::mongo_wire {

/// An element's type byte. Undefined, db_pointer, symbol and code_w_scope are deprecated, and still stored.
enum class bson_type : std::uint8_t {
  none = 0x00,  // no element: what a lookup gives that found nothing
  float64 = 0x01,
  string = 0x02,
  document = 0x03,
  array = 0x04,
  binary = 0x05,
  undefined = 0x06,
  object_id = 0x07,
  boolean = 0x08,
  date_time = 0x09,
  null = 0x0a,
  regex = 0x0b,
  db_pointer = 0x0c,
  code = 0x0d,
  symbol = 0x0e,
  code_w_scope = 0x0f,
  int32 = 0x10,
  timestamp = 0x11,
  int64 = 0x12,
  decimal128 = 0x13,
  max_key = 0x7f,
  min_key = 0xff,
};

/// The type's name in the BSON specification's and the server's `$type`; null for a byte that is no type.
constexpr const char* name_of(bson_type type) {
  switch (type) {
    case bson_type::none: return nullptr;
    case bson_type::float64: return "double";
    case bson_type::string: return "string";
    case bson_type::document: return "object";
    case bson_type::array: return "array";
    case bson_type::binary: return "binData";
    case bson_type::undefined: return "undefined";
    case bson_type::object_id: return "objectId";
    case bson_type::boolean: return "bool";
    case bson_type::date_time: return "date";
    case bson_type::null: return "null";
    case bson_type::regex: return "regex";
    case bson_type::db_pointer: return "dbPointer";
    case bson_type::code: return "javascript";
    case bson_type::symbol: return "symbol";
    case bson_type::code_w_scope: return "javascriptWithScope";
    case bson_type::int32: return "int";
    case bson_type::timestamp: return "timestamp";
    case bson_type::int64: return "long";
    case bson_type::decimal128: return "decimal";
    case bson_type::max_key: return "maxKey";
    case bson_type::min_key: return "minKey";
  }
  return nullptr;
}

inline constexpr std::uint8_t binary_generic = 0x00, binary_old = 0x02, binary_old_uuid = 0x03,
                              binary_uuid = 0x04, binary_vector = 0x09;

inline constexpr std::size_t object_id_bytes = 12;
inline constexpr std::size_t decimal128_bytes = 16;

/// Seconds since 1970 and a counter within the second; ordered as (time, increment).
struct bson_timestamp {
  std::uint32_t time = 0;
  std::uint32_t increment = 0;

  friend constexpr auto operator<=>(const bson_timestamp&, const bson_timestamp&) = default;
};

/// Borrows. `data` of the old subtype 2 is without the second length inside it.
struct binary_view {
  std::uint8_t subtype = binary_generic;
  byte_view data;
};

/// Borrows.
struct regex_view {
  std::string_view pattern;
  std::string_view options;
};

/// Borrows.
struct db_pointer_view {
  std::string_view ns;
  byte_view id;  // object_id_bytes
};

/// Large enough for a document of the server (16 MiB) in any reply.
inline constexpr std::uint32_t max_document_bytes = 48'000'000;

/// How many documents, arrays and scopes may be open at once, the outermost document included. The server
/// allows users 100 and itself 200.
inline constexpr std::uint32_t default_max_depth = 200;

/// What max_depth can be set to at most.
inline constexpr std::uint32_t depth_ceiling = 1000;

}  // namespace tidewire::mongo_wire
