#include "mongo_wire/bson_walk.hpp"
#include "tests/mongo_wire/bson_case.hpp"
#include "tests/mongo_wire/rewrite.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

/// Where the elements of the outermost document begin, and its end.
std::vector<std::size_t> boundaries(const bytes& bson) {
  std::vector<std::size_t> at;
  bson_reader reader(*decode_document(bson));
  for (element_view each; reader.next(each);) at.push_back(each.element_offset());
  REQUIRE(reader.ok());
  at.push_back(bson.size() - 1);
  return at;
}

bytes nested(std::uint32_t depth, bool arrays) {
  return document([&](bson_writer& to) {
    for (std::uint32_t i = 1; i < depth; ++i)
      if (arrays)
        to.open_array("a");
      else
        to.open_document("a");
    for (std::uint32_t i = 1; i < depth; ++i) to.close();
  });
}

}  // namespace

TEST_CASE("bson: every type is read as what it is, in place", "[bson]") {
  bytes bson = every_type();
  auto whole = decode_document(bson);
  REQUIRE(whole.has_value());
  auto field = [&](std::string_view name) {
    auto found = find(*whole, name);
    REQUIRE(found.has_value());
    REQUIRE(*found);
    CHECK(found->name == name);
    return *found;
  };
  CHECK(field("double").as_double() == -1.5);
  CHECK(field("string").as_string() == std::string_view("h\0é", 4));
  CHECK(find(*field("document").as_document(), "inner")->as_int32() == 1);
  bson_reader array(*field("array").as_array());
  element_view each;
  REQUIRE(array.next(each));
  CHECK(each.name == "0");
  CHECK(each.as_bool() == true);
  REQUIRE(array.next(each));
  CHECK(each.as_document()->empty());
  REQUIRE(array.next(each));
  CHECK(each.type == bson_type::null);
  CHECK_FALSE(array.next(each));
  CHECK(array.ok());
  CHECK(field("binary").as_binary()->subtype == 0x80);
  CHECK(copy_of(field("binary").as_binary()->data) == hex("ff00fe"));
  CHECK(field("old binary").as_binary()->subtype == binary_old);
  CHECK(copy_of(field("old binary").as_binary()->data) == hex("ff00fe"));
  CHECK(field("undefined").type == bson_type::undefined);
  CHECK(copy_of(*field("id").as_object_id()) == hex("00112233445566778899aabb"));
  CHECK(field("bool").as_bool() == false);
  CHECK(field("date").as_date_time() == 1'700'000'000'123);
  CHECK(field("regex").as_regex()->pattern == "^a.*");
  CHECK(field("regex").as_regex()->options == "im");
  CHECK(field("pointer").as_db_pointer()->ns == "db.c");
  CHECK(copy_of(field("pointer").as_db_pointer()->id) == hex("00112233445566778899aabb"));
  CHECK(field("code").as_code() == "f;");
  CHECK(field("symbol").as_symbol() == "s");
  CHECK(field("scoped").as_scoped_code() == "g;");
  CHECK(find(*field("scoped").scope(), "x")->as_int64() == 7);
  CHECK(field("int32").as_int32() == -2);
  CHECK(field("timestamp").as_timestamp() == bson_timestamp{1'700'000'000, 5});
  CHECK(field("int64").as_int64() == std::int64_t{1} << 60);
  CHECK(load_decimal128(field("decimal").as_decimal128()->data()) == *parse_decimal128("-12.50"));
  CHECK(field("max").type == bson_type::max_key);
  CHECK(field("min").type == bson_type::min_key);
  CHECK(field("string").data() == bson.data() + field("string").offset);
  CHECK_FALSE(*find(*whole, "nobody"));
  auto valid = validate_document(bson);
  REQUIRE(valid.has_value());
  CHECK(rewrite(*valid) == bson);
}

TEST_CASE("bson: a getter for another type gives nothing", "[bson]") {
  bytes bson = every_type();
  bson_reader reader(*decode_document(bson));
  element_view none;
  std::size_t elements = 0;
  auto count = [](const element_view& e) {
    return e.as_double().has_value() + e.as_int32().has_value() + e.as_int64().has_value() +
           e.as_date_time().has_value() + e.as_bool().has_value() + e.as_string().has_value() +
           e.as_symbol().has_value() + e.as_code().has_value() + e.as_document().has_value() +
           e.as_array().has_value() + e.as_object_id().has_value() + e.as_decimal128().has_value() +
           e.as_timestamp().has_value() + e.as_binary().has_value() + e.as_regex().has_value() +
           e.as_db_pointer().has_value() + e.as_scoped_code().has_value();
  };
  for (element_view each; reader.next(each); ++elements) {
    CAPTURE(each.name);
    bool no_value = each.type == bson_type::null || each.type == bson_type::undefined ||
                    each.type == bson_type::max_key || each.type == bson_type::min_key;
    CHECK(count(each) == (no_value ? 0 : 1));
    CHECK(each.scope().has_value() == (each.type == bson_type::code_w_scope));
  }
  CHECK(elements == 22);
  CHECK(count(none) == 0);
  CHECK_FALSE(none.scope().has_value());
}

TEST_CASE("bson: whole numbers and truth come in several types", "[bson]") {
  bytes bson = document([](bson_writer& to) {
    to.put_double("a", 1.0);
    to.put_double("b", 1.5);
    to.put_double("c", std::numeric_limits<double>::quiet_NaN());
    to.put_double("d", 1e300);
    to.put_int32("e", 0);
    to.put_int64("f", -3);
    to.put_bool("g", true);
    to.put_string("h", "1");
  });
  auto whole = decode_document(bson);
  auto field = [&](std::string_view name) { return *find(*whole, name); };
  CHECK(field("a").as_integer() == 1);
  CHECK(field("b").as_integer() == std::nullopt);
  CHECK(field("c").as_integer() == std::nullopt);
  CHECK(field("d").as_integer() == std::nullopt);
  CHECK(field("e").as_integer() == 0);
  CHECK(field("f").as_integer() == -3);
  CHECK(field("g").as_integer() == std::nullopt);
  CHECK(field("h").as_integer() == std::nullopt);
  CHECK(field("a").as_truth() == true);
  CHECK(field("e").as_truth() == false);
  CHECK(field("g").as_truth() == true);
  CHECK(field("h").as_truth() == std::nullopt);
}

TEST_CASE("bson: cut at every byte", "[bson]") {
  bytes bson = every_type();
  for (std::size_t size = 0; size < bson.size(); ++size) {
    CAPTURE(size);
    bytes cut(bson.begin(), bson.begin() + static_cast<std::ptrdiff_t>(size));
    auto refused = validate_document(cut);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == decode_errc::truncated);
    CHECK(refused.error().offset <= size);
  }
  bytes longer = bson;
  longer.push_back(0);
  CHECK(validate_document(longer).error() ==
        decode_error{decode_errc::trailing_bytes, bson.size(), "end of message"});
}

TEST_CASE("bson: cut at every byte, with a length that says so", "[bson]") {
  bytes bson = every_type();
  std::vector<std::size_t> ends = boundaries(bson);
  for (std::size_t size = 4; size + 1 < bson.size(); ++size) {
    CAPTURE(size);
    bytes cut(bson.begin(), bson.begin() + static_cast<std::ptrdiff_t>(size));
    cut.push_back(0);
    store_le(cut.data(), static_cast<std::uint32_t>(cut.size()));
    auto result = validate_document(cut);
    bool at_boundary = std::ranges::find(ends, size) != ends.end();
    REQUIRE(result.has_value() == at_boundary);
    if (!at_boundary) CHECK(result.error().offset <= size);
    bson_reader reader(*decode_document(cut));
    for (element_view each; reader.next(each);) {
    }
    CHECK(reader.ok() == at_boundary);
    if (!at_boundary) CHECK(reader.error() == result.error());
  }
}

TEST_CASE("bson: every byte changed gives an error or another document", "[bson]") {
  bytes bson = every_type();
  for (std::size_t at = 0; at < bson.size(); ++at) {
    for (int value : {0, 1, 2, 0x7f, 0x80, 0xff}) {
      bytes changed = bson;
      changed[at] = static_cast<std::uint8_t>(value);
      CAPTURE(at, value);
      auto result = validate_document(changed);
      if (result) {
        REQUIRE(rewrite(*result) == changed);
      } else {
        REQUIRE(result.error().code != decode_errc::none);
        REQUIRE(result.error().offset <= changed.size());
      }
    }
  }
}

TEST_CASE("bson: malformed documents", "[bson]") {
  using enum decode_errc;
  check_malformed(
      {
          {"", {truncated, 0, "document length"}},
          {"0500", {truncated, 0, "document length"}},
          {"04000000", {bad_length, 0, "document length"}},
          {"00000000 00", {bad_length, 0, "document length"}},
          {"ffffffff 00", {bad_length, 0, "document length"}},
          {"ffffff7f 00", {limit_exceeded, 0, "document length"}},
          {"06000000 00", {truncated, 4, "document"}},
          {"05000000 01", {bad_value, 4, "document end"}},
          {"05000000 00 00", {trailing_bytes, 5, "end of message"}},
          {"07000000 00 00 00", {unknown_tag, 4, "element type"}},
          {"08000000 14 'a' 00 00", {unknown_tag, 4, "element type"}},
          {"08000000 7e 'a' 00 00", {unknown_tag, 4, "element type"}},
          {"08000000 0a 'a' 'b' 00", {unterminated_string, 5, "element name"}},
          {"0a000000 10 'a' 00 0102 00", {truncated, 7, "int"}},
          {"0a000000 08 00 02 0a00 00", {bad_value, 6, "bool"}},
          {"08000000 08 'a' 00 00", {truncated, 7, "bool"}},
          {"0f000000 01 'a' 00 01020304050607 00", {truncated, 7, "double"}},
          {"12000000 07 'a' 00 0102030405060708090a 00", {truncated, 7, "objectId"}},
          // Strings: no length, 0, negative, longer than the document, without NUL.
          {"0b000000 02 'a' 00 010000 00", {truncated, 7, "string length"}},
          {"0d000000 02 'a' 00 00000000 00 00", {bad_length, 7, "string length"}},
          {"0d000000 02 'a' 00 ffffffff 00 00", {bad_length, 7, "string length"}},
          {"0d000000 02 'a' 00 02000000 00 00", {bad_length, 7, "string length"}},
          {"0e000000 02 'a' 00 02000000 00 01 00", {unterminated_string, 12, "string end"}},
          {"0d000000 0e 'a' 00 02000000 00 00", {bad_length, 7, "string length"}},
          {"0d000000 0d 'a' 00 02000000 00 00", {bad_length, 7, "string length"}},
          // Documents inside: too short, beyond the parent, without their zero.
          {"0d000000 03 'a' 00 04000000 00 00", {bad_length, 7, "document length"}},
          {"0d000000 03 'a' 00 06000000 00 00", {bad_length, 7, "document length"}},
          {"0d000000 04 'a' 00 05000000 01 00", {bad_value, 11, "document end"}},
          {"15000000 03 'a' 00 0d000000 02 'b' 00 02000000 00 00 00", {bad_length, 14, "string length"}},
          {"10000000 03 'a' 00 08000000 15 'b' 00 00 00", {unknown_tag, 11, "element type"}},
          // Binary: no subtype, negative, too long, subtype 2 with another length inside.
          {"0c000000 05 'a' 00 00000000 00", {bad_length, 7, "binary length"}},
          {"0d000000 05 'a' 00 ffffffff 00 00", {bad_length, 7, "binary length"}},
          {"0e000000 05 'a' 00 02000000 00 01 00", {bad_length, 7, "binary length"}},
          {"0e000000 05 'a' 00 01000000 02 01 00", {truncated, 12, "old binary length"}},
          {"12000000 05 'a' 00 05000000 02 02000000 'b' 00", {bad_length, 12, "old binary length"}},
          {"11000000 05 'a' 00 04000000 02 ffffffff 00", {bad_length, 12, "old binary length"}},
          // Regular expressions and pointers.
          {"0a000000 0b 'a' 00 'bc' 00", {unterminated_string, 7, "regex pattern"}},
          {"0b000000 0b 'a' 00 'b' 00 'i' 00", {unterminated_string, 9, "regex options"}},
          {"17000000 0c 'a' 00 01000000 00 0102030405060708090a 00", {truncated, 12, "dbPointer id"}},
          {"14000000 0c 'a' 00 09000000 00 01020304050607 00", {bad_length, 7, "dbPointer length"}},
          {"16000000 0c 'a' 00 02000000 0001 0102030405060708 00",
           {unterminated_string, 12, "dbPointer end"}},
          // Code with scope: its total too short, too long, not the sum of its parts.
          {"16000000 0f 'a' 00 0d000000 01000000 00 05000000 00 00",
           {bad_length, 7, "code with scope length"}},
          {"16000000 0f 'a' 00 0f000000 01000000 00 05000000 00 00",
           {bad_length, 7, "code with scope length"}},
          {"17000000 0f 'a' 00 0f000000 01000000 00 05000000 00 00 00",
           {bad_length, 7, "code with scope length"}},
          {"16000000 0f 'a' 00 0e000000 02000000 00 05000000 00 00", {unterminated_string, 16, "code end"}},
          {"16000000 0f 'a' 00 0e000000 01000000 00 04000000 00 00", {bad_length, 16, "document length"}},
          {"1a000000 0f 'a' 00 12000000 01000000 00 09000000 10 'b' 00 01 00 00", {truncated, 23, "int"}},
          // Not UTF-8: a name, a string (where in it), a regular expression, a pointer, code.
          {"08000000 0a ff 00 00", {bad_value, 5, "element name"}},
          {"0f000000 02 'a' 00 03000000 'b' c3 00 00", {bad_value, 12, "string"}},
          {"0e000000 0e 'a' 00 02000000 ff 00 00", {bad_value, 11, "string"}},
          {"0b000000 0b 'a' 00 80 00 00 00", {bad_value, 7, "regex"}},
          {"1a000000 0c 'a' 00 02000000 80 00 0102030405060708090a0b0c 00", {bad_value, 11, "dbPointer"}},
          {"17000000 0f 'a' 00 0f000000 02000000 80 00 05000000 00 00", {bad_value, 15, "code"}},
      },
      [](const bytes& body) { return validate_document(body); });
}

TEST_CASE("bson: legal oddities", "[bson]") {
  struct {
    const char* bson;
    const char* json;
  } cases[] = {
      {"17000000 10 'foo' 00 01000000 10 'foo' 00 02000000 00", R"({"foo":1,"foo":2})"},
      {"14000000 04 'a' 00 0c000000 10 'x' 00 01000000 00 00", R"({"a":[1]})"},
      {"0e000000 10 00 01000000 08 00 01 00", R"({"":1,"":true})"},
      {"0f000000 02 'a' 00 03000000 'b' 00 00 00", R"({"a":"b\u0000"})"},
      {"09000000 0a c3a9 00 00", R"({"é":null})"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.json);
    bytes bson = hex(each.bson);
    auto whole = validate_document(bson);
    REQUIRE(whole.has_value());
    CHECK(relaxed(bson) == each.json);
    CHECK(rewrite(*whole) == bson);
  }
  bytes twice = hex(cases[0].bson);
  CHECK(find(*decode_document(twice), "foo")->as_int32() == 1);
}

TEST_CASE("bson: depth is limited where it is set", "[bson]") {
  for (bool arrays : {false, true}) {
    for (std::uint32_t depth : {1u, 2u, 99u, 100u, 199u, 200u}) {
      bytes bson = nested(depth, arrays);
      CAPTURE(depth, arrays);
      CHECK(validate_document(bson, {.max_depth = depth}).has_value());
      CHECK(validate_document(bson).has_value());
      if (depth == 1) continue;
      auto refused = validate_document(bson, {.max_depth = depth - 1});
      REQUIRE(!refused.has_value());
      CHECK(refused.error().code == decode_errc::limit_exceeded);
      CHECK(refused.error().offset == 7 * (depth - 1));
    }
  }
  // Deeper than the writer goes: 10,000 levels around an empty document.
  bytes deep = hex("05000000 00");
  for (int i = 0; i < 10'000; ++i) {
    bytes around = hex("00000000 03 'a' 00");
    around.insert(around.end(), deep.begin(), deep.end());
    around.push_back(0);
    store_le(around.data(), static_cast<std::uint32_t>(around.size()));
    deep = std::move(around);
  }
  CHECK(validate_document(deep).error() ==
        decode_error{decode_errc::limit_exceeded, 7 * 200, "document depth"});
  CHECK(validate_document(deep, {.max_depth = 1'000'000}).error() ==
        decode_error{decode_errc::limit_exceeded, 7 * depth_ceiling, "document depth"});
}

TEST_CASE("bson: UTF-8 can be left unchecked", "[bson]") {
  bytes bson = hex("0e000000 02 'a' 00 02000000 ff 00 00");
  CHECK_FALSE(validate_document(bson).has_value());
  CHECK(validate_document(bson, {.utf8 = false}).has_value());
}

TEST_CASE("bson: a lookup meets the fault that lies before it, not the one after", "[bson]") {
  bytes bson = hex("12000000 10 'a' 00 01000000 08 'b' 00 02 00");
  bson[0] = static_cast<std::uint8_t>(bson.size());
  auto whole = decode_document(bson);
  REQUIRE(whole.has_value());
  CHECK(find(*whole, "a")->as_int32() == 1);
  CHECK(find(*whole, "b").error() == decode_error{decode_errc::bad_value, 14, "bool"});
  CHECK(find(*whole, "c").error() == decode_error{decode_errc::bad_value, 14, "bool"});
  CHECK_FALSE(*find(bson_view{}, "a"));
}
