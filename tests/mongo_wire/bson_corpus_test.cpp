// The drivers' specification cases for BSON and Extended JSON, and documents that other libraries test with.
#include "mongo_wire/bson_walk.hpp"
#include "tests/mongo_wire/bson_case.hpp"
#include "tests/mongo_wire/rewrite.hpp"
#include "tests/mongo_wire/vectors.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

using object = nlohmann::json;

std::string text_in(const object& of, const char* key) {
  return of.contains(key) ? of[key].get<std::string>() : "";
}

/// To BSON, or nothing.
bytes read_json(const std::string& text) {
  bytes out;
  if (!parse_extended_json(text, out)) out.clear();
  return out;
}

void check_valid(const object& of) {
  CAPTURE(of["description"].get<std::string>());
  bytes bson = hex(of["canonical_bson"].get<std::string>());
  std::string canonical_text = of["canonical_extjson"], relaxed_text = text_in(of, "relaxed_extjson");
  bool lossy = of.value("lossy", false);

  auto valid = validate_document(bson);
  REQUIRE(valid.has_value());
  CHECK(rewrite(*valid) == bson);
  CHECK(spelled(canonical(bson)) == spelled(canonical_text));
  if (!relaxed_text.empty()) {
    CHECK(spelled(relaxed(bson)) == spelled(relaxed_text));
    CHECK(spelled(relaxed(bson_of(relaxed_text))) == spelled(relaxed_text));
  }
  if (!lossy) CHECK(read_json(canonical_text) == bson);

  if (of.contains("degenerate_bson")) {
    bytes degenerate = hex(of["degenerate_bson"].get<std::string>());
    auto parseable = validate_document(degenerate);
    REQUIRE(parseable.has_value());
    CHECK(rewrite(*parseable) == degenerate);
    CHECK(spelled(canonical(degenerate)) == spelled(canonical_text));
    if (!relaxed_text.empty()) CHECK(spelled(relaxed(degenerate)) == spelled(relaxed_text));
  }
  if (of.contains("degenerate_extjson") && !lossy) CHECK(read_json(of["degenerate_extjson"]) == bson);
  if (of.contains("converted_bson")) {
    bytes converted = hex(of["converted_bson"].get<std::string>());
    CHECK(spelled(canonical(converted)) == spelled(of["converted_extjson"].get<std::string>()));
    CHECK(read_json(of["converted_extjson"]) == converted);
  }
}

void check_decode_error(const object& of) {
  CAPTURE(of["description"].get<std::string>());
  bytes bson = hex(of["bson"].get<std::string>());
  auto refused = validate_document(bson);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code != decode_errc::none);
  CHECK(refused.error().offset <= bson.size());
  auto document = decode_document(bson);
  if (!document) return;
  tidewire::json::buffer out;
  auto written = put_extended_json(out, *document);
  REQUIRE(!written.has_value());
  CHECK(out.size() == 0);
}

void check_parse_error(const object& of, const std::string& type) {
  CAPTURE(of["description"].get<std::string>(), of["string"].get<std::string>());
  std::string text = of["string"];
  if (type == "0x13") {
    CHECK(!parse_decimal128(text).has_value());
    return;
  }
  bytes out = hex("01 02");
  auto refused = parse_extended_json(text, out);
  REQUIRE(!refused.has_value());
  CHECK(*refused.error().field != 0);
  CHECK(refused.error().offset <= text.size());
  CHECK(out == hex("01 02"));
  CHECK(!spelled(text).empty());  // it is the wrapper that is wrong, not the JSON
}

std::size_t check_corpus(const fs::path& folder) {
  std::size_t cases = 0;
  for (const fs::path& file : files_in(folder, ".json")) {
    CAPTURE(file.filename().string());
    object corpus = object::parse(read_text(file));
    std::string type = corpus["bson_type"];
    for (const object& each : corpus.value("valid", object::array())) check_valid(each), ++cases;
    for (const object& each : corpus.value("decodeErrors", object::array()))
      check_decode_error(each), ++cases;
    for (const object& each : corpus.value("parseErrors", object::array()))
      check_parse_error(each, type), ++cases;
  }
  return cases;
}

}  // namespace

TEST_CASE("the specification's BSON corpus", "[bson]") {
  CHECK(check_corpus(vectors("bson-corpus")) > 450);
}

TEST_CASE("libbson's copy of the BSON corpus", "[bson]") {
  CHECK(check_corpus(vectors("libbson-json/bson_corpus")) > 300);
}

TEST_CASE("binary vectors of the specification", "[bson]") {
  std::size_t decoded_cases = 0;
  std::vector<fs::path> files = files_in(vectors("bson-binary-vector"), ".json");
  for (const fs::path& more : files_in(vectors("libbson-json/bson_binary_vector"), ".json"))
    files.push_back(more);
  for (const fs::path& file : files) {
    object suite = object::parse(read_text(file));
    std::string key = suite["test_key"];
    for (const object& each : suite["tests"]) {
      CAPTURE(file.filename().string(), each["description"].get<std::string>());
      auto type = static_cast<vector_type>(std::stoi(each["dtype_hex"].get<std::string>(), nullptr, 16));
      bool valid = each["valid"];
      if (!each.contains("canonical_bson")) continue;  // numbers that an element of this type cannot be
      bytes bson = hex(each["canonical_bson"].get<std::string>());
      auto whole = validate_document(bson);
      REQUIRE(whole.has_value());
      auto field = find(*whole, key);
      REQUIRE(field.has_value());
      auto binary = field->as_binary();
      REQUIRE(binary.has_value());
      REQUIRE(binary->subtype == binary_vector);
      auto vector = decode_vector(binary->data);
      CHECK(vector.has_value() == valid);
      ++decoded_cases;
      if (!vector || !valid) continue;
      CHECK(vector->type == type);
      CHECK(vector->padding == each["padding"].get<int>());
      REQUIRE(vector->size() == each["vector"].size());
      for (std::size_t i = 0; i < vector->size(); ++i) {
        const object& expected = each["vector"][i];
        if (type == vector_type::int8)
          CHECK(vector->int8_at(i) == expected.get<int>());
        else if (type == vector_type::packed_bit)
          CHECK(vector->bit_at(i) == (expected.get<int>() != 0));
        else
          CHECK(vector->float32_at(i) == expected.get<float>());
      }
      CHECK(document([&](bson_writer& to) { to.put_vector(key, *vector); }) == bson);
    }
  }
  CHECK(decoded_cases >= 6);
}

TEST_CASE("libbson's good and corrupt files", "[bson]") {
  const std::vector<std::string> corrupt = {
      "test40.bson", "test43.bson", "test44.bson",    "test45.bson",    "test47.bson",
      "test48.bson", "test52.bson", "test53.bson",    "test55.bson",    "test57.bson",
      "test59.bson", "test60.bson", "overflow1.bson", "overflow4.bson", "stream_corrupt.bson"};
  for (const fs::path& file : files_in(vectors("libbson-binary"), ".bson")) {
    CAPTURE(file.filename().string());
    bytes bson = read_bytes(file);
    auto valid = validate_document(bson);
    bool good = std::ranges::find(corrupt, file.filename().string()) == corrupt.end();
    CAPTURE(valid ? "" : valid.error().field);
    REQUIRE(valid.has_value() == good);
    if (!good) continue;
    CHECK(rewrite(*valid) == bson);
    CHECK(bson_of(canonical(bson)) == bson);
    CHECK(!spelled(relaxed(bson)).empty());
  }
}

TEST_CASE("a stream of documents whose last is cut off", "[bson]") {
  bytes stream = read_bytes(vectors("libbson-binary") / "stream_corrupt.bson");
  byte_view left = stream;
  std::size_t good = 0;
  while (left.size() >= 5 && validate_document(left.first(5))) left = left.subspan(5), ++good;
  CHECK(good == 1000);
  REQUIRE(!left.empty());
  CHECK(!validate_document(left).has_value());
}

TEST_CASE("what fuzzers of other libraries kept", "[bson]") {
  for (const fs::path& file : files_in(vectors("go-fuzz"), ".bson")) {
    CAPTURE(file.filename().string());
    bytes bson = read_bytes(file);
    auto valid = validate_document(bson);
    if (valid)
      CHECK(rewrite(*valid) == bson);
    else
      CHECK(valid.error().code != decode_errc::none);
  }
}

TEST_CASE("documents of another library's benchmark, as Extended JSON", "[bson]") {
  for (const fs::path& file : files_in(vectors("js-bson-bench-docs"), ".json")) {
    CAPTURE(file.filename().string());
    std::string text = read_text(file);
    bytes bson = bson_of(text);
    auto valid = validate_document(bson);
    REQUIRE(valid.has_value());
    CHECK(rewrite(*valid) == bson);
    CHECK(bson_of(canonical(bson)) == bson);
    // The files mix both forms, and read a date's milliseconds into {"$numberLong":…}.
    CHECK(!spelled(relaxed(bson)).empty());
  }
}
