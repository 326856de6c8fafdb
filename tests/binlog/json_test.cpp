#include "binlog/json_binary.hpp"
#include "binlog/json_diff.hpp"
#include "tests/binlog/event_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

decoded<std::string> text_of(byte_view document) {
  text_buffer out;
  auto done = put_json(out, document);
  if (!done) return std::unexpected(done.error());
  return std::string(out.view());
}

std::string text(std::string_view document) {
  auto result = text_of(hex(document));
  if (!result) {
    CAPTURE(document, to_string(result.error().code), result.error().offset, result.error().field);
    REQUIRE(result.has_value());
  }
  return *result;
}

decode_error error(std::string_view document) {
  auto result = text_of(hex(document));
  REQUIRE(!result.has_value());
  CHECK(result.error().offset <= hex(document).size());
  return result.error();
}

// {"a": 1, "bb": [true, "x"]}
constexpr std::string_view sample =
    "00 0200 2100"
    "1200 0100 1300 0200"
    "05 0100 02 1500"
    "'a' 'bb'"
    "0200 0c00 04 0100 0c 0a00 01 'x'";

std::string patched(std::string_view document, std::string_view changes) {
  json_patcher patcher;
  text_buffer out;
  bytes before = hex(document), diffs = hex(changes);
  auto done = patcher.put(out, before, diffs);
  if (!done) return std::string(to_string(done.error().code)) + " at " + std::to_string(done.error().offset);
  return std::string(out.view());
}

std::string diff(char operation, std::string_view path, std::string_view value = "") {
  bytes json = hex(value);
  std::string out = std::string("0") + operation + " ";
  auto byte = [](std::size_t n) {
    constexpr char digits[] = "0123456789abcdef";
    return std::string{digits[n >> 4], digits[n & 15], ' '};
  };
  out += byte(path.size());
  for (char c : path) out += byte(static_cast<std::uint8_t>(c));
  if (operation != '2') {
    out += byte(json.size());
    for (std::uint8_t each : json) out += byte(each);
  }
  return out;
}

}  // namespace

TEST_CASE("binlog: JSON scalars") {
  CHECK(text("") == "null");
  CHECK(text("04 00") == "null");
  CHECK(text("04 01") == "true");
  CHECK(text("04 02") == "false");
  CHECK(text("05 0080") == "-32768");
  CHECK(text("06 ffff") == "65535");
  CHECK(text("07 00000080") == "-2147483648");
  CHECK(text("08 ffffffff") == "4294967295");
  CHECK(text("09 0000000000000080") == "-9223372036854775808");
  CHECK(text("0a ffffffffffffffff") == "18446744073709551615");
  CHECK(text("0b 000000000000f03f") == "1.0");
  CHECK(text("0b 0000000000000080") == "-0.0");
  CHECK(text("0b 9a9999999999b93f") == "0.1");
  CHECK(text("0b 7dc39425ad49b254") == "1e100");
  CHECK(text("0c 00") == "\"\"");
  CHECK(text("0c 03 'abc'") == "\"abc\"");
  CHECK(text("0c 09 22 5c 08 0c 0a 0d 09 01 7f") == R"("\"\\\b\f\n\r\t\u0001)"
                                                    "\x7f\"");
  CHECK(text("0c 80 00") == "\"\"");  // a length may be longer than needed
  CHECK(text("0c 15 'abcdefghijklmnop' 22 '1234'") == R"("abcdefghijklmnop\"1234")");
  bytes long_text = hex("0c 8101");
  for (int i = 0; i < 129; ++i) long_text.push_back('x');
  CHECK(text_of(long_text)->size() == 131);
}

TEST_CASE("binlog: JSON arrays and objects") {
  CHECK(text("00 0000 0400") == "{}");
  CHECK(text("02 0000 0400") == "[]");
  CHECK(text("03 00000000 08000000") == "[]");
  CHECK(text("02 0300 0d00 04 0100 04 0200 05 ffff") == "[true, false, -1]");
  CHECK(text(sample) == R"({"a": 1, "bb": [true, "x"]})");
  // The large form keeps 32-bit numbers in place.
  CHECK(text("03 01000000 0d000000 07 ffffffff") == "[-1]");
  CHECK(text("01 01000000 14000000 13000000 0100 08 ffffffff 'k'") == R"({"k": 4294967295})");
  // In the small one they are elsewhere.
  CHECK(text("02 0100 0b00 07 0700 01000000") == "[1]");
}

TEST_CASE("binlog: JSON values that JSON does not have") {
  CHECK(text("0f f6 08 0a03 8000007b 01c2") == "123.450");
  CHECK(text("0f 0a 08 0000000000bab219") == "\"2024-02-29\"");
  CHECK(text("0f 0c 08 3f420ffb7ebbb219") == "\"2024-02-29 23:59:59.999999\"");
  CHECK(text("0f 07 08 3f420ffb7ebbb219") == "\"2024-02-29 23:59:59.999999\"");
  CHECK(text("0f 0b 08 0000000591cbffff") == "\"-838:59:59.000000\"");
  CHECK(text("0f 0b 08 ffffffffffffffff") == "\"-00:00:00.000001\"");
  CHECK(text("0f fd 03 'a' 22 'b'") == R"("a\"b")");
  CHECK(text("0f 0f 00") == "\"base64:type15:\"");
  CHECK(text("0f 0f 01 'a'") == "\"base64:type15:YQ==\"");
  CHECK(text("0f 0f 02 'ab'") == "\"base64:type15:YWI=\"");
  CHECK(text("0f ff 03 'abc'") == "\"base64:type255:YWJj\"");
  // Lines of 76 characters.
  bytes blob = hex("0f 0f 39");
  blob.insert(blob.end(), 57, 0);
  CHECK(text_of(blob).value() == "\"base64:type15:" + std::string(76, 'A') + "\"");
  blob[2] = 0x3a;
  blob.push_back(0);
  CHECK(text_of(blob).value() == "\"base64:type15:" + std::string(76, 'A') + "\\nAA==\"");
}

TEST_CASE("binlog: malformed JSON") {
  CHECK(error("04") == decode_error{decode_errc::truncated, 1, "JSON value"});
  CHECK(error("04 03") == decode_error{decode_errc::bad_value, 1, "JSON literal"});
  CHECK(error("05 00").code == decode_errc::truncated);
  CHECK(error("0b 000000000000f0").code == decode_errc::truncated);
  CHECK(error("0b 000000000000f07f") == decode_error{decode_errc::bad_value, 1, "JSON number"});
  CHECK(error("0d") == decode_error{decode_errc::unknown_tag, 1, "JSON type"});
  CHECK(error("0c") == decode_error{decode_errc::truncated, 1, "JSON length"});
  CHECK(error("0c 05 'abc'") == decode_error{decode_errc::truncated, 2, "JSON value"});
  CHECK(error("0c ffffffff1f").code == decode_errc::bad_length);
  CHECK(error("0c ffffffffff01").code == decode_errc::bad_length);
  CHECK(error("0f") == decode_error{decode_errc::truncated, 1, "JSON opaque type"});
  CHECK(error("0f f6 01 0a").code == decode_errc::bad_value);
  CHECK(error("0f f6 02 5203").code == decode_errc::bad_value);
  CHECK(error("0f 0a 04 00000000").code == decode_errc::bad_length);
  CHECK(error("0f 0a 08 ffffffffffffffff").code == decode_errc::bad_value);
  CHECK(error("00 0000").code == decode_errc::truncated);
  CHECK(error("00 0000 0500").code == decode_errc::truncated);
  CHECK(error("02 0100 0400") == decode_error{decode_errc::bad_length, 1, "JSON count"});
  CHECK(error("02 0100 0700 0c 0400").code == decode_errc::bad_value);  // a value inside the entries
  CHECK(error("02 0100 0700 0c 0800").code == decode_errc::bad_value);  // behind the end
  CHECK(error("00 0100 0b00 ffff 0100 04 0000").code == decode_errc::truncated);
  // Every cut of a document is found out, without a read beyond it.
  bytes whole = hex(sample);
  for (std::size_t size = 1; size < whole.size(); ++size)
    CHECK(!text_of(copy_of(byte_view(whole).first(size))).has_value());
}

TEST_CASE("binlog: JSON that is nested too deeply, or expands without end") {
  // An array of one array of one array…: each level takes 7 bytes of entries.
  auto nested = [](std::size_t depth) {
    bytes inner = hex("0000 0400");
    for (std::size_t i = 1; i < depth; ++i) {
      bytes outer = hex("0100");
      std::size_t size = inner.size() + 7;
      outer.push_back(static_cast<std::uint8_t>(size));
      outer.push_back(static_cast<std::uint8_t>(size >> 8));
      for (std::uint8_t byte : hex("02 0700")) outer.push_back(byte);
      outer.insert(outer.end(), inner.begin(), inner.end());
      inner = outer;
    }
    inner.insert(inner.begin(), 2);
    return inner;
  };
  auto good = text_of(nested(100));
  REQUIRE(good.has_value());
  CHECK(*good == std::string(100, '[') + std::string(100, ']'));
  CHECK(text_of(nested(101)).error().code == decode_errc::limit_exceeded);

  // Two entries that share one value, thirty levels deep: 2³⁰ values in 300 bytes.
  bytes inner = hex("0000 0400");
  for (int i = 0; i < 30; ++i) {
    std::size_t size = inner.size() + 10;
    bytes outer = hex("0200");
    outer.push_back(static_cast<std::uint8_t>(size));
    outer.push_back(static_cast<std::uint8_t>(size >> 8));
    for (std::uint8_t byte : hex("02 0a00 02 0a00")) outer.push_back(byte);
    outer.insert(outer.end(), inner.begin(), inner.end());
    inner = outer;
  }
  inner.insert(inner.begin(), 2);
  auto bomb = text_of(inner);
  REQUIRE(!bomb.has_value());
  CHECK(bomb.error().code == decode_errc::limit_exceeded);
  CHECK(std::string_view(bomb.error().field) == "JSON text");
}

TEST_CASE("binlog: JSON changes") {
  std::string changes =
      diff('0', "$.a", "05 0200") + diff('1', "$.\"c d\"", "0c 01 'y'") + diff('2', "$.bb[0]");
  bytes coded = hex(changes);
  json_diff_reader reader(coded);
  json_diff_view view;
  REQUIRE(reader.next(view));
  CHECK(view.operation == json_operation::replace);
  CHECK(view.path == "$.a");
  CHECK(view.value.size() == 3);
  CHECK(reader.value_offset() == 6);
  REQUIRE(reader.next(view));
  REQUIRE(reader.next(view));
  CHECK(view.operation == json_operation::remove);
  CHECK(view.value.empty());
  CHECK(!reader.next(view));
  CHECK(reader.ok());
  text_buffer out;
  REQUIRE(put_json_diffs(out, coded).has_value());
  CHECK(out.view() == R"([{"op": "replace", "path": "$.a", "value": 2}, )"
                      R"({"op": "insert", "path": "$.\"c d\"", "value": "y"}, )"
                      R"({"op": "remove", "path": "$.bb[0]"}])");
  int good = 0;
  for (std::size_t size = 0; size < coded.size(); ++size) {
    text_buffer cut_text;
    bytes cut = copy_of(byte_view(coded).first(size));
    auto done = put_json_diffs(cut_text, cut);
    good += done.has_value();
    if (!done) CHECK(done.error().offset <= size);
  }
  CHECK(good == 3);  // between two changes
  CHECK(put_json_diffs(out, hex("03 00")).error() ==
        decode_error{decode_errc::unknown_tag, 0, "JSON operation"});
  CHECK(put_json_diffs(out, hex("00 03 '$.a' 01 0d")).error() ==
        decode_error{decode_errc::unknown_tag, 7, "JSON type"});
}

TEST_CASE("binlog: JSON changes applied to a document") {
  CHECK(patched(sample, "") == R"({"a": 1, "bb": [true, "x"]})");
  CHECK(patched(sample, diff('0', "$.a", "05 0200")) == R"({"a": 2, "bb": [true, "x"]})");
  CHECK(patched(sample, diff('0', "$.bb[1]", "02 0000 0400")) == R"({"a": 1, "bb": [true, []]})");
  CHECK(patched(sample, diff('1', "$.b", "04 00")) == R"({"a": 1, "b": null, "bb": [true, "x"]})");
  CHECK(patched(sample, diff('1', "$.\"\"", "04 00")) == R"({"": null, "a": 1, "bb": [true, "x"]})");
  CHECK(patched(sample, diff('1', "$.bb[0]", "04 00")) == R"({"a": 1, "bb": [null, true, "x"]})");
  CHECK(patched(sample, diff('1', "$.bb[9]", "04 00")) == R"({"a": 1, "bb": [true, "x", null]})");
  CHECK(patched(sample, diff('2', "$.a")) == R"({"bb": [true, "x"]})");
  CHECK(patched(sample, diff('2', "$.bb[0]") + diff('2', "$.bb[0]")) == R"({"a": 1, "bb": []})");
  CHECK(patched(sample, diff('2', "$.bb[last]")) == R"({"a": 1, "bb": [true]})");
  CHECK(patched(sample, diff('2', "$.bb[last-1]")) == R"({"a": 1, "bb": ["x"]})");
  CHECK(patched(sample, diff('0', "$", "04 01")) == "true");
  // A change inside of what a change brought.
  CHECK(patched(sample, diff('0', "$.a", sample) + diff('2', "$.a.bb") + diff('0', "$.a.a", "04 02")) ==
        R"({"a": {"a": false}, "bb": [true, "x"]})");
  CHECK(patched(sample, diff('1', R"($."q\"\u00e4\n\ud83d\ude00")", "04 00")) ==
        "{\"a\": 1, \"bb\": [true, \"x\"], \"q\\\"ä\\n😀\": null}");
  // Nothing there, or something there already; a leg of the wrong kind.
  for (const std::string& each :
       {diff('0', "$.x", "04 00"), diff('1', "$.a", "04 00"), diff('2', "$.x"), diff('2', "$.bb[2]"),
        diff('2', "$.a.b"), diff('0', "$[0]", "04 00"), diff('1', "$.bb.x", "04 00"),
        diff('1', "$[0]", "04 00"), diff('2', "$[0]"), diff('1', "$.a.x", "04 00"),
        diff('0', "$.bb[0].x", "04 00"), diff('1', "$.bb[5][0]", "04 00")})
    CHECK(patched(sample, each).starts_with("unknown_reference at 36"));
  for (const char* path : {"", "a", "$.", "$[", "$[]", "$[x]", "$[1", "$.*", "$**.a", "$x", "$.\"a",
                           "$.\"\\x\"", "$.\"\\ud83d\"", "$.\"\\u12\"", "$[last-]x", "$[1 to 2]"})
    CHECK(patched(sample, diff('0', path, "04 00")).starts_with("bad_value at "));
  CHECK(patched(sample, diff('1', "$", "04 00")).starts_with("bad_value"));
  CHECK(patched(sample, diff('2', "$")).starts_with("bad_value"));
  std::string deep = "$";
  for (int i = 0; i < 60; ++i) deep += "[0]";
  CHECK(patched(sample, diff('0', deep, "04 00")).starts_with("unknown_reference"));
  // Errors inside the document, and inside a new value.
  CHECK(patched("02 0100 0700 0c 0800", diff('0', "$[0]", "04 00")) == "bad_value at 6");
  CHECK(patched(sample, diff('0', "$.a", "0d")) == "unknown_tag at 41");
}
