#include "mongo_wire/utf8.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>
#include <string>
#include <vector>

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

/// On the heap, exactly as long as it is, so that a read beyond it is seen.
bool fast(std::string_view text) {
  std::vector<std::uint8_t> exact(text.begin(), text.end());
  return is_utf8(exact);
}

/// With bytes behind it that must not matter.
bool fast_padded(std::string_view text) {
  std::vector<std::uint8_t> padded(text.begin(), text.end());
  padded.insert(padded.end(), 32, 0xff);
  return is_utf8(padded.data(), text.size(), padded.data() + padded.size());
}

void check_agreement(std::string_view text) {
  bool expected = is_utf8_scalar(as_bytes(text));
  CAPTURE(text.size());
  REQUIRE(fast(text) == expected);
  REQUIRE(fast_padded(text) == expected);
}

}  // namespace

TEST_CASE("utf-8: what is, what is not, and up to where", "[bson]") {
  struct {
    std::string_view text;
    std::size_t valid;
  } cases[] = {{"", 0},
               {"plain", 5},
               {"é漢😀", 9},
               {std::string_view("\0", 1), 1},
               {"\x7f", 1},
               {"\xc2\x80", 2},
               {"\xdf\xbf", 2},
               {"\xe0\xa0\x80", 3},
               {"\xed\x9f\xbf", 3},
               {"\xee\x80\x80", 3},
               {"\xef\xbf\xbf", 3},
               {"\xf0\x90\x80\x80", 4},
               {"\xf4\x8f\xbf\xbf", 4}};
  for (const auto& each : cases) {
    CHECK(utf8_prefix(as_bytes(each.text)) == each.valid);
    CHECK(each.valid == each.text.size());
    check_agreement(each.text);
    CHECK(fast(each.text));
  }
  for (const char* bad : {"\x80",
                          "\xbf",
                          "\xc0\x80",
                          "\xc1\xbf",
                          "\xc2",
                          "\xc2 ",
                          "\xe0\x80\x80",
                          "\xe0\x9f\xbf",
                          "\xed\xa0\x80",
                          "\xed\xbf\xbf",
                          "\xe2\x82",
                          "\xe2\x82 ",
                          "\xf0\x80\x80\x80",
                          "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80",
                          "\xf8\x88\x80\x80\x80",
                          "\xff",
                          "\xf0\x9f\x98",
                          "\xc2\x80\x80"}) {
    CHECK_FALSE(fast(bad));
    for (std::size_t before : {0u, 1u, 13u, 14u, 15u, 16u, 17u, 31u, 40u}) {
      std::string text = std::string(before, 'x') + bad;
      check_agreement(text);
      CHECK_FALSE(fast(text));
      CHECK(utf8_prefix(as_bytes(text)) < text.size());
      CHECK(utf8_prefix(as_bytes(text)) >= before);
      check_agreement(text + std::string(before, 'y'));
      CHECK_FALSE(fast(text + std::string(before, 'y')));
    }
  }
}

TEST_CASE("utf-8: the vector and the scalar check agree on all short sequences", "[bson]") {
  // Every first two bytes, and the bytes that matter after them.
  constexpr unsigned char later[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                     0xbf, 0xc0, 0xc2, 0xe1, 0xf1, 0xff};
  std::string text(20, 'x');
  for (int first = 0x80; first < 0x100; ++first)
    for (int second = 0; second < 0x100; ++second)
      for (unsigned char third : later)
        for (unsigned char fourth : later) {
          std::size_t at = 12 + static_cast<std::size_t>(first + second) % 5;
          std::fill(text.begin(), text.end(), 'x');
          text[at] = static_cast<char>(first);
          text[at + 1] = static_cast<char>(second);
          text[at + 2] = static_cast<char>(third);
          text[at + 3] = static_cast<char>(fourth);
          if (is_utf8(as_bytes(text)) != is_utf8_scalar(as_bytes(text))) {
            CAPTURE(first, second, third, fourth, at);
            FAIL("they differ");
          }
        }
}

TEST_CASE("utf-8: the vector and the scalar check agree on random texts", "[bson]") {
  std::mt19937 random(11);
  const std::string_view pieces[] = {
      "a",  "0123456789abcdef", "é", "漢", "😀", "\x80", "\xed\xa0\x80", "\xf4\x8f\xbf\xbf", "\xe0\xa0\x80",
      "xyz"};
  std::size_t good = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string text;
    bool only_good = round % 2 == 0;
    for (auto count = random() % 30; count > 0; --count) {
      std::string_view piece = pieces[random() % std::size(pieces)];
      if (only_good && (piece == "\x80" || piece == "\xed\xa0\x80")) continue;
      text += piece;
    }
    if (round % 4 == 2 && !text.empty()) text.pop_back();
    check_agreement(text);
    good += is_utf8_scalar(as_bytes(text));
  }
  CHECK(good > 5000);
  CHECK(good < 25'000);
}
