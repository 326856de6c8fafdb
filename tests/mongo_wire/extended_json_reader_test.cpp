#include "mongo_wire/extended_json_reader.hpp"

#include "mongo_wire/bson_walk.hpp"
#include "mongo_wire/type_wrapper.hpp"
#include "tests/mongo_wire/bson_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

decode_error fault_of(std::string_view text, std::uint32_t max_depth = default_max_depth) {
  bytes out = hex("aa");
  auto done = parse_extended_json(text, out, max_depth);
  CAPTURE(text);
  REQUIRE(!done.has_value());
  CHECK(out == hex("aa"));
  CHECK(done.error().offset <= text.size());
  return done.error();
}

std::string again(std::string_view text) {
  return canonical(bson_of(text));
}

}  // namespace

TEST_CASE("extended json reader: JSON as such", "[bson]") {
  CHECK(bson_of("{}") == hex("05000000 00"));
  CHECK(again(" { \"a\" :\t[ ] ,\r\n\"b\" : { } } ") == R"({"a":[],"b":{}})");
  CHECK(again(R"({"":null,"a":true,"a":false})") == R"({"":null,"a":true,"a":false})");
  CHECK(again(R"({"s":"\"\\\/\b\f\n\r\t\u0041\u00e9\u6f22\ud83d\ude00\u0000"})") ==
        "{\"s\":\"\\\"\\\\/\\b\\f\\n\\r\\tAé漢😀\\u0000\"}");
  CHECK(again(R"({"\u00e9":[[],[[1]],{}]})") == R"({"é":[[],[[{"$numberInt":"1"}]],{}]})");
}

TEST_CASE("extended json reader: plain numbers have the smallest type that holds them", "[bson]") {
  CHECK(again(R"({"a":[0,-0,7,-2147483648,2147483647,2147483648,-2147483649]})") ==
        R"({"a":[{"$numberInt":"0"},{"$numberInt":"0"},{"$numberInt":"7"},{"$numberInt":"-2147483648"},)"
        R"({"$numberInt":"2147483647"},{"$numberLong":"2147483648"},{"$numberLong":"-2147483649"}]})");
  CHECK(again(R"({"a":[9223372036854775807,-9223372036854775808,9223372036854775808,)"
              R"(0.0,-0.0,1.5e3,1E2,1e-2]})") ==
        R"({"a":[{"$numberLong":"9223372036854775807"},{"$numberLong":"-9223372036854775808"},)"
        R"({"$numberDouble":"9.223372036854776E+18"},{"$numberDouble":"0.0"},{"$numberDouble":"-0.0"},)"
        R"({"$numberDouble":"1500.0"},{"$numberDouble":"100.0"},{"$numberDouble":"0.01"}]})");
}

TEST_CASE("extended json reader: wrappers in any order of keys", "[bson]") {
  struct {
    const char* text;
    const char* canonical;
  } cases[] = {
      {R"({"$scope":{"x":1},"$code":"f"})", R"({"$code":"f","$scope":{"x":{"$numberInt":"1"}}})"},
      {R"({"$timestamp":{"i":2,"t":1}})", R"({"$timestamp":{"t":1,"i":2}})"},
      {R"({"$timestamp":{"t":4294967295,"i":0}})", R"({"$timestamp":{"t":4294967295,"i":0}})"},
      {R"({"$binary":{"subType":"0","base64":"AA=="}})", R"({"$binary":{"base64":"AA==","subType":"00"}})"},
      {R"({"$binary":{"base64":"","subType":"fF"}})", R"({"$binary":{"base64":"","subType":"ff"}})"},
      {R"({"$uuid":"73FFD264-44b3-4c69-90e8-e7d1dfc035d4"})",
       R"({"$binary":{"base64":"c//SZESzTGmQ6OfR38A11A==","subType":"04"}})"},
      {R"({"$regularExpression":{"options":"mix","pattern":"a"}})",
       R"({"$regularExpression":{"pattern":"a","options":"imx"}})"},
      {R"({"$dbPointer":{"$id":{"$oid":"56e1fc72e0c917e9c4714161"},"$ref":"b"}})",
       R"({"$dbPointer":{"$ref":"b","$id":{"$oid":"56e1fc72e0c917e9c4714161"}}})"},
      {R"({"$oid":"56E1FC72E0C917E9C4714161"})", R"({"$oid":"56e1fc72e0c917e9c4714161"})"},
      {R"({"$date":"1970-01-01T00:00:00Z"})", R"({"$date":{"$numberLong":"0"}})"},
      {R"({"$date":"1970-01-01T01:00:00.12+01:00"})", R"({"$date":{"$numberLong":"120"}})"},
      {R"({"$date":"1969-12-31T23:59:59.999Z"})", R"({"$date":{"$numberLong":"-1"}})"},
      {R"({"$numberDouble":"NaN"})", R"({"$numberDouble":"NaN"})"},
      {R"({"$numberDouble":"1e3"})", R"({"$numberDouble":"1000.0"})"},
      {R"({"$numberDecimal":"1e3"})", R"({"$numberDecimal":"1E+3"})"},
      {R"({"$minKey":1})", R"({"$minKey":1})"},
      {R"({"$undefined":true})", R"({"$undefined":true})"},
      // No wrappers: unknown keys, conventions, and what only looks like one.
      {R"({"$ref":"c"})", R"({"$ref":"c"})"},
      {R"({"$ref":"c","$id":1,"$db":"d","x":2})",
       R"({"$ref":"c","$id":{"$numberInt":"1"},"$db":"d","x":{"$numberInt":"2"}})"},
      {R"({"$regex":"a","$options":"i"})", R"({"$regex":"a","$options":"i"})"},
      {R"({"$":1,"$a":2,"oid":3})",
       R"({"$":{"$numberInt":"1"},"$a":{"$numberInt":"2"},"oid":{"$numberInt":"3"}})"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.text);
    std::string text = each.text, canonical_text = each.canonical;
    CHECK(again("{\"x\":" + text + "}") == "{\"x\":" + canonical_text + "}");
    CHECK(again("{\"x\":[" + text + "]}") == "{\"x\":[" + canonical_text + "]}");
  }
  // Outermost, an object is a document whatever its keys are.
  CHECK(again(R"({"$numberInt":"1"})") == R"({"$numberInt":"1"})");
}

TEST_CASE("extended json reader: wrappers that are wrong", "[bson]") {
  for (const char* bad : {
           R"({"$oid":"56e1fc72e0c917e9c471416"})",
           R"({"$oid":"56e1fc72e0c917e9c471416g"})",
           R"({"$oid":1})",
           R"({"$oid":"56e1fc72e0c917e9c4714161","x":1})",
           R"({"x":1,"$oid":"56e1fc72e0c917e9c4714161"})",
           R"({"$oid":"56e1fc72e0c917e9c4714161","$oid":"56e1fc72e0c917e9c4714161"})",
           R"({"$symbol":1})",
           R"({"$numberInt":"2147483648"})",
           R"({"$numberInt":"1.0"})",
           R"({"$numberInt":""})",
           R"({"$numberInt":" 1"})",
           R"({"$numberInt":"+1"})",
           R"({"$numberInt":{"$numberInt":"1"}})",
           R"({"$numberLong":"9223372036854775808"})",
           R"({"$numberLong":"1x"})",
           R"({"$numberDouble":"inf"})",
           R"({"$numberDouble":"0x1p3"})",
           R"({"$numberDouble":"1e999"})",
           R"({"$numberDouble":""})",
           R"({"$numberDecimal":"1e9999"})",
           R"({"$numberDecimal":"x"})",
           R"({"$binary":"AA=="})",
           R"({"$binary":{"base64":"AA=="}})",
           R"({"$binary":{"base64":"AA","subType":"00"}})",
           R"({"$binary":{"base64":"AA==","subType":""}})",
           R"({"$binary":{"base64":"AA==","subType":"000"}})",
           R"({"$binary":{"base64":"AA==","subType":"x"}})",
           R"({"$binary":{"base64":"AA==","subType":"00","x":1}})",
           R"({"$binary":{"base64":"AA==","base64":"AA==","subType":"00"}})",
           R"({"$uuid":"73ffd26444b34c6990e8e7d1dfc035d4"})",
           R"({"$uuid":"73ffd264-44b3-4c69-90e8-e7d1dfc035dg"})",
           R"({"$code":1})",
           R"({"$scope":{}})",
           R"({"$code":"","$scope":[]})",
           R"({"$code":"","$scope":{"$numberInt":"1"}})",
           R"({"$timestamp":{"t":-1,"i":0}})",
           R"({"$timestamp":{"t":4294967296,"i":0}})",
           R"({"$timestamp":{"t":1.0,"i":0}})",
           R"({"$timestamp":{"t":{"$numberInt":"1"},"i":0}})",
           R"({"$timestamp":{"t":1}})",
           R"({"$regularExpression":{"pattern":"a","options":"\u0000"}})",
           R"({"$regularExpression":{"pattern":"\u0000","options":""}})",
           R"({"$regularExpression":"a"})",
           R"({"$dbPointer":{"$ref":"a","$id":"56e1fc72e0c917e9c4714161"}})",
           R"({"$dbPointer":"a"})",
           R"({"$date":1})",
           R"({"$date":1356351330501})",
           R"({"$date":{"$numberInt":"1"}})",
           R"({"$date":"1970"})",
           R"({"$date":"1970-01-01"})",
           R"({"$date":"1970-01-01T00:00:00"})",
           R"({"$date":"1970-13-01T00:00:00Z"})",
           R"({"$date":"1970-02-29T00:00:00Z"})",
           R"({"$date":"1970-01-01T24:00:00Z"})",
           R"({"$date":"1970-01-01T00:00:00.Z"})",
           R"({"$date":"1970-01-01T00:00:00.1234Z"})",
           R"({"$date":"1970-01-01T00:00:00+1:00"})",
           R"({"$minKey":2})",
           R"({"$minKey":{"$numberInt":"1"}})",
           R"({"$maxKey":true})",
           R"({"$undefined":false})",
           R"({"$undefined":1})",
       }) {
    CAPTURE(bad);
    std::string text = "{\"x\":" + std::string(bad) + "}";
    decode_error fault = fault_of(text);
    CHECK(fault.code == decode_errc::bad_value);
    CHECK(fault.field[0] == '$');
    CHECK(fault.offset >= 5);
  }
  CHECK(fault_of(R"({"a": {"$numberInt":"1","b":2}})") ==
        decode_error{decode_errc::bad_value, 6, "$numberInt"});
}

TEST_CASE("extended json reader: text that is not JSON", "[bson]") {
  using enum decode_errc;
  struct {
    const char* text;
    decode_error error;
  } cases[] = {
      {"", {truncated, 0, "JSON object"}},
      {"  ", {truncated, 2, "JSON object"}},
      {"[]", {bad_value, 0, "JSON object"}},
      {"{} {}", {trailing_bytes, 3, "JSON text"}},
      {"{\"a\":1,}", {bad_value, 7, "JSON string"}},
      {"{,\"a\":1}", {bad_value, 1, "JSON string"}},
      {"{\"a\":1 \"b\":2}", {bad_value, 7, "JSON punctuation"}},
      {"{\"a\" 1}", {bad_value, 5, "JSON punctuation"}},
      {"{\"a\":[1,]}", {bad_value, 8, "JSON value"}},
      {"{\"a\":[1}", {bad_value, 7, "JSON punctuation"}},
      {"{a:1}", {bad_value, 1, "JSON string"}},
      {"{\"a\":nul}", {bad_value, 5, "JSON value"}},
      {"{\"a\":01}", {bad_value, 5, "JSON number"}},
      {"{\"a\":+1}", {bad_value, 5, "JSON number"}},
      {"{\"a\":1e999}", {limit_exceeded, 5, "JSON number"}},
      {"{\"a\":NaN}", {bad_value, 5, "JSON value"}},
      {"{\"a\":\"\n\"}", {bad_value, 6, "JSON string"}},
      {"{\"a\":\"\\x\"}", {bad_value, 7, "JSON escape"}},
      {"{\"a\":\"\\u12g4\"}", {bad_value, 8, "JSON escape"}},
      {"{\"a\":\"\\ud800\"}", {bad_value, 6, "JSON escape"}},
      {"{\"a\":\"\\udc00\\ud800\"}", {bad_value, 6, "JSON escape"}},
      {"{\"a\":\"\\ud800\\u0041\"}", {bad_value, 6, "JSON escape"}},
      {"{\"a\\u0000\":1}", {bad_value, 1, "element name"}},
      {"{\"a\":\"\xff\"}", {bad_value, 6, "JSON text"}},
  };
  for (const auto& each : cases) {
    CAPTURE(each.text);
    decode_error fault = fault_of(each.text);
    CAPTURE(to_string(fault.code), fault.offset, fault.field);
    CHECK(fault == each.error);
  }
  std::string whole = canonical(every_type());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    bytes out;
    CHECK_FALSE(parse_extended_json(std::string_view(whole).substr(0, size), out).has_value());
  }
}

TEST_CASE("extended json reader: depth", "[bson]") {
  auto nest = [](std::size_t depth, std::string_view innermost) {
    std::string text;
    for (std::size_t i = 1; i < depth; ++i) text += "{\"a\":";
    text += innermost;
    return text.append(depth - 1, '}');
  };
  bytes deep = bson_of(nest(200, "{}"));
  CHECK(validate_document(deep).has_value());
  CHECK(bson_of(canonical(deep)) == deep);
  CHECK(fault_of(nest(201, "{}")).code == decode_errc::limit_exceeded);
  // The wrappers around a value in the deepest document do not count.
  std::string pointer = R"({"a":{"$dbPointer":{"$ref":"b","$id":{"$oid":"56e1fc72e0c917e9c4714161"}}}})";
  bytes wrapped = bson_of(nest(200, pointer));
  CHECK(validate_document(wrapped).has_value());
  CHECK(canonical(wrapped) == nest(200, pointer));
  // Scopes do.
  std::string scopes = "{}";
  for (int i = 1; i < 200; ++i) scopes = R"({"a":{"$code":"","$scope":)" + scopes + "}}";
  CHECK(validate_document(bson_of(scopes)).has_value());
  CHECK(canonical(bson_of(scopes)) == scopes);
  CHECK(fault_of(R"({"a":{"$code":"","$scope":)" + scopes + "}}").code == decode_errc::limit_exceeded);
  CHECK(fault_of(nest(100'000, "{}")).code == decode_errc::limit_exceeded);
  CHECK(fault_of(std::string(100'000, '[').insert(0, "{\"a\":")).code == decode_errc::limit_exceeded);
  std::string dates;
  for (int i = 0; i < 100'000; ++i) dates += R"({"$date":)";
  CHECK(fault_of("{\"a\":" + dates).code == decode_errc::limit_exceeded);
  CHECK(fault_of(nest(3, "{}"), 2).code == decode_errc::limit_exceeded);
}
