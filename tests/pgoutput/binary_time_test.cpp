#include "tests/pgoutput/binary_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {

constexpr golden goldens[] = {
    // date
    {1082, "7fffffff", "infinity"},
    {1082, "80000000", "-infinity"},
    {1082, "ffda97a7", "4714-11-24 BC"},
    {1082, "7fda970c", "5874897-12-31"},
    {1082, "fff4dbf8", "0001-12-31 BC"},
    {1082, "fff4dbf9", "0001-01-01"},
    {1082, "00000000", "2000-01-01"},
    {1082, "ffffffff", "1999-12-31"},
    {1082, "0000003b", "2000-02-29"},
    {1082, "ffff718f", "1900-03-01"},
    {1082, "fff4d511", "0005-02-29 BC"},
    {1082, "60315a2e", "4420563-03-31"},
    {1082, "00000e67", "2010-02-04"},
    // time
    {1083, "0000000000000000", "00:00:00"},
    {1083, "000000141dd76000", "24:00:00"},
    {1083, "000000141dd75fff", "23:59:59.999999"},
    {1083, "0000000000000001", "00:00:00.000001"},
    {1083, "00000000dde9ff60", "01:02:03.1"},
    {1083, "0000000ed6ba9fe8", "17:42:12.097"},
    {1083, "00000000285a3341", "00:11:17.000001"},
    // timetz
    {1266, "000000141dd760000000e0ff", "24:00:00-15:59:59"},
    {1266, "0000000000000000ffff1f01", "00:00:00+15:59:59"},
    {1266, "00000000ddf019e0ffffaf24", "01:02:03.5+05:45"},
    {1266, "000000000000000000000000", "00:00:00+00"},
    {1266, "000000000000000000000001", "00:00:00-00:00:01"},
    {1266, "000000052edbe73f0000e0d5", "06:11:00.999999-15:59:17"},
    {1266, "0000000525dbd380ffffc388", "06:08:30+04:18"},
    // timestamp
    {1114, "7fffffffffffffff", "infinity"},
    {1114, "8000000000000000", "-infinity"},
    {1114, "fd0f7cc1411fa000", "4714-11-24 00:00:00 BC"},
    {1114, "7fffff5bb3b29fff", "294276-12-31 23:59:59.999999"},
    {1114, "0000000000000000", "2000-01-01 00:00:00"},
    {1114, "ffffffffffffffff", "1999-12-31 23:59:59.999999"},
    {1114, "ff1fe2ffc594bee0", "0001-12-31 23:59:59.5 BC"},
    {1114, "0380b23f6332eb68", "9998-02-28 02:34:09.713"},
    {1114, "038106472b5824e0", "10001-02-01 11:07:29.1"},
    // timestamptz
    {1184, "7fffffffffffffff", "infinity"},
    {1184, "8000000000000000", "-infinity"},
    {1184, "fd0f7cc1411fa000", "4714-11-24 00:00:00+00 BC"},
    {1184, "7fffff5bb3b29fff", "294276-12-31 23:59:59.999999+00"},
    {1184, "0002b0e7b34e2c00", "2024-01-01 21:19:05.6+00"},
    {1184, "ff1fe2feef08bc00", "0001-12-31 23:00:00+00 BC"},
    {1184, "ff1fedc2ba59fb7f", "0001-05-17 22:47:25.999999+00"},
    {1184, "ff2091a16b4291a0", "0007-02-01 07:54:52.1+00"},
    // interval
    {1186, "00000000000000000000000000000000", "00:00:00"},
    {1186, "000000036c97ca88fffffffd0000000e", "1 year 2 mons -3 days +04:05:06.789"},
    {1186, "000000000000000000000001fffffff4", "-1 years +1 day"},
    {1186, "00000000000f424000000000ffffffff", "-1 mons +00:00:01"},
    {1186, "ffffffffffffffff0000000000000001", "1 mon -00:00:00.000001"},
    {1186, "000000000007a120ffffffff00000000", "-1 days +00:00:00.5"},
    {1186, "ffffffffffffffff0000000000000000", "-00:00:00.000001"},
    {1186, "00000053d1ac10000000000000000000", "100:00:00"},
    {1186, "0000000000000000000000000000000c", "1 year"},
    {1186, "000000000000000000000000fffffff4", "-1 years"},
    {1186, "00000000000000000000000100000000", "1 day"},
    {1186, "00000000000000000000000000000001", "1 mon"},
    {1186, "0000000000000000000000000000000b", "11 mons"},
    {1186, "7ffffffffffffffe7fffffff7fffffff",
     "178956970 years 7 mons 2147483647 days 2562047788:00:54.775806"},
    {1186, "80000000000000018000000080000000",
     "-178956970 years -8 mons -2147483648 days -2562047788:00:54.775807"},
    {1186, "7fffffffffffffff7fffffff7fffffff", "infinity"},
    {1186, "80000000000000008000000080000000", "-infinity"},
    {1186, "f9a007b813eebf80ffffffff00000000", "-1 days -127599631:53:22"},
    {1186, "ffffffff6ffec40100f6f75e696dfd29", "147401326 years 1 mon 16185182 days -00:40:15.999999"},
};

bytes be64(std::int64_t number) {
  return encoded([&](encoder& out) { out.be(number); });
}

}  // namespace

TEST_CASE("binary dates and times as text") {
  for (const golden& each : goldens) check_golden(each);
}

TEST_CASE("dates: every day of many years, one after the other") {
  // from 0201-01-01 BC to 0400-12-31
  static constexpr unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  std::int32_t day = -803'533;
  for (int year = -200; year <= 400; ++year) {
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    for (unsigned month = 1; month <= 12; ++month) {
      unsigned length = lengths[month - 1] + (month == 2 && leap);
      for (unsigned date = 1; date <= length; ++date, ++day) {
        if (date != 1 && date != length) continue;
        char wanted[32];
        std::snprintf(wanted, sizeof wanted, "%04d-%02u-%02u%s", year <= 0 ? 1 - year : year, month, date,
                      year <= 0 ? " BC" : "");
        std::string text = text_of(1082, encoded([&](encoder& out) { out.be(day); }));
        if (text != wanted) FAIL(text << " is not " << wanted);
      }
    }
  }
}

TEST_CASE("binary dates and times: malformed") {
  check_malformed_values({
      {1082, "7fda970d", {decode_errc::bad_value, 0, "date"}},  // 5874898-01-01
      {1082, "ffda97a6", {decode_errc::bad_value, 0, "date"}},  // 4714-11-23 BC
      {1082, "80000001", {decode_errc::bad_value, 0, "date"}},
      {1083, "000000141dd76001", {decode_errc::bad_value, 0, "time"}},
      {1083, "ffffffffffffffff", {decode_errc::bad_value, 0, "time"}},
      {1266, "ffffffffffffffff 00000000", {decode_errc::bad_value, 0, "time"}},
      {1266, "0000000000000000 0000e100", {decode_errc::bad_value, 8, "time zone"}},
      {1266, "0000000000000000 ffff1f00", {decode_errc::bad_value, 8, "time zone"}},
      {1266, "0000000000000000 80000000", {decode_errc::bad_value, 8, "time zone"}},
      {1114, "7fffffff5bb3b2a000", {decode_errc::bad_value, 0, "timestamp"}},
      {1114, "7ffffffffffffffe", {decode_errc::bad_value, 0, "timestamp"}},
      {1114, "8000000000000001", {decode_errc::bad_value, 0, "timestamp"}},
      {1184, "fd0f7cc1411f9fff", {decode_errc::bad_value, 0, "timestamp"}},
      {1184, "00", {decode_errc::truncated, 0, "timestamp"}},
      {1186, "0000000000000000 00000000 0000", {decode_errc::truncated, 12, "interval months"}},
  });
}

TEST_CASE("timestamps: the last microsecond before and after a day's end") {
  CHECK(text_of(1114, be64(-1)) == "1999-12-31 23:59:59.999999");
  CHECK(text_of(1114, be64(86'400'000'000)) == "2000-01-02 00:00:00");
  CHECK(text_of(1114, be64(-86'400'000'000)) == "1999-12-31 00:00:00");
  CHECK(text_of(1184, be64(-86'400'000'001)) == "1999-12-30 23:59:59.999999+00");
}
