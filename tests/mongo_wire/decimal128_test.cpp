#include "mongo_wire/decimal128.hpp"

#include <random>

#include "tests/mongo_wire/bson_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

std::string text_of(decimal128 number) {
  char out[decimal128_text_size];
  char* end = put_decimal128(out, number);
  REQUIRE(end <= out + sizeof out);
  return {out, end};
}

decimal128 number_of(std::string_view text) {
  CAPTURE(text);
  auto parsed = parse_decimal128(text);
  REQUIRE(parsed.has_value());
  return *parsed;
}

/// Sixteen bytes, written with the most significant first.
decimal128 from_bits(std::string_view big_endian) {
  bytes bits = hex(big_endian);
  REQUIRE(bits.size() == 16);
  return {load_be<std::uint64_t>(bits.data() + 8), load_be<std::uint64_t>(bits.data())};
}

}  // namespace

TEST_CASE("decimal128: bits and their text", "[bson]") {
  struct {
    const char* bits;
    const char* text;
  } cases[] = {
      {"3040000000000000 0000000000000000", "0"},
      {"b040000000000000 0000000000000000", "-0"},
      {"3040000000000000 0000000000000001", "1"},
      {"303e000000000000 0000000000000001", "0.1"},
      {"3034000000000000 0000000000000001", "0.000001"},
      {"3032000000000000 0000000000000001", "1E-7"},
      {"3032000000000000 000000000000000c", "0.0000012"},
      {"3042000000000000 0000000000000001", "1E+1"},
      {"3042000000000000 000000000000000c", "1.2E+2"},
      {"3036000000000000 00000000000007d0", "0.02000"},
      {"5ffe314dc6448d93 38c15b0a00000000", "1.000000000000000000000000000000000E+6144"},
      {"5fffed09bead87c0 378d8e63ffffffff", "9.999999999999999999999999999999999E+6144"},
      {"0000000000000000 0000000000000001", "1E-6176"},
      {"0001ed09bead87c0 378d8e63ffffffff", "9.999999999999999999999999999999999E-6143"},
      {"30403cde6fff9732 de825cd07e96aff2", "1234567890123456789012345678901234"},
      {"2ffc3cde6fff9732 de825cd07e96aff2", "0.1234567890123456789012345678901234"},
      {"7800000000000000 0000000000000000", "Infinity"},
      {"f800000000000000 0000000000000000", "-Infinity"},
      {"7c00000000000000 0000000000000000", "NaN"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.text);
    CHECK(text_of(from_bits(each.bits)) == each.text);
    CHECK(number_of(each.text) == from_bits(each.bits));
  }
}

TEST_CASE("decimal128: what has no canonical bits is read as what it means", "[bson]") {
  for (const char* nan : {"fc00000000000000 0000000000000000", "7e00000000000000 0000000000000000",
                          "fe00000000000000 0000000000000000", "7c00000000000000 0000000000000012"})
    CHECK(text_of(from_bits(nan)) == "NaN");
  CHECK(text_of(from_bits("7812345678901234 0000000000000001")) == "Infinity");
  // Coefficients of more than 34 digits count as 0, in both ways to write one.
  CHECK(text_of(from_bits("3041ed09bead87c0 378d8e6400000000")) == "0");
  CHECK(text_of(from_bits("3041ffffffffffff ffffffffffffffff")) == "0");
  CHECK(text_of(from_bits("6c11ffffffffffff ffffffffffffffff")) == "0E+3");
  CHECK(text_of(from_bits("ec11ffffffffffff ffffffffffffffff")) == "-0E+3");
}

TEST_CASE("decimal128: texts that mean the same, clamped where that changes nothing", "[bson]") {
  struct {
    const char* text;
    const char* canonical;
  } cases[] = {
      {"+1", "1"},
      {"017.", "17"},
      {".5", "0.5"},
      {"4E9", "4E+9"},
      {"4e+9", "4E+9"},
      {"0.73e-7", "7.3E-8"},
      {"-.0", "-0.0"},
      {"inf", "Infinity"},
      {"-iNfInItY", "-Infinity"},
      {"+Inf", "Infinity"},
      {"nan", "NaN"},
      {"-NaN", "NaN"},
      {"1E6144", "1.000000000000000000000000000000000E+6144"},
      {"10E6143", "1.000000000000000000000000000000000E+6144"},
      {"1E+6112", "1.0E+6112"},
      {"1.0E-6176", "1E-6176"},
      {"100E-6178", "1E-6176"},
      {"0E+99999999999999999999999", "0E+6111"},
      {"-0E-99999999999999999999999", "-0E-6176"},
      {"0.000E+6200", "0E+6111"},
      {"10000000000000000000000000000000000", "1.000000000000000000000000000000000E+34"},
      {"1000000000000000000000000000000000000000000", "1.000000000000000000000000000000000E+42"},
      {"0.10000000000000000000000000000000000000000", "0.1000000000000000000000000000000000"},
      {"000000000000000000000000000000000000000000000000001", "1"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.text);
    CHECK(text_of(number_of(each.text)) == each.canonical);
    CHECK(number_of(each.canonical) == number_of(each.text));
  }
  std::string small = "0." + std::string(7000, '0') + "1";
  CHECK(parse_decimal128(small).error().code == decode_errc::limit_exceeded);
  CHECK(text_of(number_of(small + "E+7000")) == "0.1");
}

TEST_CASE("decimal128: texts that are none", "[bson]") {
  for (const char* bad :
       {"",      "+",       "-",         ".",    "-.", "E5",    ".E5", "1E",  "1E+",  "1e-",
        "1e1.0", "--1",     "+-1",       "1-",   "1 ", " 1",    "1,5", "0x1", "1..2", "1.2.3",
        "Infi",  "Infinit", "Infinityy", "NaN1", "na", "1E5E5", "i",   "+.",  "1_0"}) {
    CAPTURE(bad);
    auto parsed = parse_decimal128(bad);
    REQUIRE(!parsed.has_value());
    CHECK(parsed.error().code == decode_errc::bad_value);
    CHECK(parsed.error().offset <= std::string_view(bad).size());
  }
  for (const char* inexact :
       {"1.11111111111111111111111111111234550", "12345678901234567890123456789012345", "1E-6177",
        "1.1E-6176", "1E+6145", "12E+6144", "9999999999999999999999999999999999E+6112",
        "1E+99999999999999999999", "1E-99999999999999999999", "10000000000000000000000000000000001"}) {
    CAPTURE(inexact);
    auto parsed = parse_decimal128(inexact);
    REQUIRE(!parsed.has_value());
    CHECK(parsed.error().code == decode_errc::limit_exceeded);
  }
}

TEST_CASE("decimal128: random bits survive their text when they are canonical", "[bson]") {
  std::mt19937_64 random(5);
  std::size_t same = 0;
  for (int round = 0; round < 100'000; ++round) {
    decimal128 number{random(), random()};
    if (round % 2) number.high &= 0xbfffffffffffffff;
    if (round % 4 == 3) number.high &= 0xfffe00000000ffff, number.low >>= random() % 64;
    std::string text = text_of(number);
    decimal128 again = number_of(text);
    REQUIRE(text_of(again) == text);
    same += again == number;
  }
  CHECK(same > 20'000);
}
