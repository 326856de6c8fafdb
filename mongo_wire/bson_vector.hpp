// Binary subtype 9: a vector of numbers of one type.
// https://github.com/mongodb/specifications/blob/master/source/bson-binary-vector/bson-binary-vector.md
#pragma once

#include <bit>

#include "core/cursor.hpp"
#include "mongo_wire/bson_type.hpp"

namespace tidewire::mongo_wire {

enum class vector_type : std::uint8_t { int8 = 0x03, packed_bit = 0x10, float32 = 0x27 };

/// Borrows. `padding`: how many of the last bits are no elements.
struct vector_view {
  vector_type type = vector_type::int8;
  std::uint8_t padding = 0;
  byte_view data;

  std::size_t size() const {
    if (type == vector_type::packed_bit) return data.size() * 8 - padding;
    return type == vector_type::float32 ? data.size() / 4 : data.size();
  }
  /// For the element's own type only; index < size().
  std::int8_t int8_at(std::size_t index) const { return static_cast<std::int8_t>(data[index]); }
  float float32_at(std::size_t index) const {
    return std::bit_cast<float>(load_le<std::uint32_t>(data.data() + 4 * index));
  }
  bool bit_at(std::size_t index) const { return data[index / 8] >> (7 - index % 8) & 1; }
};

/// Padding only for packed bits, only up to 7, only of bytes that are there, and only zeros; whole elements.
inline bool is_valid(const vector_view& of) {
  switch (of.type) {
    case vector_type::int8: return of.padding == 0;
    case vector_type::float32: return of.padding == 0 && of.data.size() % 4 == 0;
    case vector_type::packed_bit:
      if (of.padding > 7 || (of.data.empty() && of.padding != 0)) return false;
      return of.padding == 0 || (of.data.back() & ((1u << of.padding) - 1)) == 0;
  }
  return false;
}

/// `binary`: the bytes of a binary of subtype 9.
inline decoded<vector_view> decode_vector(byte_view binary) {
  cursor in(binary);
  vector_view of;
  of.type = static_cast<vector_type>(in.u8("vector type"));
  if (in.ok() && of.type != vector_type::int8 && of.type != vector_type::packed_bit &&
      of.type != vector_type::float32)
    in.fail_at(0, decode_errc::unknown_tag, "vector type");
  of.padding = in.u8("vector padding");
  of.data = in.rest();
  if (in.ok() && !is_valid(of)) in.fail_at(1, decode_errc::bad_value, "vector padding");
  return in.finish(of);
}

}  // namespace tidewire::mongo_wire
