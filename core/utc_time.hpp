// Microseconds since 1970 as RFC 3339 text in UTC.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/digits.hpp"

namespace tidewire {

/// The longest text that put_utc writes: a sign, nine digits of year and 22 more characters.
inline constexpr std::size_t utc_text_size = 32;

inline char* put_digits(char* out, std::uint64_t number, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return out + digits;
}

namespace detail {

/// `year` is below 10,000. Stores 28 bytes.
inline char* put_four_digit_year(char* out, unsigned year, unsigned month, unsigned day,
                                 std::uint64_t us_in_day) {
  auto seconds = static_cast<unsigned>(us_in_day / 1'000'000);
  std::uint64_t date = eight_digits(year * 10'000 + month * 100 + day);
  std::uint64_t time = eight_digits(seconds / 3600 * 10'000 + seconds / 60 % 60 * 100 + seconds % 60);
  auto two = [](std::uint64_t characters, int from) { return (characters >> 8 * from & 0xffff) << 8; };
  put_eight(out, date);  // of which the year stays
  put_eight(out + 4,
            '-' | two(date, 4) | std::uint64_t{'-'} << 24 | two(date, 6) << 24 | std::uint64_t{'T'} << 48);
  put_eight(out + 11, two(time, 2) >> 8 | std::uint64_t{':'} << 16 | two(time, 4) << 16 |
                          std::uint64_t{':'} << 40 | two(time, 6) << 40);
  out[19] = '.';
  // The first two of eight are none of the six.
  put_eight(out + 20, eight_digits(static_cast<std::uint32_t>(us_in_day % 1'000'000)) >> 16);
  out[26] = 'Z';
  return out + 27;
}

}  // namespace detail

/// Writes for example 2026-11-24T10:00:00.123456Z; years outside 0–9999 take as many digits as they need,
/// with a sign in front if negative (astronomical: year 0 is 1 BC). Any value is legal.
inline char* put_utc(char* out, std::int64_t unix_us) {
  constexpr std::int64_t day_us = 86'400'000'000;
  std::int64_t days = unix_us / day_us;
  std::int64_t in_day = unix_us % day_us;
  if (in_day < 0) in_day += day_us, --days;
  // Days to a civil date, with years that begin in March (so that the leap day ends one).
  std::int64_t shifted = days + 719'468;
  std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  auto of_era = static_cast<unsigned>(shifted - era * 146'097);
  unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned shifted_month = (5 * of_year + 2) / 153;
  unsigned day = of_year - (153 * shifted_month + 2) / 5 + 1;
  unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  std::int64_t year = static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2);
  if (year >= 0 && year < 10'000) [[likely]]
    return detail::put_four_digit_year(out, static_cast<unsigned>(year), month, day,
                                       static_cast<std::uint64_t>(in_day));
  if (year < 0) *out++ = '-', year = -year;
  int year_digits = 4;
  for (std::int64_t limit = 10'000; year >= limit; limit *= 10) ++year_digits;
  out = put_digits(out, static_cast<std::uint64_t>(year), year_digits);
  *out++ = '-';
  out = put_digits(out, month, 2);
  *out++ = '-';
  out = put_digits(out, day, 2);
  *out++ = 'T';
  auto seconds = static_cast<std::uint64_t>(in_day / 1'000'000);
  out = put_digits(out, seconds / 3600, 2);
  *out++ = ':';
  out = put_digits(out, seconds / 60 % 60, 2);
  *out++ = ':';
  out = put_digits(out, seconds % 60, 2);
  *out++ = '.';
  out = put_digits(out, static_cast<std::uint64_t>(in_day % 1'000'000), 6);
  *out++ = 'Z';
  return out;
}

/// put_utc for times that follow one another: what they have in common up to the second is kept.
class utc_writer {
 public:
  /// `out` has room for utc_text_size bytes whatever the time.
  char* put(char* out, std::int64_t unix_us) {
    constexpr int second_us = 1'000'000;
    std::int64_t second = unix_us / second_us;
    auto in_second = static_cast<std::int32_t>(unix_us - second * second_us);
    if (in_second < 0) in_second += second_us, --second;
    if (second != kept_ || size_ == 0) [[unlikely]]
      keep(second, unix_us);
    std::memcpy(out, second_, sizeof second_);
    out += size_;
    auto us = static_cast<std::uint32_t>(in_second);
    // The first two of eight are none of the six.
    put_eight(out, eight_digits(us) >> 16);
    out[6] = 'Z';
    return out + 7;
  }

 private:
  void keep(std::int64_t second, std::int64_t unix_us) {
    kept_ = second;
    size_ = static_cast<std::size_t>(put_utc(second_, unix_us) - second_) - 7;
  }

  std::int64_t kept_ = 0;
  std::size_t size_ = 0;  // up to the point and with it
  char second_[utc_text_size] = {};
};

}  // namespace tidewire
