// Single values as JSON text: numbers, hex digits, dates. The caller has made room.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "core/bytes.hpp"
#include "core/clock_text.hpp"
#include "core/json.hpp"
#include "core/short_double.hpp"
#include "mongo_wire/bson_type.hpp"

#if defined(__SSE4_1__)
#include <smmintrin.h>
#endif

namespace tidewire::mongo_wire {

/// Lower case.
inline char* put_hex(char* out, const std::uint8_t* in, std::size_t size) {
  constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < size; ++i) {
    *out++ = digits[in[i] >> 4];
    *out++ = digits[in[i] & 15];
  }
  return out;
}

inline char* put_object_id_hex(char* out, const std::uint8_t* in) {
#if defined(__SSE4_1__)
  std::uint32_t last = 0;
  std::memcpy(&last, in + 8, 4);
  __m128i id =
      _mm_insert_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(in)), static_cast<int>(last), 2);
  const __m128i half = _mm_set1_epi8(0x0f);
  const __m128i digits =
      _mm_setr_epi8('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f');
  __m128i high = _mm_shuffle_epi8(digits, _mm_and_si128(_mm_srli_epi16(id, 4), half));
  __m128i low = _mm_shuffle_epi8(digits, _mm_and_si128(id, half));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_unpacklo_epi8(high, low));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16), _mm_unpackhi_epi8(high, low));
  return out + 2 * object_id_bytes;
#else
  return put_hex(out, in, object_id_bytes);
#endif
}

template <std::size_t Size>
char* put_literal(char* out, const char (&text)[Size]) {
  std::memcpy(out, text, Size - 1);
  return out + Size - 1;
}

/// Stores up to 8 bytes more than it reports.
template <std::integral T>
char* put_integer(char* out, T number) {
  // Signs come and go: no branch of their own.
  *out = '-';
  bool negative = number < 0;
  auto magnitude = static_cast<std::uint64_t>(number);
  return json::put_unsigned(out + negative, negative ? 0 - magnitude : magnitude);
}

/// 2026-11-24T10:00:00.123; milliseconds since 1970, until the year 9999.
inline char* put_moment(char* out, std::int64_t ms) {
  auto days = static_cast<std::uint32_t>(ms / 86'400'000);
  auto in_day = static_cast<std::uint32_t>(ms % 86'400'000);
  std::uint32_t seconds = in_day / 1000, thousandths = in_day % 1000;
  civil_day day = civil_of_days(days);
  out = put_day(out, day.year, day.month, day.day);
  *out++ = 'T';
  out = put_clock(out, seconds / 3600, seconds / 60 % 60, seconds % 60);
  out[0] = '.';
  out[1] = static_cast<char>('0' + thousandths / 100);
  out[2] = static_cast<char>('0' + thousandths / 10 % 10);
  out[3] = static_cast<char>('0' + thousandths % 10);
  return out + 4;
}

/// The same without a fraction where there is none, and Z.
inline char* put_date(char* out, std::int64_t ms) {
  out = put_moment(out, ms);
  if (ms % 1000 == 0) out -= 4;
  *out++ = 'Z';
  return out;
}

/// The most that put_double writes.
inline constexpr std::size_t double_text_size = 32;

/// A finite number with the fewest digits that read back to it: 1.0, -0.0, 1.5E-7, 1.2345678921232E+18.
inline char* put_double(char* out, double number) {
  *out = '-';
  out += std::signbit(number);
  number = std::abs(number);
  if (char* end = put_whole_double(out, number)) return put_literal(end, ".0");
  if (char* end = put_short_double(out, number)) return end;
  // d[.d…]e±dd[d]
  char shortest[double_text_size];
  const char* end =
      std::to_chars(shortest, shortest + sizeof shortest, number, std::chars_format::scientific).ptr;
  const char* e = end - (end[-4] == 'e' ? 4 : 5);
  int exponent = 0;
  std::from_chars(e + 2, end, exponent);
  if (e[1] == '-') exponent = -exponent;
  char digits[double_text_size];
  digits[0] = shortest[0];
  std::size_t count = 1;
  if (e - shortest > 2) {
    std::memcpy(digits + 1, shortest + 2, static_cast<std::size_t>(e - shortest - 2));
    count = static_cast<std::size_t>(e - shortest - 1);
  }
  if (exponent < -4 || exponent >= 16) {
    out = json::put(out, {shortest, static_cast<std::size_t>(e - shortest)});
    *out++ = 'E';
    *out++ = exponent < 0 ? '-' : '+';
    return put_integer(out, exponent < 0 ? -exponent : exponent);
  }
  if (exponent < 0) {
    out = put_literal(out, "0.");
    for (; exponent < -1; ++exponent) *out++ = '0';
    return json::put(out, {digits, count});
  }
  auto whole = static_cast<std::size_t>(exponent) + 1;
  out = json::put(out, {digits, std::min(whole, count)});
  for (std::size_t i = count; i < whole; ++i) *out++ = '0';
  *out++ = '.';
  if (count <= whole) {
    *out++ = '0';
    return out;
  }
  return json::put(out, {digits + whole, count - whole});
}

}  // namespace tidewire::mongo_wire
