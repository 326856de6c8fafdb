// Numbers as text. The put_ functions write without checks and return the end.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "binlog/lenenc.hpp"
#include "core/digits.hpp"
#include "core/json.hpp"
#include "core/short_double.hpp"

namespace tidewire::binlog {

inline constexpr std::size_t integer_text_size = 20;

inline char* put_unsigned(char* out, std::uint64_t number) {
  return std::to_chars(out, out + integer_text_size, number).ptr;
}

inline char* put_signed(char* out, std::int64_t number) {
  return std::to_chars(out, out + integer_text_size, number).ptr;
}

/// As put_signed, quicker; stores up to eight bytes more than it reports.
inline char* put_signed_number(char* at, std::int64_t number) {
  *at = '-';
  bool negative = number < 0;
  auto size = static_cast<std::uint64_t>(number);
  return json::put_unsigned(at + negative, negative ? 0 - size : size);
}

/// Nine digits of a number below 1,000,000,000.
inline char* put_nine_digits(char* out, std::uint32_t number) {
  *out = static_cast<char>('0' + number / 100'000'000);
  put_eight(out + 1, eight_digits(number % 100'000'000));
  return out + 9;
}

/// Exactly `digits` digits, 1 to 8. Stores eight bytes.
inline char* put_padded_number(char* out, std::uint32_t number, unsigned digits) {
  put_eight(out, eight_digits(number) >> 8 * (8 - digits));
  return out + digits;
}

/// A little-endian integer of 1, 2, 3, 4 or 8 bytes.
inline char* put_integer(char* out, byte_view bytes, bool is_unsigned) {
  std::uint64_t value = detail::load_le_n(bytes.data(), bytes.size());
  if (is_unsigned) return put_unsigned(out, value);
  unsigned unused = 64 - 8 * static_cast<unsigned>(bytes.size());
  return put_signed(out, static_cast<std::int64_t>(value << unused) >> unused);
}

/// Room for any float or double.
inline constexpr std::size_t float_text_size = 40;

/// The fewest digits that give the same number again, laid out as the servers do: an exponent, without plus
/// or leading zeros, for numbers below 10⁻¹⁴ and for whole ones from 10¹⁵ on. A NaN or infinity, which no
/// server stores, becomes a word.
template <class T>
char* put_float(char* out, T number) {
  if (!std::isfinite(number)) {
    const char* word = std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
    std::size_t size = std::strlen(word);
    std::memcpy(out, word, size);
    return out + size;
  }
  if constexpr (sizeof(T) == 8) {
    double size = std::abs(number);
    *out = '-';
    char* first = out + std::signbit(number);
    if (char* end = put_whole_double(first, size)) return end;
    if (char* end = put_short_double(first, size)) return end;
  }
  // Here the library's layout is the servers'. Larger whole numbers it would give with all their digits.
  constexpr T all_digits = sizeof(T) == 8 ? T(1e15) : T(1e7);
  if (T size = std::abs(number); size < all_digits && (size >= T(1e-15) || size == 0))
    return std::to_chars(out, out + float_text_size, number, std::chars_format::fixed).ptr;
  char text[float_text_size];
  const char* end = std::to_chars(text, text + sizeof text, number, std::chars_format::scientific).ptr;
  const char* in = text;
  if (*in == '-') *out++ = *in++;
  // d.ddde±xx
  char digits[24];
  int count = 0;
  for (; *in != 'e'; ++in)
    if (*in != '.') digits[count++] = *in;
  ++in;
  if (*in == '+') ++in;
  int exponent = 0;
  std::from_chars(in, end, exponent);
  int point = exponent + 1;  // digits before the decimal point
  if (point < -14 || (point > 15 && count <= point)) {
    *out++ = digits[0];
    if (count > 1) {
      *out++ = '.';
      for (int i = 1; i < count; ++i) *out++ = digits[i];
    }
    *out++ = 'e';
    return std::to_chars(out, out + 6, exponent).ptr;
  }
  if (point <= 0) {
    *out++ = '0';
    if (count == 1 && digits[0] == '0') return out;
    *out++ = '.';
    for (int i = point; i < 0; ++i) *out++ = '0';
    for (int i = 0; i < count; ++i) *out++ = digits[i];
    return out;
  }
  for (int i = 0; i < count; ++i) {
    if (i == point) *out++ = '.';
    *out++ = digits[i];
  }
  for (int i = count; i < point; ++i) *out++ = '0';
  return out;
}

/// A DECIMAL has up to 65 digits. Inside JSON the server rounds the precision up to whole groups of nine.
inline constexpr unsigned max_decimal_digits = 81;
/// Room for one, with sign, point and a zero before it, and what its last digits store behind them.
inline constexpr std::size_t decimal_text_size = max_decimal_digits + 3 + 8;

namespace detail {

inline constexpr std::uint8_t decimal_leftover_bytes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4};
inline constexpr std::uint32_t powers_of_ten[] = {1,      10,      100,      1000,      10000,
                                                  100000, 1000000, 10000000, 100000000, 1000000000};

/// A big-endian number of 1 to 4 bytes.
inline std::uint32_t load_be_short(const std::uint8_t* at, unsigned size) {
  if (size == 4) return load_be<std::uint32_t>(at);
  if (size == 1) return *at;
  std::uint32_t two = load_be<std::uint16_t>(at);
  return size == 2 ? two : two << 8 | at[2];
}

}  // namespace detail

/// How many bytes a DECIMAL takes: four for each nine digits before and behind the point, fewer for what is
/// left over at the outer ends.
constexpr std::size_t decimal_bytes(unsigned precision, unsigned scale) {
  unsigned whole = precision - scale;
  return whole / 9 * 4 + detail::decimal_leftover_bytes[whole % 9] + scale / 9 * 4 +
         detail::decimal_leftover_bytes[scale % 9];
}

/// `bytes` are decimal_bytes(precision, scale) big-endian ones, the first bit inverted, all others too if the
/// number is negative. 0 < precision ≤ max_decimal_digits, scale ≤ precision. Null if a group of digits is
/// too large.
inline char* put_decimal(char* out, byte_view bytes, unsigned precision, unsigned scale) {
  const std::uint8_t* at = bytes.data();
  std::uint32_t inverted = at[0] & 0x80 ? 0 : 0xffffffff;
  *out = '-';
  out += inverted & 1;
  std::uint32_t sign = 0x80000000;  // of the first group only
  bool good = true;
  auto take = [&](unsigned digits) {
    unsigned size = digits == 9 ? 4u : detail::decimal_leftover_bytes[digits];
    unsigned unused = 32 - 8 * size;
    std::uint32_t group = detail::load_be_short(at, size) << unused;  // its first bit is the highest
    group = (group ^ inverted ^ sign) >> unused;
    sign = 0;
    at += size;
    good &= group < detail::powers_of_ten[digits];
    return group;
  };
  auto put_group = [&](std::uint32_t group, unsigned digits) {
    // A wrong one may be larger than its digits: then what is written does not matter.
    out = digits == 9 ? put_nine_digits(out, group) : put_padded_number(out, group % 100'000'000, digits);
  };
  unsigned left = precision - scale;
  std::uint32_t group = 0;
  // Zeros at the front are left out.
  while (left && group == 0) {
    unsigned digits = left % 9 ? left % 9 : 9;
    group = take(digits);
    left -= digits;
  }
  out = json::put_unsigned(out, group);
  for (; left; left -= 9) put_group(take(9), 9);
  if (scale) *out++ = '.';
  for (left = scale; left >= 9; left -= 9) put_group(take(9), 9);
  if (left) put_group(take(left), left);
  return good ? out : nullptr;
}

}  // namespace tidewire::binlog
