#include "pgoutput/binary_time.hpp"

#include <charconv>
#include <limits>

namespace tidewire::pgoutput::binary {

namespace {

constexpr std::int64_t microseconds = 1'000'000;
constexpr std::int64_t day_length = 86'400 * microseconds;
// Day numbers count from 2000-01-01. The calendar starts at 4714-11-24 BC and ends after 5874897-12-31, for
// timestamps after 294276-12-31.
constexpr std::int32_t first_day = -2'451'545;
constexpr std::int32_t last_day = 2'145'031'948;
constexpr std::int64_t first_instant = first_day * day_length;
constexpr std::int64_t instants_end = 9'223'371'331'200'000'000;
constexpr std::int32_t zone_limit = 16 * 3600;

char* put_two(char* out, unsigned number) {
  out[0] = static_cast<char>('0' + number / 10);
  out[1] = static_cast<char>('0' + number % 10);
  return out + 2;
}

/// At least four digits.
char* put_year(char* out, std::int32_t year) {
  for (std::int32_t power = 1000; power > 1 && year < power; power /= 10) *out++ = '0';
  return std::to_chars(out, out + 10, year).ptr;
}

/// YYYY-MM-DD; `before_christ` is for the caller to append " BC" at the end of all.
char* put_day(char* out, std::int64_t day, bool& before_christ) {
  // Years begin in March here, so that a leap day is the last of its year; eras are 400 of them.
  std::int64_t since = day + 730'425;  // from 0000-03-01
  std::int64_t era = (since >= 0 ? since : since - 146'096) / 146'097;
  auto of_era = static_cast<std::uint32_t>(since - era * 146'097);
  std::uint32_t year_of_era = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  std::uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  std::uint32_t from_march = (5 * of_year + 2) / 153;
  std::uint32_t day_of_month = of_year - (153 * from_march + 2) / 5 + 1;
  std::uint32_t month = from_march < 10 ? from_march + 3 : from_march - 9;
  auto year = static_cast<std::int32_t>(era * 400 + year_of_era + (month <= 2));
  before_christ = year <= 0;
  out = put_year(out, before_christ ? 1 - year : year);
  *out++ = '-';
  out = put_two(out, month);
  *out++ = '-';
  return put_two(out, day_of_month);
}

/// .ffffff without zeros at its end, nothing for 0.
char* put_fraction(char* out, std::uint32_t micros) {
  if (micros == 0) return out;
  *out++ = '.';
  for (std::uint32_t power = 100'000; micros != 0; micros %= power, power /= 10)
    *out++ = static_cast<char>('0' + micros / power);
  return out;
}

/// HH:MM:SS[.ffffff], up to 24:00:00.
char* put_clock(char* out, std::int64_t time) {
  auto seconds = static_cast<std::uint32_t>(time / microseconds);
  out = put_two(out, seconds / 3600);
  *out++ = ':';
  out = put_two(out, seconds / 60 % 60);
  *out++ = ':';
  out = put_two(out, seconds % 60);
  return put_fraction(out, static_cast<std::uint32_t>(time % microseconds));
}

std::int64_t read_time(cursor& in) {
  std::size_t at = in.offset();
  auto time = in.be<std::int64_t>("time");
  if (time < 0 || time > day_length) in.fail_at(at, decode_errc::bad_value, "time");
  return time;
}

void append_instant(cursor& in, std::string& out, std::string_view zone) {
  std::size_t at = in.offset();
  auto instant = in.be<std::int64_t>("timestamp");
  if (!in.ok()) return;
  if (instant == std::numeric_limits<std::int64_t>::max()) return void(out.append("infinity"));
  if (instant == std::numeric_limits<std::int64_t>::min()) return void(out.append("-infinity"));
  if (instant < first_instant || instant >= instants_end)
    return in.fail_at(at, decode_errc::bad_value, "timestamp");
  std::int64_t day = instant / day_length, time = instant % day_length;
  if (time < 0) --day, time += day_length;
  char text[48];
  bool before_christ;
  char* end = put_day(text, day, before_christ);
  *end++ = ' ';
  end = put_clock(end, time);
  out.append(text, end).append(zone);
  if (before_christ) out.append(" BC");
}

/// " 5 days": a part of an interval, unless it is 0. A part after a negative one shows its sign.
struct interval_parts {
  std::string& out;
  bool empty = true;
  bool after_negative = false;

  void append(std::int32_t count, std::string_view unit) {
    if (count == 0) return;
    if (!empty) out.push_back(' ');
    if (after_negative && count > 0) out.push_back('+');
    char digits[11];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, count).ptr);
    out.push_back(' ');
    out.append(unit);
    if (count != 1) out.push_back('s');
    after_negative = count < 0;
    empty = false;
  }

  void append_clock(std::int64_t time) {
    if (time == 0 && !empty) return;
    if (!empty) out.push_back(' ');
    if (time < 0)
      out.push_back('-');
    else if (after_negative)
      out.push_back('+');
    std::uint64_t size = time < 0 ? 0 - static_cast<std::uint64_t>(time) : static_cast<std::uint64_t>(time);
    std::uint64_t seconds = size / microseconds;
    char text[32];
    char* end = text;
    if (seconds < 36'000) *end++ = '0';
    end = std::to_chars(end, end + 12, seconds / 3600).ptr;
    *end++ = ':';
    end = put_two(end, static_cast<unsigned>(seconds / 60 % 60));
    *end++ = ':';
    end = put_two(end, static_cast<unsigned>(seconds % 60));
    out.append(text, put_fraction(end, static_cast<std::uint32_t>(size % microseconds)));
  }
};

}  // namespace

void append_date(cursor& in, std::string& out) {
  std::size_t at = in.offset();
  auto day = in.be<std::int32_t>("date");
  if (!in.ok()) return;
  if (day == std::numeric_limits<std::int32_t>::max()) return void(out.append("infinity"));
  if (day == std::numeric_limits<std::int32_t>::min()) return void(out.append("-infinity"));
  if (day < first_day || day > last_day) return in.fail_at(at, decode_errc::bad_value, "date");
  char text[20];
  bool before_christ;
  out.append(text, put_day(text, day, before_christ));
  if (before_christ) out.append(" BC");
}

void append_time(cursor& in, std::string& out) {
  std::int64_t time = read_time(in);
  if (!in.ok()) return;
  char text[20];
  out.append(text, put_clock(text, time));
}

void append_time_tz(cursor& in, std::string& out) {
  std::int64_t time = read_time(in);
  std::size_t at = in.offset();
  auto west = in.be<std::int32_t>("time zone");
  if (west <= -zone_limit || west >= zone_limit) in.fail_at(at, decode_errc::bad_value, "time zone");
  if (!in.ok()) return;
  char text[32];
  char* end = put_clock(text, time);
  *end++ = west > 0 ? '-' : '+';
  auto size = static_cast<std::uint32_t>(west > 0 ? west : -west);
  end = put_two(end, size / 3600);
  if (size % 3600 != 0) *end++ = ':', end = put_two(end, size / 60 % 60);
  if (size % 60 != 0) *end++ = ':', end = put_two(end, size % 60);
  out.append(text, end);
}

void append_timestamp(cursor& in, std::string& out) {
  append_instant(in, out, "");
}

void append_timestamp_tz(cursor& in, std::string& out) {
  append_instant(in, out, "+00");
}

void append_interval(cursor& in, std::string& out) {
  auto time = in.be<std::int64_t>("interval time");
  auto days = in.be<std::int32_t>("interval days");
  auto months = in.be<std::int32_t>("interval months");
  if (!in.ok()) return;
  auto all_are = [&](auto limit) { return limit(time) && limit(days) && limit(months); };
  if (all_are([]<class T>(T part) { return part == std::numeric_limits<T>::max(); }))
    return void(out.append("infinity"));
  if (all_are([]<class T>(T part) { return part == std::numeric_limits<T>::min(); }))
    return void(out.append("-infinity"));
  interval_parts parts{out};
  parts.append(months / 12, "year");
  parts.append(months % 12, "mon");
  parts.append(days, "day");
  parts.append_clock(time);
}

}  // namespace tidewire::pgoutput::binary
