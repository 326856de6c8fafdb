#include "core/cursor.hpp"

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <limits>
#include <vector>

using namespace tidewire;

namespace {

const std::vector<std::uint8_t> numbers{0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8};

/// A read that needs `size` bytes: whole it takes just these; with fewer it fails where it began.
void check_read(std::size_t size, const std::function<void(cursor&)>& read) {
  for (std::size_t before : {0, 3}) {
    for (std::size_t there = 0; there <= size + 1; ++there) {
      CAPTURE(size, before, there);
      // An exact allocation, so that the sanitizers see a read beyond it.
      std::vector<std::uint8_t> bytes(before + there, 'x');
      cursor in(bytes);
      in.bytes(before, "before");
      read(in);
      CHECK(in.ok() == (there >= size));
      if (there >= size) {
        CHECK(in.offset() == before + size);
        CHECK(in.remaining() == there - size);
      } else {
        CHECK(in.error() == decode_error{decode_errc::truncated, before, "field"});
        CHECK(in.remaining() == 0);
      }
    }
  }
}

}  // namespace

TEST_CASE("A cursor reads numbers of both byte orders", "[cursor]") {
  CHECK(cursor(numbers).u8("n") == 0x81);
  CHECK(cursor(numbers).be<std::uint16_t>("n") == 0x8192);
  CHECK(cursor(numbers).le<std::uint16_t>("n") == 0x9281);
  CHECK(cursor(numbers).be<std::int16_t>("n") == std::int16_t(0x8192 - 0x10000));
  CHECK(cursor(numbers).be<std::uint32_t>("n") == 0x8192a3b4);
  CHECK(cursor(numbers).le<std::uint32_t>("n") == 0xb4a39281);
  CHECK(cursor(numbers).le<std::int32_t>("n") == std::int32_t(0xb4a39281));
  CHECK(cursor(numbers).be<std::uint64_t>("n") == 0x8192a3b4c5d6e7f8);
  CHECK(cursor(numbers).le<std::uint64_t>("n") == 0xf8e7d6c5b4a39281);
  CHECK(cursor(numbers).be<std::int8_t>("n") == std::int8_t(0x81 - 0x100));
  CHECK(cursor(numbers).le<std::uint8_t>("n") == 0x81);
}

TEST_CASE("Every read of a cursor fails at every truncation point", "[cursor]") {
  check_read(1, [](cursor& in) { in.u8("field"); });
  check_read(1, [](cursor& in) { in.be<std::int8_t>("field"); });
  check_read(2, [](cursor& in) { in.be<std::uint16_t>("field"); });
  check_read(2, [](cursor& in) { in.le<std::int16_t>("field"); });
  check_read(4, [](cursor& in) { in.be<std::int32_t>("field"); });
  check_read(4, [](cursor& in) { in.le<std::uint32_t>("field"); });
  check_read(8, [](cursor& in) { in.be<std::uint64_t>("field"); });
  check_read(8, [](cursor& in) { in.le<std::int64_t>("field"); });
  for (std::size_t size : {0, 1, 2, 7, 100}) {
    check_read(size, [size](cursor& in) {
      std::size_t taken = in.bytes(size, "field").size();
      CHECK(taken == (in.ok() ? size : 0));
    });
    check_read(size, [size](cursor& in) {
      std::size_t taken = in.text(size, "field").size();
      CHECK(taken == (in.ok() ? size : 0));
    });
  }
}

TEST_CASE("A cursor's bytes and texts point into what it reads", "[cursor]") {
  const std::string text = "hello world";
  cursor in(as_bytes(text));
  CHECK(in.text(5, "t").data() == text.data());
  byte_view space = in.bytes(1, "b");
  CHECK(as_text(space) == " ");
  CHECK(as_text(space).data() == text.data() + 5);
  CHECK(as_text(in.rest()) == "world");
  CHECK(in.ok());
  CHECK(in.rest().empty());
  CHECK(in.offset() == text.size());
}

TEST_CASE("A count that is larger than memory is only truncated", "[cursor]") {
  for (std::size_t count : {numbers.size() + 1, std::numeric_limits<std::size_t>::max(),
                            static_cast<std::size_t>(std::int32_t{-1})}) {
    cursor in(numbers);
    in.u8("first");
    CHECK(in.bytes(count, "b").empty());
    CHECK(in.error() == decode_error{decode_errc::truncated, 1, "b"});
  }
}

TEST_CASE("A cursor's strings end at their NUL", "[cursor]") {
  const std::string text("one\0\0two\0three", 14);
  cursor in(as_bytes(text));
  CHECK(in.cstring("a") == "one");
  CHECK(in.offset() == 4);
  CHECK(in.cstring("b").empty());
  CHECK(in.ok());
  CHECK(in.cstring("c") == "two");
  CHECK(in.offset() == 9);
  CHECK(in.cstring("d").empty());
  CHECK(in.error() == decode_error{decode_errc::unterminated_string, 9, "d"});

  // At every truncation point.
  const std::string whole("abc\0", 4);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    std::vector<std::uint8_t> bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    cursor cut(bytes);
    CHECK(cut.cstring("s") == (size == 4 ? "abc" : ""));
    CHECK(cut.ok() == (size == 4));
    if (size < 4) CHECK(cut.error() == decode_error{decode_errc::unterminated_string, 0, "s"});
  }
}

TEST_CASE("A cursor's first error stays, and every read after it gives nothing", "[cursor]") {
  cursor in(numbers);
  in.be<std::uint32_t>("first");
  in.be<std::uint64_t>("second");
  const decode_error error{decode_errc::truncated, 4, "second"};
  CHECK(in.error() == error);
  CHECK(!in.ok());
  // There would have been enough bytes for these.
  CHECK(in.u8("x") == 0);
  CHECK(in.be<std::uint16_t>("x") == 0);
  CHECK(in.le<std::uint32_t>("x") == 0);
  CHECK(in.bytes(1, "x").empty());
  CHECK(in.text(1, "x").empty());
  CHECK(in.cstring("x").empty());
  CHECK(in.rest().empty());
  in.fail(decode_errc::bad_value, "x");
  in.fail_at(0, decode_errc::bad_value, "x");
  CHECK(in.error() == error);
  auto finished = in.finish(1);
  REQUIRE(!finished.has_value());
  CHECK(finished.error() == error);
}

TEST_CASE("A decoder's own errors are at the current place or where it says", "[cursor]") {
  cursor here(numbers);
  here.be<std::uint16_t>("n");
  here.fail(decode_errc::bad_length, "n");
  CHECK(here.error() == decode_error{decode_errc::bad_length, 2, "n"});
  CHECK(here.u8("x") == 0);
  cursor there(numbers);
  there.be<std::uint32_t>("n");
  there.fail_at(0, decode_errc::limit_exceeded, "n");
  CHECK(there.error() == decode_error{decode_errc::limit_exceeded, 0, "n"});
  CHECK(there.remaining() == 0);
}

TEST_CASE("A decoder finishes with its value, unless something is left over", "[cursor]") {
  cursor whole(numbers);
  whole.be<std::uint64_t>("n");
  CHECK(whole.finish(7) == 7);
  cursor rest(numbers);
  rest.be<std::uint32_t>("n");
  CHECK(rest.finish(7).error() == decode_error{decode_errc::trailing_bytes, 4, "end of message"});
  cursor nothing{byte_view{}};
  CHECK(nothing.finish(7) == 7);
  CHECK(nothing.u8("n") == 0);
  CHECK(nothing.error() == decode_error{decode_errc::truncated, 0, "n"});
}

TEST_CASE("Bytes are loaded and stored wherever they lie", "[cursor]") {
  std::vector<std::uint8_t> bytes(16);
  for (std::size_t at = 0; at < 8; ++at) {
    store_be<std::uint64_t>(bytes.data() + at, 0x0102030405060708);
    CHECK(load_be<std::uint64_t>(bytes.data() + at) == 0x0102030405060708);
    CHECK(load_le<std::uint64_t>(bytes.data() + at) == 0x0807060504030201);
    CHECK(bytes[at] == 1);
    store_le<std::uint32_t>(bytes.data() + at, 0x01020304);
    CHECK(load_le<std::uint32_t>(bytes.data() + at) == 0x01020304);
    CHECK(load_be<std::int32_t>(bytes.data() + at) == 0x04030201);
    CHECK(bytes[at] == 4);
    store_be<std::int16_t>(bytes.data() + at, -2);
    CHECK(load_be<std::int16_t>(bytes.data() + at) == -2);
    CHECK(load_le<std::uint16_t>(bytes.data() + at) == 0xfeff);
  }
}

TEST_CASE("Errors of decoders have stable names and compare by content", "[cursor]") {
  using enum decode_errc;
  struct {
    decode_errc code;
    const char* name;
  } names[] = {{none, "none"},
               {truncated, "truncated"},
               {bad_length, "bad_length"},
               {unterminated_string, "unterminated_string"},
               {trailing_bytes, "trailing_bytes"},
               {unknown_tag, "unknown_tag"},
               {bad_value, "bad_value"},
               {limit_exceeded, "limit_exceeded"},
               {bad_state, "bad_state"},
               {unknown_reference, "unknown_reference"},
               {bad_checksum, "bad_checksum"}};
  for (const auto& each : names) CHECK(to_string(each.code) == each.name);
  const std::string field = "field";
  CHECK(decode_error{truncated, 1, "field"} == decode_error{truncated, 1, field.c_str()});
  CHECK(!(decode_error{truncated, 1, "field"} == decode_error{truncated, 1, "other"}));
  CHECK(!(decode_error{truncated, 1, "field"} == decode_error{truncated, 2, "field"}));
  CHECK(!(decode_error{truncated, 1, "field"} == decode_error{bad_value, 1, "field"}));
}
