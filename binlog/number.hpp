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

namespace tidewire::binlog {

inline constexpr std::size_t integer_text_size = 20;

inline char* put_unsigned(char* out, std::uint64_t number) {
  return std::to_chars(out, out + integer_text_size, number).ptr;
}

inline char* put_signed(char* out, std::int64_t number) {
  return std::to_chars(out, out + integer_text_size, number).ptr;
}

namespace detail {

inline constexpr auto digit_pairs = [] {
  std::array<char, 200> made{};
  for (unsigned i = 0; i < 100; ++i) {
    made[2 * i] = static_cast<char>('0' + i / 10);
    made[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return made;
}();

/// Of a number below 100.
inline void put_two_digits(char* out, unsigned number) {
  std::memcpy(out, digit_pairs.data() + 2 * std::size_t{number}, 2);
}

}  // namespace detail

/// Nine digits of a number below 1,000,000,000.
inline char* put_nine_digits(char* out, std::uint32_t number) {
  *out = static_cast<char>('0' + number / 100'000'000);
  put_eight(out + 1, eight_digits(number % 100'000'000));
  return out + 9;
}

/// Exactly `digits` digits.
inline char* put_padded_number(char* out, std::uint32_t number, unsigned digits) {
  unsigned left = digits;
  for (; left >= 2; left -= 2, number /= 100) detail::put_two_digits(out + left - 2, number % 100);
  if (left) *out = static_cast<char>('0' + number % 10);
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
/// Room for one, with sign, point and a zero before it.
inline constexpr std::size_t decimal_text_size = max_decimal_digits + 3;

namespace detail {

inline constexpr std::uint8_t decimal_leftover_bytes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4};
inline constexpr std::uint32_t powers_of_ten[] = {1,      10,      100,      1000,      10000,
                                                  100000, 1000000, 10000000, 100000000, 1000000000};

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
  if (inverted) *out++ = '-';
  bool first = true;
  auto take = [&](unsigned digits) {
    unsigned size = digits == 9 ? 4u : detail::decimal_leftover_bytes[digits];
    auto group =
        size == 4 ? load_be<std::uint32_t>(at) : static_cast<std::uint32_t>(detail::load_be_n(at, size));
    std::uint32_t mask = size == 4 ? 0xffffffff : (std::uint32_t{1} << 8 * size) - 1;
    group ^= inverted & mask;
    if (first) group ^= std::uint32_t{1} << (8 * size - 1);
    first = false;
    at += size;
    return group;
  };
  unsigned whole = precision - scale;
  bool leading = true;  // zeros are left out so far
  bool good = true;
  auto put_group = [&](std::uint32_t group, unsigned digits) {
    good &= group < detail::powers_of_ten[digits];
    out = digits == 9 ? put_nine_digits(out, group) : put_padded_number(out, group, digits);
  };
  auto put_whole = [&](unsigned digits) {
    std::uint32_t group = take(digits);
    good &= group < detail::powers_of_ten[digits];
    if (!leading) {
      put_group(group, digits);
    } else if (group) {
      out = std::to_chars(out, out + 10, group).ptr;
      leading = false;
    }
  };
  if (whole % 9) put_whole(whole % 9);
  for (unsigned i = 0; i < whole / 9; ++i) put_whole(9);
  if (leading) *out++ = '0';
  if (scale) {
    *out++ = '.';
    for (unsigned left = scale; left; left -= left < 9 ? left : 9) {
      unsigned digits = left < 9 ? left : 9;
      std::uint32_t group = take(digits);
      put_group(group, digits);
    }
  }
  return good ? out : nullptr;
}

}  // namespace tidewire::binlog
