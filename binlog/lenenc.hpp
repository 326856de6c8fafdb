// The protocol's length-encoded integers, and little-endian integers of odd widths.
#pragma once

#include "core/cursor.hpp"
#include "core/encoder.hpp"

namespace tidewire::binlog::detail {

/// `width` ≤ 8 bytes, little-endian.
inline std::uint64_t load_le_n(const std::uint8_t* at, std::size_t width) {
  std::uint64_t value = 0;
  switch (width) {
    case 1: return *at;
    case 2: return load_le<std::uint16_t>(at);
    case 3: return load_le<std::uint16_t>(at) | std::uint32_t{at[2]} << 16;
    case 4: return load_le<std::uint32_t>(at);
    case 8: return load_le<std::uint64_t>(at);
    default: break;
  }
  for (std::size_t i = width; i-- > 0;) value = value << 8 | at[i];
  return value;
}

inline std::uint64_t load_be_n(const std::uint8_t* at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value << 8 | at[i];
  return value;
}

inline std::uint64_t take_le(cursor& in, std::size_t width, const char* field) {
  byte_view taken = in.bytes(width, field);
  return load_le_n(taken.data(), taken.size());
}

/// One byte up to 250; 252, 253 and 254 announce 2, 3 and 8 bytes. 251 (NULL) and 255 are no numbers.
inline std::uint64_t take_lenenc(cursor& in, const char* field) {
  std::size_t at = in.offset();
  std::uint8_t first = in.u8(field);
  if (first < 251) [[likely]]
    return first;
  std::uint64_t value = 0;
  switch (first) {
    case 252: value = in.le<std::uint16_t>(field); break;
    case 253: value = take_le(in, 3, field); break;
    case 254: value = in.le<std::uint64_t>(field); break;
    default: in.fail_at(at, decode_errc::bad_value, field);
  }
  return value;
}

/// A length-encoded number that may not exceed `most`.
inline std::size_t take_count(cursor& in, std::uint64_t most, const char* field) {
  std::size_t at = in.offset();
  std::uint64_t count = take_lenenc(in, field);
  if (count > most) [[unlikely]]
    return in.fail_at(at, decode_errc::limit_exceeded, field), 0;
  return static_cast<std::size_t>(count);
}

/// Bytes after their length-encoded length.
inline byte_view take_lenenc_bytes(cursor& in, const char* field) {
  std::size_t at = in.offset();
  std::uint64_t size = take_lenenc(in, field);
  if (size > in.remaining()) [[unlikely]]
    return in.fail_at(at, decode_errc::truncated, field), byte_view{};
  return in.bytes(static_cast<std::size_t>(size), field);
}

inline void put_le_n(encoder& out, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) out.u8(static_cast<std::uint8_t>(value >> (8 * i)));
}

inline void put_lenenc(encoder& out, std::uint64_t value) {
  if (value < 251) return out.u8(static_cast<std::uint8_t>(value));
  if (value <= 0xffff) {
    out.u8(252);
    return put_le_n(out, value, 2);
  }
  if (value <= 0xffffff) {
    out.u8(253);
    return put_le_n(out, value, 3);
  }
  out.u8(254);
  put_le_n(out, value, 8);
}

inline void put_lenenc_bytes(encoder& out, byte_view bytes) {
  put_lenenc(out, bytes.size());
  out.bytes(bytes);
}

}  // namespace tidewire::binlog::detail
