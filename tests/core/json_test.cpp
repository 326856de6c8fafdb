#include "core/json.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>
#include <string>

#include "core/json_check.hpp"
#include "tests/core/json_reference.hpp"

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

TEST_CASE("strings of every length around the blocks, with something to escape at every place") {
  for (std::size_t size = 0; size <= 70; ++size) {
    std::string plain(size, 'x');
    CHECK(string_of(plain) == '"' + plain + '"');
    for (std::size_t at = 0; at < size; ++at) {
      std::string text = plain;
      text[at] = '\n';
      REQUIRE(string_of(text) == '"' + plain.substr(0, at) + "\\n" + plain.substr(at + 1) + '"');
      text = plain.substr(0, at) + "é" + plain.substr(at + 1);
      REQUIRE(string_of(text) == '"' + text + '"');
      text[at + 1] = 'x';
      REQUIRE(string_of(text).starts_with(R"({"hex":")"));
    }
  }
}

TEST_CASE("every byte is copied, escaped or part of hex") {
  for (int c = 0; c < 256; ++c) {
    std::string text(1, static_cast<char>(c)), out = string_of(text);
    if (c >= 0x80)
      CHECK(out.starts_with(R"({"hex":")"));
    else if (c < 0x20 || c == '"' || c == '\\')
      CHECK((out.size() == 4 || out.size() == 8));
    else
      CHECK(out == '"' + text + '"');
  }
}

TEST_CASE("unsigned numbers") {
  std::mt19937_64 random(5);
  auto check = [](std::uint64_t number) {
    char out[json::output_slack];
    REQUIRE(std::string(out, json::put_unsigned(out, number)) == std::to_string(number));
  };
  for (std::uint64_t number = 0; number <= 20'000; ++number) check(number);
  for (std::uint64_t power = 1; power <= 1'000'000'000'000'000'000; power *= 10)
    for (std::uint64_t number : {power - 1, power, power + 1, 9 * power}) check(number);
  for (int round = 0; round < 20'000; ++round) check(random() >> random() % 64);
  check(~std::uint64_t{0});
}

TEST_CASE("a number is copied exactly when the grammar says that it is one") {
  std::mt19937 random(3);
  int numbers = 0;
  auto check = [&](const std::string& text) {
    std::string in = padded(text), out(text.size() + json::output_slack, '#');
    char* end = json::put_number(out.data(), in.data(), text.size());
    CAPTURE(text);
    REQUIRE((end != nullptr) == json::is_number(text));
    if (end) REQUIRE(out.substr(0, static_cast<std::size_t>(end - out.data())) == text);
    numbers += end != nullptr;
  };
  check("");
  for (int round = 0; round < 100'000; ++round) {
    std::string text;
    auto pieces = 1 + random() % 6;
    for (std::size_t i = 0; i < pieces; ++i) {
      auto kind = random() % 8;
      if (kind < 5)
        text += std::to_string(random() >> random() % 32);
      else
        text += std::string_view("-.eE+0 x")[random() % 8];
    }
    check(text);
    check('-' + text);
  }
  CHECK(numbers > 20'000);
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

TEST_CASE("what is embedded, and how, is what the byte-wise checker says") {
  std::mt19937 random(13);
  const std::string_view tokens[] = {"{",           "}",         "[",
                                     "]",           ",",         ":",
                                     " ",           "\n",        "\"a\"",
                                     "\"b\": ",     "1",         "-2.5e3",
                                     "true",        "false",     "null",
                                     "\"\\u00e9\"", "\"é漢😀\"", "\"\\\"\"",
                                     "\t\r\n",      "0",         "\"a longer string than a block\"",
                                     "\xff",        "x"};
  const std::string_view whole[] = {
      R"({"id": 1, "kind": "k1", "list": [1, 1], "text": "a \"b\" \\ c"})",
      R"([[[{"a": {}}], []], "x", -0.5e+10])",
      R"({"long text": "zażółć gęślą jaźń \u0105 and a good deal more \n of it", "n": 12345678901234567890})",
      "  {\n  \"a\" : [ 1 ,\r\n 2 ]\n}  "};
  int good = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text(whole[random() % std::size(whole)]);
    if (round % 4 == 0) text.clear();
    for (auto changes = random() % 4; changes > 0; --changes) {
      std::size_t at = random() % (text.size() + 1);
      switch (random() % 3) {
        case 0: text.insert(at, tokens[random() % std::size(tokens)]); break;
        case 1: text.erase(at, 1 + random() % 3); break;
        default:
          if (at < text.size()) text[at] = static_cast<char>(random());
      }
    }
    std::string expected = testing::reference_json(text);
    std::string in = padded(text), out(text.size() + json::output_slack, '#');
    char* end = json::put_json(out.data(), in.data(), text.size());
    CAPTURE(text);
    REQUIRE((end != nullptr) == !expected.empty());
    if (!end) continue;
    ++good;
    REQUIRE(out.substr(0, static_cast<std::size_t>(end - out.data())) == expected);
  }
  CHECK(good > 10'000);
}

TEST_CASE("objects and arrays are told apart at every depth") {
  for (std::size_t depth = 1; depth <= json::max_depth; ++depth) {
    std::string open, close;
    for (std::size_t i = 0; i < depth; ++i) {
      bool object = i % 3 == 1 || i % 64 == 63;
      open += object ? R"({"k":)" : "[";
      close.insert(close.begin(), object ? '}' : ']');
    }
    REQUIRE(json::is_value(open + '1' + close));
    std::size_t wrong = depth / 2;
    close[wrong] = close[wrong] == '}' ? ']' : '}';
    REQUIRE(!json::is_value(open + '1' + close));
  }
}
