// Days and clocks as text: their pairs of digits are made side by side in one word.
#pragma once

#include "core/digits.hpp"

namespace tidewire {

namespace detail {

/// Numbers below 100, each the lowest byte of two and at least 16 bits from the next one, as their two
/// digits.
constexpr std::uint64_t digit_pairs(std::uint64_t numbers, std::uint64_t tens_mask) {
  std::uint64_t tens = (numbers * 103 >> 10) & tens_mask;  // 103/1024 is near enough to a tenth
  return tens | (numbers - 10 * tens) << 8;
}

}  // namespace detail

/// hh:mm:ss. Each is below 100.
inline char* put_clock(char* out, unsigned hour, unsigned minute, unsigned second) {
  std::uint64_t numbers = hour | std::uint64_t{minute} << 24 | std::uint64_t{second} << 48;
  put_eight(out, detail::digit_pairs(numbers, 0x000f'0000'0f00'000f) + 0x3030'3a30'303a'3030);
  return out + 8;
}

/// YYYY-MM-DD. `year` is below 10,000, the others below 100.
inline char* put_day(char* out, unsigned year, unsigned month, unsigned day) {
  std::uint64_t numbers = year / 100 | std::uint64_t{year % 100} << 16 | std::uint64_t{month} << 40;
  put_eight(out, detail::digit_pairs(numbers, 0x0000'0f00'000f'000f) + 0x2d30'302d'3030'3030);
  out[8] = static_cast<char>('0' + day / 10);
  out[9] = static_cast<char>('0' + day % 10);
  return out + 10;
}

/// A day of the calendar.
struct civil_day {
  unsigned year, month, day;
};

/// `days` since 1970, until the year 9999. Years that begin in March end with the leap day; the
/// multiplications divide (C. Neri, L. Schneider: Euclidean affine functions and their application to
/// calendar algorithms).
inline civil_day civil_of_days(std::uint32_t days) {
  std::uint32_t quarters = 4 * (days + 719'468) + 3;
  std::uint32_t century = quarters / 146'097;
  std::uint64_t of_century = std::uint64_t{2'939'745} * (quarters % 146'097 | 3);
  std::uint32_t of_year = static_cast<std::uint32_t>(of_century) / 2'939'745 / 4;
  std::uint32_t month = 2141 * of_year + 197'913;
  bool next_year = of_year >= 306;
  return {100 * century + static_cast<std::uint32_t>(of_century >> 32) + next_year,
          (month >> 16) - 12 * next_year, (month & 0xffff) / 2141 + 1};
}

}  // namespace tidewire
