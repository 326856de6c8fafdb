// Doubles that are short decimal numbers, as most that people store are, without a search for their shortest
// digits.
#pragma once

#include <algorithm>
#include <bit>

#include "core/json.hpp"

namespace tidewire {

/// The digits of a number from 0 to below 10¹⁵ that is whole; null for one that is not.
inline char* put_whole_double(char* out, double number) {
  if (!(number < 1e15)) return nullptr;
  auto whole = static_cast<std::uint64_t>(number);
  return static_cast<double>(whole) == number ? json::put_unsigned(out, whole) : nullptr;
}

namespace detail {

/// A number from 0.001 to below `limit` = 10¹⁵ / `scale`, if it has no more decimal places than `scale` has
/// zeros; null for one that has more.
///
/// Dividing two whole numbers that doubles hold exactly gives the double next to the true quotient, as
/// reading the decimal number would: if that is `number`, the text reads back to it. It has at most 15
/// digits, and no two different decimal numbers of so few are next to the same double, so that there is no
/// shorter one.
template <std::uint32_t scale>
char* put_short_decimal(char* out, double number) {
  auto scaled = static_cast<std::uint64_t>(number * scale + 0.5);
  if (static_cast<double>(scaled) / scale != number) return nullptr;
  out = json::put_unsigned(out, scaled / scale);
  *out++ = '.';
  // Without the zeros at the end, which are the highest bytes.
  std::uint64_t places = eight_digits(static_cast<std::uint32_t>(scaled % scale) * (100'000'000 / scale));
  put_eight(out, places);
  int zeros = std::countl_zero(places & 0x0f0f'0f0f'0f0f'0f0f) / 8;
  return out + std::max(1, 8 - zeros);
}

/// As above, with two places: what has a price has.
inline char* put_cents(char* out, double number) {
  auto cents = static_cast<std::uint64_t>(number * 100 + 0.5);
  if (static_cast<double>(cents) / 100 != number) return nullptr;
  out = json::put_unsigned(out, cents / 100);
  auto places = static_cast<unsigned>(cents % 100);
  out[0] = '.';
  out[1] = static_cast<char>('0' + places / 10);
  out[2] = static_cast<char>('0' + places % 10);
  return out + 2 + (places % 10 != 0);
}

}  // namespace detail

/// The fewest digits that read back to a number from 0.001 on that is not whole, if they are few; null if
/// not.
inline char* put_short_double(char* out, double number) {
  if (number >= 0.001 && number < 1e11) [[likely]] {
    if (char* end = detail::put_cents(out, number)) return end;
  }
  if (number >= 0.001 && number < 1e7) return detail::put_short_decimal<100'000'000>(out, number);
  if (number >= 1e7 && number < 1e11) return detail::put_short_decimal<10'000>(out, number);
  return nullptr;
}

}  // namespace tidewire
