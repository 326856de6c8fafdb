#include "core/utc_time.hpp"

#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <random>
#include <string>

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
