#include <cmath>
#include <limits>
#include <random>

#include "core/json_check.hpp"
#include "mongo_wire/base64.hpp"
#include "mongo_wire/json_value.hpp"
#include "tests/mongo_wire/bson_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

std::string double_text(double number) {
  char out[double_text_size];
  char* end = put_double(out, number);
  REQUIRE(end <= out + sizeof out);
  return {out, end};
}

std::string date_text(std::int64_t ms) {
  return relaxed(document([&](bson_writer& to) { to.put_date_time("d", ms); }));
}

/// One text, as the value of a string, in a document that ends right behind it.
bytes with_string(std::string_view text) {
  return document([&](bson_writer& to) { to.put_string("s", text); });
}

std::string in_hex_mode(byte_view bson) {
  bytes exact = copy_of(bson);
  json::buffer out;
  REQUIRE(put_extended_json(out, *decode_document(exact), {.not_utf8 = bad_text::hex}).has_value());
  return std::string(out.view());
}

std::string random_text(std::mt19937& random, std::size_t most) {
  const std::string_view pieces[] = {"a", "bcdefghij", "\"", "\\", "\n", std::string_view("\0", 1),
                                     "é", "漢",        "😀", " "};
  std::string text;
  for (auto count = random() % (most + 1); count > 0; --count) text += pieces[random() % std::size(pieces)];
  return text;
}

}  // namespace

TEST_CASE("extended json: every type in both forms", "[bson]") {
  bytes bson = every_type();
  CHECK(canonical(bson) ==
        R"({"double":{"$numberDouble":"-1.5"},"string":"h\u0000é","document":{"inner":{"$numberInt":"1"}},)"
        R"("array":[true,{},null],"binary":{"$binary":{"base64":"/wD+","subType":"80"}},)"
        R"("old binary":{"$binary":{"base64":"/wD+","subType":"02"}},"undefined":{"$undefined":true},)"
        R"("id":{"$oid":"00112233445566778899aabb"},"bool":false,)"
        R"("date":{"$date":{"$numberLong":"1700000000123"}},"null":null,)"
        R"("regex":{"$regularExpression":{"pattern":"^a.*","options":"im"}},)"
        R"("pointer":{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"00112233445566778899aabb"}}},)"
        R"("code":{"$code":"f;"},"symbol":{"$symbol":"s"},)"
        R"("scoped":{"$code":"g;","$scope":{"x":{"$numberLong":"7"}}},"int32":{"$numberInt":"-2"},)"
        R"("timestamp":{"$timestamp":{"t":1700000000,"i":5}},"int64":{"$numberLong":"1152921504606846976"},)"
        R"("decimal":{"$numberDecimal":"-12.50"},"max":{"$maxKey":1},"min":{"$minKey":1}})");
  CHECK(relaxed(bson) ==
        R"({"double":-1.5,"string":"h\u0000é","document":{"inner":1},)"
        R"("array":[true,{},null],"binary":{"$binary":{"base64":"/wD+","subType":"80"}},)"
        R"("old binary":{"$binary":{"base64":"/wD+","subType":"02"}},"undefined":{"$undefined":true},)"
        R"("id":{"$oid":"00112233445566778899aabb"},"bool":false,)"
        R"("date":{"$date":"2023-11-14T22:13:20.123Z"},"null":null,)"
        R"("regex":{"$regularExpression":{"pattern":"^a.*","options":"im"}},)"
        R"("pointer":{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"00112233445566778899aabb"}}},)"
        R"("code":{"$code":"f;"},"symbol":{"$symbol":"s"},)"
        R"("scoped":{"$code":"g;","$scope":{"x":7}},"int32":-2,)"
        R"("timestamp":{"$timestamp":{"t":1700000000,"i":5}},"int64":1152921504606846976,)"
        R"("decimal":{"$numberDecimal":"-12.50"},"max":{"$maxKey":1},"min":{"$minKey":1}})");
  CHECK(bson_of(canonical(bson)) == bson);
}

TEST_CASE("extended json: doubles have the fewest digits, and always a point or an exponent", "[bson]") {
  struct {
    double number;
    const char* text;
  } cases[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1, "1.0"},
      {-1, "-1.0"},
      {0.1, "0.1"},
      {100, "100.0"},
      {0.0001, "0.0001"},
      {0.00001, "1E-5"},
      {1.5e-7, "1.5E-7"},
      {123456.789, "123456.789"},
      {999999999999999, "999999999999999.0"},
      {1e15, "1000000000000000.0"},
      {9007199254740992, "9007199254740992.0"},
      {1234567890123456.5, "1234567890123456.5"},
      {1e16, "1E+16"},
      {-1.2345678921232e18, "-1.2345678921232E+18"},
      {1.7976931348623157e308, "1.7976931348623157E+308"},
      {5e-324, "5E-324"},
      {2.2250738585072014e-308, "2.2250738585072014E-308"},
      {0.30000000000000004, "0.30000000000000004"},
  };
  for (const auto& each : cases) CHECK(double_text(each.number) == each.text);
  std::mt19937_64 random(3);
  for (int round = 0; round < 50'000; ++round) {
    double number = round % 3 == 0   ? std::bit_cast<double>(random())
                    : round % 3 == 1 ? static_cast<double>(static_cast<std::int64_t>(random())) / 1024
                                     : std::ldexp(static_cast<double>(random() >> 11),
                                                  static_cast<int>(random() % 60) - 70);
    if (!std::isfinite(number)) continue;
    std::string text = double_text(number);
    CAPTURE(text);
    REQUIRE(json::is_number(text));
    REQUIRE(text.find_first_of(".E") != text.npos);
    REQUIRE(std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr)) ==
            std::bit_cast<std::uint64_t>(number));
  }
  for (double number : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    bytes bson = document([&](bson_writer& to) { to.put_double("d", number), to.put_double("m", -number); });
    std::string expected = std::isnan(number)
                               ? R"({"d":{"$numberDouble":"NaN"},"m":{"$numberDouble":"NaN"}})"
                               : R"({"d":{"$numberDouble":"Infinity"},"m":{"$numberDouble":"-Infinity"}})";
    CHECK(relaxed(bson) == expected);
    CHECK(canonical(bson) == expected);
  }
}

TEST_CASE("extended json: decimal numbers come out as they were, with no digit more", "[bson]") {
  std::mt19937_64 random(11);
  auto check = [](std::string text) {
    CAPTURE(text);
    double number = std::strtod(text.c_str(), nullptr);
    char shortest[double_text_size];
    char* end = std::to_chars(shortest, shortest + sizeof shortest, number, std::chars_format::fixed).ptr;
    std::string expected(shortest, end);
    if (expected.find('.') == expected.npos) expected += ".0";
    REQUIRE(double_text(number) == expected);
    REQUIRE(double_text(-number) == "-" + expected);
  };
  for (int round = 0; round < 100'000; ++round) {
    std::string digits = std::to_string(random() % (1ull << random() % 54));
    digits.insert(0, 9 - std::min<std::size_t>(digits.size(), 9), '0');
    std::size_t places = 1 + random() % 9;
    digits.insert(digits.size() - std::min(places, digits.size() - 1), ".");
    if (std::strtod(digits.c_str(), nullptr) >= 0.001) check(digits);
  }
  // Around where the ways of writing meet.
  for (double around : {0.001, 1e7, 1e11, 1e15, 9'007'199'254.740992}) {
    double number = around, below = around;
    for (int i = 0; i < 100; ++i) {
      char text[64];
      std::snprintf(text, sizeof text, "%.25g", number);
      check(text);
      number = std::nextafter(number, 1e300);
      below = std::nextafter(below, 0);
      std::snprintf(text, sizeof text, "%.25g", below);
      if (below >= 0.0001) check(text);
    }
  }
}

TEST_CASE("extended json: names and texts of any length, with what must be escaped anywhere", "[bson]") {
  for (std::string_view odd : {"", "\"", "\\", "\n", "\x01", "é", "東", "😀"})
    for (std::size_t size = 0; size < 70; ++size)
      for (std::size_t at = 0; at <= size; at += size < 20 || at + 3 > size ? 1 : 7) {
        std::string text(size, 'x');
        text.insert(at, odd);
        char escaped[600];
        char* end = json::put_escaped_scalar(escaped, text.data(), text.data() + text.size());
        std::string expected(escaped, end);
        bytes bson = document([&](bson_writer& to) {
          to.put_string(text, text);
          to.put_int32("behind", 1);
          to.put_string("and more", "so that short texts have a document behind them");
        });
        REQUIRE(relaxed(bson) ==
                "{\"" + expected + "\":\"" + expected +
                    R"(","behind":1,"and more":"so that short texts have a document behind them"})");
        REQUIRE(relaxed(with_string(text)) == R"({"s":")" + expected + "\"}");
      }
}

TEST_CASE("extended json: relaxed dates from 1970 to 9999", "[bson]") {
  CHECK(date_text(0) == R"({"d":{"$date":"1970-01-01T00:00:00Z"}})");
  CHECK(date_text(1) == R"({"d":{"$date":"1970-01-01T00:00:00.001Z"}})");
  CHECK(date_text(1'356'351'330'500) == R"({"d":{"$date":"2012-12-24T12:15:30.500Z"}})");
  CHECK(date_text(1'356'351'330'501) == R"({"d":{"$date":"2012-12-24T12:15:30.501Z"}})");
  CHECK(date_text(253'402'300'799'999) == R"({"d":{"$date":"9999-12-31T23:59:59.999Z"}})");
  CHECK(date_text(253'402'300'800'000) == R"({"d":{"$date":{"$numberLong":"253402300800000"}}})");
  CHECK(date_text(-1) == R"({"d":{"$date":{"$numberLong":"-1"}}})");
  CHECK(date_text(std::numeric_limits<std::int64_t>::min()) ==
        R"({"d":{"$date":{"$numberLong":"-9223372036854775808"}}})");
}

TEST_CASE("extended json: the options of a regular expression are sorted", "[bson]") {
  auto regex = [](std::string_view options) {
    return relaxed(document([&](bson_writer& to) { to.put_regex("r", {"a/\"b", options}); }));
  };
  CHECK(regex("xi") == R"({"r":{"$regularExpression":{"pattern":"a/\"b","options":"ix"}}})");
  CHECK(regex("x\"i") == R"({"r":{"$regularExpression":{"pattern":"a/\"b","options":"\"ix"}}})");
  // Bytes of a character are not put into order.
  CHECK(regex("xé") == R"({"r":{"$regularExpression":{"pattern":"a/\"b","options":"xé"}}})");
}

TEST_CASE("extended json: texts of every length, right before the document's end and not", "[bson]") {
  std::mt19937 random(17);
  for (int round = 0; round < 3000; ++round) {
    std::string text = random_text(random, round % 100 == 0 ? 3000 : round % 60);
    std::string name = random_text(random, 20);
    std::erase(name, '\0');
    bytes bson = document([&](bson_writer& to) {
      to.put_string(name, text);
      if (round % 2) to.put_code("after", "0123456789012345678901234567890");
    });
    std::string out = canonical(bson);
    REQUIRE(json::is_value(out));
    REQUIRE(bson_of(out) == bson);
  }
  for (std::size_t size = 2030; size < 2070; ++size) {
    bytes bson = with_string(std::string(size, 'x') + "漢é" + std::string(2040, 'y') + "\"😀");
    REQUIRE(bson_of(canonical(bson)) == bson);
  }
}

TEST_CASE("extended json: what is not UTF-8 is refused where it is", "[bson]") {
  for (std::size_t before : {0u, 5u, 16u, 40u, 2047u, 2048u, 5000u}) {
    for (std::string_view bad : {"\xff", "\xc3", "\xed\xa0\x80", "\x80\x80\x80\x80\x80\x80"}) {
      std::string text = std::string(before, 'x') + std::string(bad);
      for (bool more : {false, true}) {
        CAPTURE(before, more);
        bytes bson = document([&](bson_writer& to) {
          to.put_string("s", text);
          if (more) to.put_string("t", "something else behind it");
        });
        json::buffer out;
        out.text("before");
        auto refused = put_extended_json(out, *decode_document(bson));
        REQUIRE(!refused.has_value());
        CHECK(refused.error() == decode_error{decode_errc::bad_value, 11 + before, "string"});
        CHECK(out.view() == "before");
        CHECK(json::is_value(in_hex_mode(bson)));
      }
    }
  }
}

TEST_CASE("extended json: what is not UTF-8 can be kept as hex", "[bson]") {
  bytes id = hex("00112233445566778899aabb");
  bytes bson = document([&](bson_writer& to) {
    to.put_string("good", "é");
    to.put_string("bad", "a\xff");
    to.put_null("b\xc3");
    to.put_symbol("symbol", "\x80");
    to.put_code("code", "\x80");
    to.put_regex("regex", {"\x80", "\xff"});
    to.put_db_pointer("pointer", {"\xfe", id});
    to.open_code_w_scope("scoped", "\xfd");
    to.close();
  });
  CHECK(in_hex_mode(bson) ==
        R"({"good":"é","bad":{"hex":"61ff"},"hex:62c3":null,"symbol":{"$symbol":{"hex":"80"}},)"
        R"("code":{"$code":{"hex":"80"}},)"
        R"("regex":{"$regularExpression":{"pattern":{"hex":"80"},"options":{"hex":"ff"}}},)"
        R"("pointer":{"$dbPointer":{"$ref":{"hex":"fe"},"$id":{"$oid":"00112233445566778899aabb"}}},)"
        R"("scoped":{"$code":{"hex":"fd"},"$scope":{}}})");
}

TEST_CASE("extended json: single values", "[bson]") {
  bytes bson = every_type();
  bson_reader reader(*decode_document(bson));
  std::string all;
  for (element_view each; reader.next(each);) {
    json::buffer out;
    REQUIRE(put_extended_json(out, each, {.form = extended_form::canonical}).has_value());
    CHECK(json::is_value(out.view()));
    all += (all.empty() ? "{\"" : ",\"") + std::string(each.name) + "\":" + std::string(out.view());
  }
  CHECK(all + "}" == canonical(bson));
}

TEST_CASE("extended json: a malformed document leaves the buffer as it was", "[bson]") {
  bytes bson = every_type();
  for (std::size_t size = 5; size + 1 < bson.size(); ++size) {
    bytes cut(bson.begin(), bson.begin() + static_cast<std::ptrdiff_t>(size));
    cut.push_back(0);
    store_le(cut.data(), static_cast<std::uint32_t>(cut.size()));
    json::buffer out;
    out.text("x");
    auto done = put_extended_json(out, *decode_document(cut));
    if (done)
      CHECK(json::is_value(out.view().substr(1)));
    else
      CHECK(out.view() == "x");
  }
  bytes deep = document([](bson_writer& to) {
    for (int i = 0; i < 20; ++i) to.open_array(item);
    for (int i = 0; i < 20; ++i) to.close();
  });
  json::buffer out;
  CHECK(put_extended_json(out, *decode_document(deep), {.max_depth = 20}).error().code ==
        decode_errc::limit_exceeded);
  CHECK(put_extended_json(out, *decode_document(deep), {.max_depth = 21}).has_value());
}

TEST_CASE("base64: the vector and the scalar encoder agree, and what they write is read back", "[bson]") {
  std::mt19937 random(23);
  for (std::size_t size = 0; size < 300; ++size) {
    bytes data(size);
    for (auto& each : data) each = static_cast<std::uint8_t>(random());
    std::string fast(base64_size(size), '#'), slow(base64_size(size), '#');
    CHECK(put_base64(fast.data(), data.data(), size) == fast.data() + fast.size());
    CHECK(put_base64_scalar(slow.data(), data.data(), size) == slow.data() + slow.size());
    CHECK(fast == slow);
    CHECK(decode_base64(fast) == data);
  }
  bytes foobar = hex("'foobar'");
  std::string text(8, '#');
  put_base64(text.data(), foobar.data(), 6);
  CHECK(text == "Zm9vYmFy");
}
