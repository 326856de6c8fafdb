// Dates and times in all the layouts that row images and JSON documents have.
#pragma once

#include "binlog/number.hpp"
#include "core/clock_text.hpp"

namespace tidewire::binlog {

/// A point in a calendar, or a span of hours. Zero dates and zero months and days are legal, as they are in
/// the servers.
struct civil_time {
  std::uint16_t year = 0;
  std::uint8_t month = 0;
  std::uint8_t day = 0;
  std::uint16_t hour = 0;  // of a TIME: up to 838
  std::uint8_t minute = 0;
  std::uint8_t second = 0;
  std::uint32_t microsecond = 0;
  bool negative = false;  // of a TIME

  friend bool operator==(const civil_time&, const civil_time&) = default;
};

namespace detail {

inline bool legal_date(const civil_time& t) {
  return t.year <= 9999 && t.month <= 12 && t.day <= 31;
}
inline bool legal_clock(const civil_time& t, unsigned most_hours) {
  return t.hour <= most_hours && t.minute < 60 && t.second < 60 && t.microsecond < 1'000'000;
}

/// The fraction behind a value of `digits` digits: 0 to 3 bytes, big-endian, of an even number of digits.
inline std::uint32_t load_fraction(const std::uint8_t* at, unsigned digits) {
  constexpr std::uint32_t unit[] = {0, 10000, 100, 1};
  unsigned bytes = (digits + 1) / 2;
  return static_cast<std::uint32_t>(load_be_n(at, bytes)) * unit[bytes];
}

inline civil_time unpack_datetime(std::uint64_t whole, std::uint32_t microsecond) {
  civil_time t;
  std::uint64_t date = whole >> 17;
  std::uint64_t months = date >> 5;
  std::uint64_t year = months / 13;
  t.year = static_cast<std::uint16_t>(year > 0xffff ? 0xffff : year);
  t.month = static_cast<std::uint8_t>(months % 13);
  t.day = static_cast<std::uint8_t>(date & 31);
  t.hour = static_cast<std::uint16_t>(whole >> 12 & 31);
  t.minute = static_cast<std::uint8_t>(whole >> 6 & 63);
  t.second = static_cast<std::uint8_t>(whole & 63);
  t.microsecond = microsecond;
  return t;
}

/// Seconds with 24 bits of microseconds, negative as a whole.
inline civil_time unpack_time(std::int64_t packed) {
  civil_time t;
  t.negative = packed < 0;
  std::uint64_t size =
      t.negative ? 0 - static_cast<std::uint64_t>(packed) : static_cast<std::uint64_t>(packed);
  std::uint64_t whole = size >> 24;
  t.hour = static_cast<std::uint16_t>(whole >> 12 > 1023 ? 1023 : whole >> 12);
  t.minute = static_cast<std::uint8_t>(whole >> 6 & 63);
  t.second = static_cast<std::uint8_t>(whole & 63);
  t.microsecond = static_cast<std::uint32_t>(size & 0xffffff);
  return t;
}

}  // namespace detail

// The decode_ functions give false for what no calendar has; bytes.size() is that of the column's layout.

/// DATE: 24 bits little-endian, day in the lowest 5, then 4 of month.
inline bool decode_date(byte_view bytes, civil_time& t) {
  auto packed = static_cast<std::uint32_t>(detail::load_le_n(bytes.data(), 3));
  t = {};
  t.day = static_cast<std::uint8_t>(packed & 31);
  t.month = static_cast<std::uint8_t>(packed >> 5 & 15);
  t.year = static_cast<std::uint16_t>(packed >> 9);
  return detail::legal_date(t);
}

/// TIME with `digits` of fraction. Big-endian, biased; the fraction of a negative one counts upwards from the
/// next lower second.
inline bool decode_time(byte_view bytes, unsigned digits, civil_time& t) {
  std::int64_t packed = 0;
  unsigned size = (digits + 1) / 2;
  auto whole = static_cast<std::int64_t>(detail::load_be_n(bytes.data(), 3)) - 0x800000;
  auto fraction = static_cast<std::int64_t>(detail::load_be_n(bytes.data() + 3, size));
  constexpr std::int64_t unit[] = {0, 10000, 100, 1};
  if (size < 3 && whole < 0 && fraction) {
    ++whole;
    fraction -= std::int64_t{1} << 8 * size;
  }
  // With three bytes both parts are one number, so that the borrow is in it.
  packed = whole * (1 << 24) + fraction * unit[size];
  t = detail::unpack_time(packed);
  return detail::legal_clock(t, 838);
}

/// DATETIME with `digits` of fraction.
inline bool decode_datetime(byte_view bytes, unsigned digits, civil_time& t) {
  auto whole = static_cast<std::int64_t>(detail::load_be_n(bytes.data(), 5)) - 0x8000000000;
  t = {};
  if (whole < 0) return false;
  t = detail::unpack_datetime(static_cast<std::uint64_t>(whole),
                              detail::load_fraction(bytes.data() + 5, digits));
  return detail::legal_date(t) && detail::legal_clock(t, 23);
}

/// Seconds since 1970 in UTC. Years up to 2106, as MariaDB ≥ 11.5 has them.
inline civil_time civil_of_seconds(std::uint32_t seconds) {
  std::uint32_t in_day = seconds % 86400;
  civil_day day = civil_of_days(seconds / 86400);
  civil_time t;
  t.year = static_cast<std::uint16_t>(day.year);
  t.month = static_cast<std::uint8_t>(day.month);
  t.day = static_cast<std::uint8_t>(day.day);
  t.hour = static_cast<std::uint16_t>(in_day / 3600);
  t.minute = static_cast<std::uint8_t>(in_day / 60 % 60);
  t.second = static_cast<std::uint8_t>(in_day % 60);
  return t;
}

/// TIMESTAMP with `digits` of fraction, as a calendar of UTC; 0 is the zero date.
inline bool decode_timestamp(byte_view bytes, unsigned digits, civil_time& t) {
  auto seconds = load_be<std::uint32_t>(bytes.data());
  std::uint32_t microsecond = detail::load_fraction(bytes.data() + 4, digits);
  t = seconds == 0 && microsecond == 0 ? civil_time{} : civil_of_seconds(seconds);
  t.microsecond = microsecond;
  return microsecond < 1'000'000;
}

/// The layouts of MySQL 5.5 and MariaDB 5.3, whole seconds only: decimal numbers of the digits HHMMSS…
inline bool decode_old_time(byte_view bytes, civil_time& t) {
  auto raw = static_cast<std::uint32_t>(detail::load_le_n(bytes.data(), 3));
  auto number = static_cast<std::int32_t>(raw << 8) >> 8;
  t = {};
  t.negative = number < 0;
  auto size = static_cast<std::uint32_t>(number < 0 ? -number : number);
  t.hour = static_cast<std::uint16_t>(size / 10000);
  t.minute = static_cast<std::uint8_t>(size / 100 % 100);
  t.second = static_cast<std::uint8_t>(size % 100);
  return detail::legal_clock(t, 838);
}

/// … and YYYYMMDDHHMMSS.
inline bool decode_old_datetime(byte_view bytes, civil_time& t) {
  auto number = load_le<std::uint64_t>(bytes.data());
  t = {};
  if (number > 99991231235959) return false;
  std::uint64_t date = number / 1'000'000;
  auto clock = static_cast<std::uint32_t>(number % 1'000'000);
  t.year = static_cast<std::uint16_t>(date / 10000);
  t.month = static_cast<std::uint8_t>(date / 100 % 100);
  t.day = static_cast<std::uint8_t>(date % 100);
  t.hour = static_cast<std::uint16_t>(clock / 10000);
  t.minute = static_cast<std::uint8_t>(clock / 100 % 100);
  t.second = static_cast<std::uint8_t>(clock % 100);
  return detail::legal_date(t) && detail::legal_clock(t, 23);
}

inline bool decode_old_timestamp(byte_view bytes, civil_time& t) {
  auto seconds = load_le<std::uint32_t>(bytes.data());
  t = seconds == 0 ? civil_time{} : civil_of_seconds(seconds);
  return true;
}

/// Room for any of the texts below.
inline constexpr std::size_t temporal_text_size = 32;

/// 2024-02-29. What is made of a time that is not legal is no longer, here and below.
inline char* put_date(char* out, const civil_time& t) {
  return put_day(out, t.year, t.month, t.day);
}

/// -838:59:59.000, with `digits` of fraction.
inline char* put_time(char* out, const civil_time& t, unsigned digits) {
  *out = '-';
  out += t.negative;
  *out = static_cast<char>('0' + t.hour / 100);
  out += t.hour > 99;
  out = put_clock(out, t.hour % 100u, t.minute, t.second);
  if (digits == 0) return out;
  *out++ = '.';
  put_eight(out, eight_digits(t.microsecond) >> 16);  // the first two of eight are none of the six
  return out + digits;
}

/// 2024-02-29 23:59:59.999999
inline char* put_datetime(char* out, const civil_time& t, unsigned digits) {
  out = put_date(out, t);
  *out++ = ' ';
  return put_time(out, t, digits);
}

}  // namespace tidewire::binlog
