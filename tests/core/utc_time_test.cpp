#include "core/utc_time.hpp"

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <ctime>
#include <limits>
#include <random>
#include <string>

#include "core/clock_text.hpp"

using tidewire::put_utc;

namespace {
std::string utc(std::int64_t unix_us) {
  char out[tidewire::utc_text_size];
  return {out, put_utc(out, unix_us)};
}
}  // namespace

TEST_CASE("times are printed in UTC to the microsecond") {
  CHECK(utc(0) == "1970-01-01T00:00:00.000000Z");
  CHECK(utc(-1) == "1969-12-31T23:59:59.999999Z");
  CHECK(utc(946'684'800'000'000) == "2000-01-01T00:00:00.000000Z");
  CHECK(utc(951'782'400'000'000) == "2000-02-29T00:00:00.000000Z");
  CHECK(utc(1'709'210'096'123'456) == "2024-02-29T12:34:56.123456Z");
  CHECK(utc(4'102'444'799'999'999) == "2099-12-31T23:59:59.999999Z");
  CHECK(utc(-62'167'219'200'000'000) == "0000-01-01T00:00:00.000000Z");
  CHECK(utc(-62'167'219'200'000'001) == "-0001-12-31T23:59:59.999999Z");
  CHECK(utc(253'402'300'800'000'000) == "10000-01-01T00:00:00.000000Z");
}

TEST_CASE("any second of four-digit years is printed as the C library does") {
  std::mt19937_64 random(29);
  for (int round = 0; round < 50'000; ++round) {
    auto us = static_cast<std::int64_t>(random() % 315'569'520'000'000'000) - 62'167'219'200'000'000;
    std::int64_t second = us / 1'000'000, in_second = us % 1'000'000;
    if (in_second < 0) in_second += 1'000'000, --second;
    std::tm parts{};
    std::time_t time = second;
    gmtime_r(&time, &parts);
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                  static_cast<int>(in_second));
    REQUIRE(utc(us) == text);
  }
}

TEST_CASE("the extremes of the clock fit the room that is promised") {
  CHECK(utc(std::numeric_limits<std::int64_t>::max()).size() <= tidewire::utc_text_size);
  CHECK(utc(std::numeric_limits<std::int64_t>::min()).size() <= tidewire::utc_text_size);
}

TEST_CASE("times that follow one another are printed as each alone") {
  tidewire::utc_writer times;
  auto check = [&](std::int64_t unix_us) {
    char out[tidewire::utc_text_size];
    REQUIRE(std::string(out, times.put(out, unix_us)) == utc(unix_us));
  };
  std::mt19937_64 random(17);
  check(0);
  std::int64_t now = 1'709'210'096'123'456;
  for (int round = 0; round < 20'000; ++round) check(now += static_cast<std::int64_t>(random() % 300'000));
  for (std::int64_t around :
       {std::int64_t{0}, std::int64_t{-62'167'219'200'000'000}, now / 1'000'000 * 1'000'000})
    for (std::int64_t us : {-1'000'001, -1'000'000, -999'999, -1, 0, 1, 99, 10'000, 999'999, 1'000'000})
      check(around + us);
  for (int round = 0; round < 20'000; ++round) check(static_cast<std::int64_t>(random()));
  check(std::numeric_limits<std::int64_t>::max());
  check(std::numeric_limits<std::int64_t>::min());
  check(0);
}

TEST_CASE("days and clocks side by side are those of put_utc") {
  constexpr std::uint32_t days_to_10000 = 2'932'897;
  bool same = true;
  for (std::uint32_t days = 0; days < days_to_10000; ++days) {
    char text[32];
    tidewire::civil_day day = tidewire::civil_of_days(days);
    char* at = tidewire::put_day(text, day.year, day.month, day.day);
    *at++ = 'T';
    std::uint32_t second = static_cast<std::uint32_t>(std::uint64_t{days} * 7919 % 86'400);
    at = tidewire::put_clock(at, second / 3600, second / 60 % 60, second % 60);
    same &=
        utc((std::int64_t{days} * 86'400 + second) * 1'000'000).substr(0, 19) == std::string_view(text, at);
  }
  CHECK(same);
  char text[32];
  CHECK(std::string_view(text, tidewire::put_day(text, 0, 0, 99)) == "0000-00-99");
  CHECK(std::string_view(text, tidewire::put_clock(text, 99, 90, 9)) == "99:90:09");
}
