#include "binlog/number.hpp"
#include "binlog/temporal.hpp"
#include "tests/binlog/event_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

std::string decimal(std::string_view text, unsigned precision, unsigned scale) {
  bytes data = hex(text);
  REQUIRE(data.size() == decimal_bytes(precision, scale));
  char out[decimal_text_size];
  char* end = put_decimal(out, data, precision, scale);
  return end ? std::string(out, end) : "refused";
}

template <class T>
std::string number(T value) {
  char out[float_text_size];
  return {out, put_float(out, value)};
}

using decoder = bool (*)(byte_view, civil_time&);

std::string time_text(std::string_view text, unsigned digits) {
  civil_time t;
  if (!decode_time(hex(text), digits, t)) return "refused";
  char out[temporal_text_size];
  return {out, put_time(out, t, digits)};
}
std::string datetime_text(std::string_view text, unsigned digits) {
  civil_time t;
  if (!decode_datetime(hex(text), digits, t)) return "refused";
  char out[temporal_text_size];
  return {out, put_datetime(out, t, digits)};
}
std::string timestamp_text(std::string_view text, unsigned digits) {
  civil_time t;
  if (!decode_timestamp(hex(text), digits, t)) return "refused";
  char out[temporal_text_size];
  return {out, put_datetime(out, t, digits)};
}
std::string old_text(std::string_view text, decoder decode, bool clock_only) {
  civil_time t;
  if (!decode(hex(text), t)) return "refused";
  char out[temporal_text_size];
  return {out, clock_only ? put_time(out, t, 0) : put_datetime(out, t, 0)};
}

}  // namespace

TEST_CASE("binlog: integers of every width") {
  auto text = [](std::string_view data, bool is_unsigned) {
    char out[integer_text_size];
    return std::string(out, put_integer(out, hex(data), is_unsigned));
  };
  CHECK(text("80", false) == "-128");
  CHECK(text("80", true) == "128");
  CHECK(text("0080", false) == "-32768");
  CHECK(text("000080", false) == "-8388608");
  CHECK(text("ffffff", false) == "-1");
  CHECK(text("ffffff", true) == "16777215");
  CHECK(text("00000080", false) == "-2147483648");
  CHECK(text("ffffffff", true) == "4294967295");
  CHECK(text("0000000000000080", false) == "-9223372036854775808");
  CHECK(text("ffffffffffffffff", true) == "18446744073709551615");
}

TEST_CASE("binlog: decimals") {
  CHECK(decimal("80", 1, 0) == "0");
  CHECK(decimal("89", 1, 0) == "9");
  CHECK(decimal("76", 1, 0) == "-9");
  CHECK(decimal("85", 1, 1) == "0.5");
  CHECK(decimal("800000 00", 7, 2) == "0.00");
  CHECK(decimal("8004d2 38", 7, 2) == "1234.56");
  CHECK(decimal("7ffb2d c7", 7, 2) == "-1234.56");
  CHECK(decimal("81 0dfb38d2 04d2", 14, 4) == "1234567890.1234");
  CHECK(decimal("7e f204c72d fb2d", 14, 4) == "-1234567890.1234");
  CHECK(decimal("80 00000000 0001", 14, 4) == "0.0001");
  CHECK(decimal("80000001", 9, 0) == "1");
  CHECK(decimal("80000001", 9, 9) == "0.000000001");
  CHECK(decimal("7ffffffe", 9, 9) == "-0.000000001");
  CHECK(decimal("82 00000000", 10, 0) == "2000000000");
  // Groups that are larger than their digits.
  CHECK(decimal("8a", 1, 0) == "refused");
  CHECK(decimal("bfffffff", 9, 0) == "refused");
  CHECK(decimal("80 3b9aca00", 10, 9) == "refused");
  CHECK(decimal_bytes(65, 30) == 30);
  CHECK(decimal_bytes(1, 1) == 1);
  bytes most(decimal_bytes(81, 9), 0xff);
  char out[decimal_text_size];
  CHECK(put_decimal(out, most, 81, 9) == nullptr);
}

TEST_CASE("binlog: floating point as the servers lay it out") {
  CHECK(number(0.0) == "0");
  CHECK(number(-0.0) == "-0");
  CHECK(number(1.0) == "1");
  CHECK(number(-1.5) == "-1.5");
  CHECK(number(100000.0) == "100000");
  CHECK(number(123456789012345.0) == "123456789012345");
  CHECK(number(1e15) == "1e15");
  CHECK(number(1234567890123456.0) == "1.234567890123456e15");
  CHECK(number(123456789012345.25) == "123456789012345.25");
  CHECK(number(1e14) == "100000000000000");
  CHECK(number(12345678901234567.0) == "1.2345678901234568e16");
  CHECK(number(1234567890123456.25) == "1234567890123456.2");
  CHECK(number(0.1) == "0.1");
  CHECK(number(1e-14) == "0.00000000000001");
  CHECK(number(1e-15) == "0.000000000000001");
  CHECK(number(1e-16) == "1e-16");
  CHECK(number(1.5e-20) == "1.5e-20");
  CHECK(number(1.7976931348623157e308) == "1.7976931348623157e308");
  CHECK(number(5e-324) == "5e-324");
  CHECK(number(3.14f) == "3.14");
  CHECK(number(16777216.0f) == "16777216");
  CHECK(number(3.4028235e38f) == "3.4028235e38");
  CHECK(number(1e-45f) == "1e-45");
  CHECK(number(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(number(-std::numeric_limits<float>::infinity()) == "-inf");
  CHECK(number(std::nan("")) == "nan");
}

TEST_CASE("binlog: dates and times with fractions") {
  CHECK(time_text("800000", 0) == "00:00:00");
  CHECK(time_text("b46efb", 0) == "838:59:59");
  CHECK(time_text("4b9105", 0) == "-838:59:59");
  CHECK(time_text("7fffff", 0) == "-00:00:01");
  // The fraction of a negative time counts upwards.
  CHECK(time_text("7fffff ff", 2) == "-00:00:00.01");
  CHECK(time_text("7fffff ff", 1) == "-00:00:00.0");
  CHECK(time_text("7fffff f6", 1) == "-00:00:00.1");
  CHECK(time_text("4b9105 63", 2) == "refused");
  CHECK(time_text("7ffffe ffff", 4) == "-00:00:01.0001");
  CHECK(time_text("7fffff ffffff", 6) == "-00:00:00.000001");
  CHECK(time_text("7fffff f0bdc1", 6) == "-00:00:00.999999");
  CHECK(time_text("80c8b8 0c0d1e", 6) == "12:34:56.789790");
  CHECK(time_text("000000", 0) == "refused");
  CHECK(time_text("80003c", 0) == "refused");
  CHECK(time_text("800000 0f4240", 6) == "refused");

  CHECK(datetime_text("8000000000", 0) == "0000-00-00 00:00:00");
  CHECK(datetime_text("fef3ff7efb", 0) == "9999-12-31 23:59:59");
  CHECK(datetime_text("fef3ff7efb 0f423f", 6) == "9999-12-31 23:59:59.999999");
  CHECK(datetime_text("99b2ba c8b8 32", 1) == "2024-02-29 12:34:56.5");
  CHECK(datetime_text("7fffffffff", 0) == "refused");
  CHECK(datetime_text("ffffffffff", 0) == "refused");
  CHECK(datetime_text("800000003c", 0) == "refused");

  CHECK(timestamp_text("00000000", 0) == "0000-00-00 00:00:00");
  CHECK(timestamp_text("00000001", 0) == "1970-01-01 00:00:01");
  CHECK(timestamp_text("7fffffff 0f423f", 6) == "2038-01-19 03:14:07.999999");
  CHECK(timestamp_text("ffffffff", 0) == "2106-02-07 06:28:15");
  CHECK(timestamp_text("65e1177f 270f", 3) == "2024-02-29 23:47:11.999");
  CHECK(timestamp_text("00000000 01", 2) == "1970-01-01 00:00:00.01");
  CHECK(timestamp_text("00000001 0f4240", 6) == "refused");

  civil_time t;
  char out[temporal_text_size];
  CHECK(decode_date(hex("5dd00f"), t));
  CHECK(std::string_view(out, put_date(out, t)) == "2024-02-29");
  CHECK(decode_date(hex("000000"), t));
  CHECK(std::string_view(out, put_date(out, t)) == "0000-00-00");
  CHECK(!decode_date(hex("a1d10f"), t));  // month 13
  CHECK(!decode_date(hex("ffffff"), t));
}

TEST_CASE("binlog: dates and times of MySQL 5.5") {
  CHECK(old_text("40e201", decode_old_time, true) == "12:34:56");
  CHECK(old_text("c01dfe", decode_old_time, true) == "-12:34:56");
  CHECK(old_text("a7f57f", decode_old_time, true) == "838:59:59");
  CHECK(old_text("3c0000", decode_old_time, true) == "refused");
  CHECK(old_text("000000", decode_old_time, true) == "00:00:00");
  CHECK(old_text("0000000000000000", decode_old_datetime, false) == "0000-00-00 00:00:00");
  CHECK(old_text("80c5aa8b68120000", decode_old_datetime, false) == "2024-02-29 12:34:56");
  CHECK(old_text("ffffffffffffffff", decode_old_datetime, false) == "refused");
  CHECK(old_text("3d00000000000000", decode_old_datetime, false) == "refused");
  CHECK(old_text("00000000", decode_old_timestamp, false) == "0000-00-00 00:00:00");
  CHECK(old_text("ffffff7f", decode_old_timestamp, false) == "2038-01-19 03:14:07");
}
