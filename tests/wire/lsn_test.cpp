#include "wire/lsn.hpp"

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <random>

using namespace tidewire::wire;

TEST_CASE("an LSN is printed as the server prints it") {
  CHECK(to_string(lsn{}) == "0/0");
  CHECK(to_string(lsn{0x16b374d848}) == "16/B374D848");
  CHECK(to_string(lsn{0x1750300}) == "0/1750300");
  CHECK(to_string(lsn{0x100000000}) == "1/0");
  CHECK(to_string(lsn{0xabc0000000f}) == "ABC/F");
  CHECK(to_string(lsn{~0ull}) == "FFFFFFFF/FFFFFFFF");
  CHECK(to_string(lsn{~0ull}).size() == lsn_text_size);
}

TEST_CASE("an LSN is printed as printf prints its halves") {
  std::mt19937_64 random(19);
  for (int round = 0; round < 50'000; ++round) {
    std::uint64_t value =
        (random() >> random() % 32 & 0xffffffff) << 32 | (random() & 0xffffffff) >> random() % 32;
    char expected[lsn_text_size + 1];
    std::snprintf(expected, sizeof expected, "%X/%X", static_cast<unsigned>(value >> 32),
                  static_cast<unsigned>(value & 0xffffffff));
    REQUIRE(to_string(lsn{value}) == expected);
  }
}

TEST_CASE("an LSN's text is read back") {
  for (std::uint64_t value : {0ull, 1ull, 0xfull, 0x10ull, 0xffffffffull, 0x100000000ull, 0x16b374d848ull,
                              0x8000000000000000ull, ~0ull}) {
    CAPTURE(value);
    CHECK(parse_lsn(to_string(lsn{value})) == lsn{value});
  }
  CHECK(parse_lsn("0/01750300") == lsn{0x1750300});  // as Postgres 19 prints it
  CHECK(parse_lsn("00000016/b374d848") == lsn{0x16b374d848});
}

TEST_CASE("what is no LSN") {
  for (const char* text :
       {"",     "/",     "0",     "0/",  "/0",  "0/0/0",       "0 /0",        "0/ 0",        "-1/0", "0/-1",
        "+1/0", "0x1/0", "0/0x1", "g/0", "0/g", "123456789/0", "0/123456789", "000000000/0", "0/0 ", "0-0"}) {
    CAPTURE(text);
    CHECK(!parse_lsn(text));
  }
  CHECK(!parse_lsn(std::string_view("0/0\0", 4)));
}

TEST_CASE("LSNs are ordered as numbers, and 0 is none") {
  CHECK(lsn{0xffffffff} < lsn{0x100000000});
  CHECK(lsn{2} > lsn{1});
  CHECK(lsn{7} == lsn{7});
  CHECK(!lsn{}.valid());
  CHECK(lsn{1}.valid());
}
