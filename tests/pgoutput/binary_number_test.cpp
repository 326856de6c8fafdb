#include "pgoutput/binary_number.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "tests/pgoutput/binary_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {

constexpr golden goldens[] = {
    // boolean
    {16, "01", "t"},
    {16, "00", "f"},
    // int2
    {21, "8000", "-32768"},
    {21, "7fff", "32767"},
    {21, "0000", "0"},
    {21, "06e1", "1761"},
    {21, "fdc2", "-574"},
    // int4
    {23, "80000000", "-2147483648"},
    {23, "7fffffff", "2147483647"},
    {23, "00000000", "0"},
    {23, "f915bc16", "-116016106"},
    {23, "ffffff29", "-215"},
    // int8
    {20, "8000000000000000", "-9223372036854775808"},
    {20, "7fffffffffffffff", "9223372036854775807"},
    {20, "0000000000000000", "0"},
    {20, "ffffffffb13fc112", "-1321221870"},
    {20, "0000000032c2f5a4", "851637668"},
    // oid
    {26, "00000000", "0"},
    {26, "ffffffff", "4294967295"},
    {26, "0071e0c3", "7463107"},
    {26, "003dcbee", "4049902"},
    // xid
    {28, "00000000", "0"},
    {28, "ffffffff", "4294967295"},
    {28, "00044325", "279333"},
    {28, "05803fea", "92291050"},
    // cid
    {29, "00000000", "0"},
    {29, "ffffffff", "4294967295"},
    {29, "000f4a19", "1002009"},
    {29, "008fc554", "9422164"},
    // xid8
    {5069, "0000000000000000", "0"},
    {5069, "ffffffffffffffff", "18446744073709551615"},
    {5069, "3526fe0831881716", "3830027844269381398"},
    {5069, "000018bf5bda1625", "27210158839333"},
    // float4
    {700, "00000000", "0"},
    {700, "80000000", "-0"},
    {700, "3f800000", "1"},
    {700, "bfc00000", "-1.5"},
    {700, "3dcccccd", "0.1"},
    {700, "4b800000", "1.6777216e+07"},
    {700, "00000001", "1e-45"},
    {700, "7f7fffff", "3.4028235e+38"},
    {700, "00800000", "1.1754944e-38"},
    {700, "47c35000", "100000"},
    {700, "47f12000", "123456"},
    {700, "497423f0", "999999"},
    {700, "49742400", "1e+06"},
    {700, "4996b438", "1.234567e+06"},
    {700, "38d1b717", "0.0001"},
    {700, "38fba882", "0.00012"},
    {700, "3727c5ac", "1e-05"},
    {700, "7fc00000", "NaN"},
    {700, "7f800000", "Infinity"},
    {700, "ff800000", "-Infinity"},
    {700, "33800000", "5.9604645e-08"},
    {700, "4c000000", "3.3554432e+07"},
    {700, "4b000002", "8.38861e+06"},
    {700, "511502f9", "4e+10"},
    // float8
    {701, "0000000000000000", "0"},
    {701, "8000000000000000", "-0"},
    {701, "3ff0000000000000", "1"},
    {701, "bff8000000000000", "-1.5"},
    {701, "3fb999999999999a", "0.1"},
    {701, "3fd3333333333334", "0.30000000000000004"},
    {701, "44b52d02c7e14af6", "9.999999999999999e+22"},
    {701, "4340000000000000", "9.007199254740992e+15"},
    {701, "0000000000000001", "5e-324"},
    {701, "7fefffffffffffff", "1.7976931348623157e+308"},
    {701, "0010000000000000", "2.2250738585072014e-308"},
    {701, "42d6bcc41e900000", "100000000000000"},
    {701, "430c6bf526340000", "1e+15"},
    {701, "42dc12218377de40", "123456789012345"},
    {701, "430c6bf52633fff8", "999999999999999"},
    {701, "43118b54f22aeb00", "1.234567890123456e+15"},
    {701, "3f1a36e2eb1c432d", "0.0001"},
    {701, "3f202e4b6ce5dc68", "0.00012345"},
    {701, "3ee4f8b588e368f1", "1e-05"},
    {701, "bee4f8b588e368f1", "-1e-05"},
    {701, "7ff8000000000000", "NaN"},
    {701, "7ff0000000000000", "Infinity"},
    {701, "fff0000000000000", "-Infinity"},
    {701, "54b249ad2594c37d", "1e+100"},
    {701, "2b2bff2ee48e0530", "1e-100"},
    {701, "3eb0000000000000", "9.5367431640625e-07"},
    {701, "36dc8b8218854567", "2e-44"},
    {701, "447c7e83209e90b2", "8.409999999999999e+21"},
    {701, "001fffffffffffff", "4.4501477170144023e-308"},
    {701, "44a52d02c7e14af6", "4.9999999999999996e+22"},
    {701, "43b0000000000000", "1.152921504606847e+18"},
    {701, "44cfc3842bd1f072", "3e+23"},
    // money
    {790, "0000000000000000", "$0.00"},
    {790, "ffffffffffffffff", "-$0.01"},
    {790, "0000000000000005", "$0.05"},
    {790, "8000000000000000", "-$92,233,720,368,547,758.08"},
    {790, "7fffffffffffffff", "$92,233,720,368,547,758.07"},
    {790, "00000000000186a0", "$1,000.00"},
    {790, "fffffffffa0a1f01", "-$999,999.99"},
    {790, "0000000000b0fba9", "$115,987.61"},
    {790, "fffaf0656bd68705", "-$14,245,314,686,794.19"},
    // numeric
    {1700, "0000000000000000", "0"},
    {1700, "0000000000000002", "0.00"},
    {1700, "00000000c0000000", "NaN"},
    {1700, "00010001000000000001", "10000"},
    {1700, "0001000000000000270f", "9999"},
    {1700, "0001ffff000000040001", "0.0001"},
    {1700, "0001ffff000000050001", "0.00010"},
    {1700, "000500020000000800010000000000000001", "100000000.00000001"},
    {1700, "0002ffff0000000a00062328", "0.0006900000"},
    {1700, "000200020000000a036e0fa0", "87840000000.0000000000"},
    // numeric(12,3)
    {1700, "0000000000000003", "0.000"},
    {1700, "0004000240000003000109291a8504ce", "-123456789.123"},
    {1700, "000300010000000316381fbc23f0", "56888124.920"},
    {1700, "0003000140000003011e11592526", "-2864441.951"},
};

template <class F, class Bits>
void check_float(Bits bits) {
  auto number = std::bit_cast<F>(bits);
  if (std::isnan(number)) return;
  char text[binary::max_float_chars];
  char* end = binary::put_float(text, number);
  // std::from_chars knows these words too.
  F back = 0;
  auto [read, wrong] = std::from_chars(text, end, back);
  bool same = read == end && wrong == std::errc{} && std::bit_cast<Bits>(back) == bits;
  if (!same) FAIL(std::string(text, end));
}

bytes numeric(std::uint16_t count, std::int16_t weight, std::uint16_t sign, std::uint16_t scale,
              std::initializer_list<std::uint16_t> digits) {
  return encoded([&](encoder& out) {
    out.be(count);
    out.be(weight);
    out.be(sign);
    out.be(scale);
    for (std::uint16_t each : digits) out.be(each);
  });
}

}  // namespace

TEST_CASE("binary numbers as text") {
  for (const golden& each : goldens) check_golden(each);
}

TEST_CASE("a boolean of any byte but 0 is true") {
  CHECK(text_of(16, hex("02")) == "t");
}

TEST_CASE("floating point: the text reads back as the same number") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    check_float<double>(random());
    check_float<float>(static_cast<std::uint32_t>(random()));
  }
  for (std::uint64_t exponent = 0; exponent < 2047; ++exponent) {
    for (std::uint64_t fraction : {std::uint64_t{0}, std::uint64_t{1}, (std::uint64_t{1} << 52) - 1})
      check_float<double>(exponent << 52 | fraction);
  }
  for (std::uint32_t exponent = 0; exponent < 255; ++exponent) {
    for (std::uint32_t fraction : {0u, 1u, (1u << 23) - 1}) check_float<float>(exponent << 23 | fraction);
  }
}

TEST_CASE("floating point: no text exactly half-way between two numbers") {
  // r × 10^k = (r × 5^k) × 2^k with an odd factor of 54 bits: the middle between two doubles. Read as the one
  // of them that is even, it is not the text of that.
  std::mt19937_64 random(2);
  for (int k = 1; k <= 22; ++k) {
    std::uint64_t power = 1;
    for (int i = 0; i < k; ++i) power *= 5;
    std::uint64_t least = (std::uint64_t{1} << 53) / power + 1, most = ((std::uint64_t{1} << 54) - 1) / power;
    for (int i = 0; i < 20; ++i) {
      std::uint64_t odd = (least + random() % (most - least + 1)) | 1;
      if (odd > most) continue;
      std::string middle = std::to_string(odd) + "e" + std::to_string(k);
      double number = std::strtod(middle.c_str(), nullptr);
      char text[binary::max_float_chars];
      char* end = binary::put_float(text, number);
      CAPTURE(middle, std::string(text, end));
      // In a type with more bits the text and the middle are different numbers.
      CHECK(std::strtold(std::string(text, end).c_str(), nullptr) != std::strtold(middle.c_str(), nullptr));
      check_float<double>(std::bit_cast<std::uint64_t>(number));
    }
  }
}

TEST_CASE("numeric: the greatest and the smallest") {
  std::string text = text_of(1700, numeric(1, 32767, 0, 0, {1000}));
  CHECK(text == "1" + std::string(131071, '0'));
  text = text_of(1700, numeric(1, -4096, 0x4000, 16383, {10}));
  CHECK(text == "-0." + std::string(16382, '0') + "1");
  text = text_of(1700, numeric(3, 32767, 0, 16383, {9999, 1, 2}));
  CHECK(text.size() == 131072 + 1 + 16383);
  CHECK(text.starts_with("9999000100020000"));
  CHECK(text.ends_with("0000"));
}

TEST_CASE("numeric: not as Postgres normalises it") {
  CHECK(text_of(1700, numeric(2, 1, 0, 0, {0, 7})) == "7");
  CHECK(text_of(1700, numeric(3, 2, 0x4000, 2, {0, 0, 0})) == "0.00");
  CHECK(text_of(1700, numeric(2, 0, 0, 2, {1, 2345})) == "1.23");  // digits beyond the scale
  CHECK(text_of(1700, numeric(1, -1, 0, 0, {5000})) == "0");
  CHECK(text_of(1700, numeric(1, -32768, 0, 8, {5000})) == "0.00000000");
  CHECK(text_of(1700, numeric(2, 0, 0, 4, {0, 12})) == "0.0012");
  CHECK(text_of(1700, numeric(0, 5, 0, 0, {})) == "0");
  CHECK(text_of(1700, numeric(1, 0, 0xd000, 0x20, {1})) == "Infinity");
}

TEST_CASE("numeric: infinities and NaN") {
  check_golden({1700, "0000000000000000", "0"});
  check_golden({1700, "00000000d0000020", "Infinity"});
  check_golden({1700, "00000000f0000020", "-Infinity"});
}

TEST_CASE("binary numbers: malformed") {
  check_malformed_values({
      {16, "", {decode_errc::truncated, 0, "boolean"}},
      {16, "0101", {decode_errc::trailing_bytes, 1, "end of message"}},
      {21, "00", {decode_errc::truncated, 0, "int2"}},
      {23, "0000000000000001", {decode_errc::trailing_bytes, 4, "end of message"}},
      {20, "00000001", {decode_errc::truncated, 0, "int8"}},
      {701, "00000001", {decode_errc::truncated, 0, "float8"}},
      {1700, "0001 0000 1000 0000 0001", {decode_errc::bad_value, 4, "numeric sign"}},
      {1700, "0001 0000 0000 4000 0001", {decode_errc::bad_value, 6, "numeric scale"}},
      {1700, "0002 0000 0000 0000 0001 2710", {decode_errc::bad_value, 10, "numeric digits"}},
      {1700, "0001 0000 0000 0000 ffff", {decode_errc::bad_value, 8, "numeric digits"}},
      {1700, "ffff 0000 0000 0000 0001", {decode_errc::truncated, 8, "numeric digits"}},
      {1700, "0000 0000 0000 0000 0001", {decode_errc::trailing_bytes, 8, "end of message"}},
  });
}
