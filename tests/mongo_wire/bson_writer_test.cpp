#include "mongo_wire/bson_walk.hpp"
#include "tests/mongo_wire/bson_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

template <class Fill>
decode_error fault_of(Fill fill) {
  bytes out;
  bson_writer to(out);
  fill(to);
  auto done = to.finish();
  REQUIRE(!done.has_value());
  CHECK_FALSE(to.ok());
  return done.error();
}

}  // namespace

TEST_CASE("bson writer: bytes as the specification prints them", "[bson]") {
  CHECK(document([](bson_writer&) {}) == hex("05000000 00"));
  CHECK(document([](bson_writer& to) { to.put_string("hello", "world"); }) ==
        hex("16000000 02 'hello' 00 06000000 'world' 00 00"));
  bytes awesome = document([](bson_writer& to) {
    to.open_array("BSON");
    to.put_string(item, "awesome");
    to.put_double(item, 5.05);
    to.put_int32(item, 1986);
    to.close();
  });
  CHECK(awesome == hex("31000000 04 'BSON' 00 26000000 02 '0' 00 08000000 'awesome' 00"
                       "01 '1' 00 3333333333331440 10 '2' 00 c2070000 00 00"));
}

TEST_CASE("bson writer: a document behind what is there already", "[bson]") {
  bytes out = hex("aabb");
  bson_writer to(out);
  to.open_document("a");
  to.open_code_w_scope("b", "c");
  to.put_null("d");
  to.close();
  to.close();
  decoded<std::size_t> size = to.finish();
  REQUIRE(size == decoded<std::size_t>(out.size() - 2));
  bytes document(out.begin() + 2, out.end());
  CHECK(validate_document(document).has_value());
  CHECK(relaxed(document) == R"({"a":{"b":{"$code":"c","$scope":{"d":null}}}})");
}

TEST_CASE("bson writer: array elements are numbered, or have the name that they are given", "[bson]") {
  bytes out = document([](bson_writer& to) {
    to.open_array("a");
    for (int i = 0; i < 12; ++i) to.put_null(item);
    to.open_array(item);
    to.put_null(item);
    to.close();
    to.put_null("x");
    to.put_null("");
    to.put_null(item);
    to.close();
    to.put_null(item);
  });
  std::string names;
  auto whole = decode_document(out);
  bson_reader array(*find(*whole, "a")->as_array());
  for (element_view each; array.next(each);) names += std::string(each.name) + ",";
  CHECK(names == "0,1,2,3,4,5,6,7,8,9,10,11,12,x,,13,");
  CHECK(find(*whole, "")->type == bson_type::null);
}

TEST_CASE("bson writer: values and documents as they are", "[bson]") {
  bytes inner = document([](bson_writer& to) { to.put_int32("x", 1); });
  bytes whole = every_type();
  bytes out = document([&](bson_writer& to) {
    to.put_document("a", inner);
    bson_reader reader(*decode_document(whole));
    for (element_view each; reader.next(each);) to.put_element(each.name, each);
  });
  CHECK(validate_document(out).has_value());
  std::string all = canonical(whole);
  CHECK(canonical(out) == R"({"a":{"x":{"$numberInt":"1"}},)" + all.substr(1));
}

TEST_CASE("bson writer: what it refuses", "[bson]") {
  std::string_view zero("a\0b", 3);
  CHECK(fault_of([&](bson_writer& to) { to.put_null(zero); }).field == std::string("element name"));
  CHECK(fault_of([&](bson_writer& to) { to.open_document(zero), to.close(); }).code ==
        decode_errc::bad_value);
  CHECK(fault_of([&](bson_writer& to) { to.put_regex("r", {zero, ""}); }).field ==
        std::string("regex pattern"));
  CHECK(fault_of([&](bson_writer& to) { to.put_regex("r", {"", zero}); }).field ==
        std::string("regex options"));
  CHECK(fault_of([&](bson_writer& to) { to.put_object_id("i", hex("01")); }).code == decode_errc::bad_length);
  CHECK(fault_of([](bson_writer& to) { to.open_document("a"); }).code == decode_errc::bad_state);
  CHECK(fault_of([](bson_writer& to) { to.close(); }).code == decode_errc::bad_state);
  CHECK(fault_of([](bson_writer& to) { to.put_vector("v", {vector_type::int8, 3, {}}); }).code ==
        decode_errc::bad_value);
  auto deep = [](int depth) {
    return [depth](bson_writer& to) {
      for (int i = 1; i < depth; ++i) to.open_array(item);
      for (int i = 1; i < depth; ++i) to.close();
    };
  };
  CHECK(validate_document(document(deep(200))).has_value());
  CHECK(fault_of(deep(201)).code == decode_errc::limit_exceeded);
  CHECK(fault_of(deep(5000)).field == std::string("document depth"));
}

TEST_CASE("bson writer: too large a document", "[bson]") {
  std::string large(max_document_bytes - 12, 'x');
  CHECK(fault_of([&](bson_writer& to) {
          to.put_string("a", large);
          to.put_string("b", large);
        }).field == std::string("document length"));
}

TEST_CASE("binary vectors: what is one", "[bson]") {
  struct {
    const char* bytes;
    bool good;
    std::size_t size;
  } cases[] = {
      {"", false, 0},
      {"03", false, 0},
      {"0300", true, 0},
      {"0300 7f80", true, 2},
      {"0301 7f", false, 0},
      {"2700", true, 0},
      {"2700 0000fe42", true, 1},
      {"2700 0000fe", false, 0},
      {"2701 0000fe42", false, 0},
      {"1000", true, 0},
      {"1001", false, 0},
      {"1000 ff", true, 8},
      {"1004 eee0", true, 12},
      {"1004 eee1", false, 0},
      {"1007 80", true, 1},
      {"1008 00", false, 0},
      {"0400 00", false, 0},
  };
  for (const auto& each : cases) {
    CAPTURE(each.bytes);
    bytes data = hex(each.bytes);
    auto vector = decode_vector(data);
    REQUIRE(vector.has_value() == each.good);
    if (!vector) continue;
    CHECK(vector->size() == each.size);
    bytes out = document([&](bson_writer& to) { to.put_vector("v", *vector); });
    auto binary = find(*decode_document(out), "v")->as_binary();
    REQUIRE(binary.has_value());
    CHECK(copy_of(binary->data) == data);
  }
  bytes bits = hex("1004 eee0"), floats = hex("2700 0000803f 0000e0c0"), numbers = hex("0300 ff 7f");
  std::string read;
  for (std::size_t i = 0; i < 12; ++i) read += decode_vector(bits)->bit_at(i) ? '1' : '0';
  CHECK(read == "111011101110");
  CHECK(decode_vector(floats)->float32_at(0) == 1.0f);
  CHECK(decode_vector(floats)->float32_at(1) == -7.0f);
  CHECK(decode_vector(numbers)->int8_at(0) == -1);
  CHECK(decode_vector(numbers)->int8_at(1) == 127);
}
