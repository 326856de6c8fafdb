#include "core/json.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>
#include <string>

#include "core/json_check.hpp"

using namespace tidewire;

namespace {

std::string padded(std::string_view text) {
  std::string copy(text);
  copy.append(json::input_padding, '"');  // what follows must not matter
  return copy;
}

std::string string_of(std::string_view text) {
  std::string in = padded(text);
  std::string out(text.size() * json::worst_growth + json::output_slack, '#');
  char* end = json::put_string(out.data(), in.data(), text.size());
  return out.substr(0, static_cast<std::size_t>(end - out.data()));
}

std::string embedded(std::string_view text) {
  std::string in = padded(text);
  std::string out(text.size() * json::worst_growth + json::output_slack, '#');
  char* end = json::put_embedded(out.data(), in.data(), text.size());
  return out.substr(0, static_cast<std::size_t>(end - out.data()));
}

}  // namespace

TEST_CASE("strings are escaped as RFC 8259 says") {
  CHECK(string_of("") == R"("")");
  CHECK(string_of("plain") == R"("plain")");
  CHECK(string_of("a\"b\\c") == R"("a\"b\\c")");
  CHECK(string_of("\n\t\r\b\f") == R"("\n\t\r\b\f")");
  CHECK(string_of(std::string("\0\x1f", 2)) == R"("\u0000\u001f")");
  CHECK(string_of("\x7f/") == "\"\x7f/\"");
  CHECK(string_of("zażółć 漢字 😀") == "\"zażółć 漢字 😀\"");
  CHECK(string_of("exactly 16 bytes") == R"("exactly 16 bytes")");
  CHECK(string_of("more than sixteen bytes\nwith a break") == R"("more than sixteen bytes\nwith a break")");
}

TEST_CASE("bytes that are not UTF-8 are kept as hex") {
  CHECK(string_of("\xff") == R"({"hex":"ff"})");
  CHECK(string_of("ok\xc3") == R"({"hex":"6f6bc3"})");
  for (const char* bad : {"\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf8\x88\x80\x80", "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "\xf0\x80\x80\x80"})
    CHECK(string_of(bad).starts_with("{\"hex\":"));
}

TEST_CASE("the vector and the scalar escape agree") {
  std::mt19937 random(7);
  const std::string_view pieces[] = {
      "a",    "bc", "\"", "\\", "\n", std::string_view("\0", 1), "é", "漢", "😀", "\xff", "0123456789abcdef",
      "\x1f", " "};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto count = random() % 12; count > 0; --count) {
      auto piece = random() % (std::size(pieces) + (round % 3 ? 0 : 1));
      if (piece < std::size(pieces) && !(round % 3 && pieces[piece] == "\xff")) text += pieces[piece];
    }
    std::string in = padded(text);
    std::string fast(text.size() * 6 + 64, 0), slow(text.size() * 6 + 64, 0);
    char* fast_end = json::put_escaped(fast.data(), in.data(), in.data() + text.size());
    char* slow_end = json::put_escaped_scalar(slow.data(), in.data(), in.data() + text.size());
    REQUIRE((fast_end == nullptr) == (slow_end == nullptr));
    if (fast_end)
      REQUIRE(fast.substr(0, static_cast<std::size_t>(fast_end - fast.data())) ==
              slow.substr(0, static_cast<std::size_t>(slow_end - slow.data())));
  }
}

TEST_CASE("only what JSON calls a number passes as one") {
  for (std::string text :
       {"0", "-0", "7", "-17", "1234567890123456", "-9223372036854775808", "18446744073709551615"}) {
    CHECK(json::is_integer(padded(text).data(), text.size()));
    CHECK(json::is_number(text));
  }
  for (std::string text :
       {"", "-", "+1", "007", "-01", "1a", "1 ", " 1", "0x10", "--1", "1-", "12345678901234567x"}) {
    CHECK_FALSE(json::is_integer(padded(text).data(), text.size()));
    CHECK_FALSE(json::is_number(text));
  }
  for (std::string_view text : {"0.1", "-1.5e-07", "1e+30", "1E9", "1.7976931348623157e+308"})
    CHECK(json::is_number(text));
  for (std::string_view text : {"NaN", "Infinity", "-Infinity", "1.", ".5", "1e", "1e+", "01.5", "1.5.5"})
    CHECK_FALSE(json::is_number(text));
}

TEST_CASE("a json value is embedded only when it is one") {
  CHECK(embedded(R"({"a": [1, 2.50, {"b": null}], "a": "\u00e9"})") ==
        R"({"a": [1, 2.50, {"b": null}], "a": "\u00e9"})");
  CHECK(embedded("{\n\"a\":\r\n1}") == "{ \"a\":  1}");
  CHECK(embedded("123456789012345678901234567890.10") == "123456789012345678901234567890.10");
  CHECK(embedded(" true ") == " true ");
  for (std::string_view text :
       {"", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]", "1 2", "tru", "\"\n\"", "\"\\x\"",
        "\"\\u12g4\"", "[01]", "{\"a\":1,}", "\"open", "[\"\xff\"]", "],{\"x\":1"})
    CHECK(embedded(text).front() == (text.find('\xff') == text.npos ? '"' : '{'));
  std::string deep = std::string(json::max_depth, '[') + "1";
  deep += std::string(json::max_depth, ']');
  CHECK(json::is_value(deep));
  CHECK_FALSE(json::is_value("[" + deep + "]"));
}

TEST_CASE("every cut of a json value is refused") {
  std::string_view whole = R"({"a":[true,false,null,-1.5e+3,"x\u0041\n"],"b":{"c":[]}})";
  REQUIRE(json::is_value(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(json::is_value(whole.substr(0, size)));
}
