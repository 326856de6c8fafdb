#include "core/encoder.hpp"

#include <catch2/catch_test_macros.hpp>

#include "core/cursor.hpp"

using namespace tidewire;

namespace {

using bytes = std::vector<std::uint8_t>;

template <class Write>
bytes written(Write write) {
  bytes out;
  encoder to(out);
  write(to);
  CHECK(to.ok());
  CHECK(to.size() == out.size());
  return out;
}

}  // namespace

TEST_CASE("An encoder writes numbers of both byte orders", "[encoder]") {
  CHECK(written([](encoder& to) { to.u8(0xfe); }) == bytes{0xfe});
  CHECK(written([](encoder& to) { to.be<std::uint16_t>(0x0102); }) == bytes{1, 2});
  CHECK(written([](encoder& to) { to.le<std::uint16_t>(0x0102); }) == bytes{2, 1});
  CHECK(written([](encoder& to) { to.be<std::int32_t>(-2); }) == bytes{0xff, 0xff, 0xff, 0xfe});
  CHECK(written([](encoder& to) { to.le<std::int32_t>(-2); }) == bytes{0xfe, 0xff, 0xff, 0xff});
  CHECK(written([](encoder& to) { to.be<std::uint64_t>(0x0102030405060708); }) ==
        bytes{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(written([](encoder& to) { to.le<std::uint64_t>(0x0102030405060708); }) ==
        bytes{8, 7, 6, 5, 4, 3, 2, 1});
  CHECK(written([](encoder& to) { to.be<std::int8_t>(-1); }) == bytes{0xff});
}

TEST_CASE("An encoder appends to what is there", "[encoder]") {
  bytes out{9};
  encoder to(out);
  CHECK(to.size() == 1);
  to.text("ab");
  to.bytes(bytes{0, 1});
  to.bytes({});
  to.text({});
  to.cstring("c", "name");
  to.cstring("", "name");
  CHECK(to.ok());
  CHECK(out == bytes{9, 'a', 'b', 0, 1, 'c', 0, 0});
}

TEST_CASE("A length covers itself and what was written since", "[encoder]") {
  CHECK(written([](encoder& to) {
          to.u8('Q');
          auto outer = to.open_be32();
          to.text("ab");
          auto inner = to.open_be32();
          to.close_be32(inner);
          to.u8(7);
          to.close_be32(outer);
        }) == bytes{'Q', 0, 0, 0, 11, 'a', 'b', 0, 0, 0, 4, 7});
}

TEST_CASE("A text with a NUL is an encoder's error, and the first error stays", "[encoder]") {
  bytes out;
  encoder to(out);
  to.u8(1);
  to.cstring(std::string_view("a\0b", 3), "name");
  const decode_error error{decode_errc::bad_value, 1, "name"};
  CHECK(!to.ok());
  CHECK(to.error() == error);
  to.u8(2);
  to.fail(decode_errc::limit_exceeded, "other");
  to.cstring(std::string_view("\0", 1), "third");
  CHECK(to.error() == error);
  // A text whose length is written may hold one.
  bytes free;
  encoder text(free);
  text.text(std::string_view("a\0b", 3));
  CHECK(text.ok());
}

TEST_CASE("What an encoder writes a cursor reads", "[encoder]") {
  bytes out = written([](encoder& to) {
    to.be<std::int64_t>(-5);
    to.le<std::uint16_t>(500);
    to.cstring("name", "name");
    auto length = to.open_be32();
    to.text("payload");
    to.close_be32(length);
  });
  cursor in(out);
  CHECK(in.be<std::int64_t>("a") == -5);
  CHECK(in.le<std::uint16_t>("b") == 500);
  CHECK(in.cstring("c") == "name");
  auto length = in.be<std::uint32_t>("d");
  CHECK(in.text(length - 4, "e") == "payload");
  CHECK(in.finish(true) == true);
}
