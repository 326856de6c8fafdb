// What the tests of this folder share: documents from a lambda, texts, and the cases of the public test data.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "mongo_wire/bson_writer.hpp"
#include "mongo_wire/extended_json.hpp"
#include "mongo_wire/extended_json_reader.hpp"
#include "tests/pgoutput/codec_case.hpp"

namespace tidewire::mongo_wire::testing {

using pgoutput::testing::bytes;
using pgoutput::testing::check_body_extent;
using pgoutput::testing::check_malformed;
using pgoutput::testing::copy_of;
using pgoutput::testing::hex;
using pgoutput::testing::malformed;

template <class Fill>
bytes document(Fill fill) {
  bytes out;
  bson_writer to(out);
  fill(to);
  auto size = to.finish();
  REQUIRE(size.has_value());
  REQUIRE(*size == out.size());
  return out;
}

/// What Extended JSON, either form, stands for.
inline bytes bson_of(std::string_view text) {
  bytes out;
  auto done = parse_extended_json(text, out);
  CAPTURE(text, done ? "" : done.error().field);
  REQUIRE(done.has_value());
  return out;
}

inline std::string text_of(byte_view document, extended_form form) {
  bytes exact = copy_of(document);
  auto whole = decode_document(exact);
  REQUIRE(whole.has_value());
  json::buffer out;
  auto done = put_extended_json(out, *whole, {form});
  CAPTURE(done ? "" : done.error().field);
  REQUIRE(done.has_value());
  return std::string(out.view());
}

inline std::string relaxed(byte_view document) {
  return text_of(document, extended_form::relaxed);
}
inline std::string canonical(byte_view document) {
  return text_of(document, extended_form::canonical);
}

/// A value of every type.
inline bytes every_type() {
  return document([](bson_writer& to) {
    bytes id = hex("00112233445566778899aabb");
    bytes data = hex("ff00fe");
    to.put_double("double", -1.5);
    to.put_string("string", std::string_view("h\0é", 4));
    to.open_document("document");
    to.put_int32("inner", 1);
    to.close();
    to.open_array("array");
    to.put_bool(item, true);
    to.open_document(item);
    to.close();
    to.put_null(item);
    to.close();
    to.put_binary("binary", {0x80, data});
    to.put_binary("old binary", {binary_old, data});
    to.put_undefined("undefined");
    to.put_object_id("id", id);
    to.put_bool("bool", false);
    to.put_date_time("date", 1'700'000'000'123);
    to.put_null("null");
    to.put_regex("regex", {"^a.*", "im"});
    to.put_db_pointer("pointer", {"db.c", id});
    to.put_code("code", "f;");
    to.put_symbol("symbol", "s");
    to.open_code_w_scope("scoped", "g;");
    to.put_int64("x", 7);
    to.close();
    to.put_int32("int32", -2);
    to.put_timestamp("timestamp", {1'700'000'000, 5});
    to.put_int64("int64", std::int64_t{1} << 60);
    to.put_decimal128("decimal", *parse_decimal128("-12.50"));
    to.put_max_key("max");
    to.put_min_key("min");
  });
}

}  // namespace tidewire::mongo_wire::testing
