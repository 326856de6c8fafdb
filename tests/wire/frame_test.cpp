#include "wire/frame.hpp"

#include "tests/wire/frame_case.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

constexpr std::uint32_t most = 1u << 30;

decode_error size_error(const char* text, std::uint32_t max_bytes = most) {
  auto size = frame_size(hex(text), max_bytes);
  REQUIRE(!size.has_value());
  return size.error();
}

decode_error startup_error(const char* text, std::uint32_t max_bytes = most) {
  auto size = startup_size(hex(text), max_bytes);
  REQUIRE(!size.has_value());
  return size.error();
}

decode_error split_error(const bytes& frame) {
  auto split = split_backend(frame);
  REQUIRE(!split.has_value());
  return split.error();
}

}  // namespace

TEST_CASE("a frame's size is known from its fifth byte on") {
  bytes stream = hex("'Z' 00000005 'I' 'd' 00000004");
  for (std::size_t size = 0; size < 5; ++size)
    CHECK(frame_size(copy_of(byte_view(stream).first(size)), most) == 0u);
  for (std::size_t size = 5; size <= stream.size(); ++size)
    CHECK(frame_size(copy_of(byte_view(stream).first(size)), most) == 6u);
  CHECK(frame_size(hex("'d' 00000004"), most) == 5u);
  CHECK(frame_size(hex("'d' 3fffffff"), most) == std::size_t{1} << 30);
  CHECK(frame_size(hex("'d' 7fffffff"), ~0u) == std::size_t{1} << 31);
  CHECK(frame_size(hex("'d' 00000009"), 10) == 10u);
}

TEST_CASE("a frame's size: malformed") {
  constexpr auto bad = decode_errc::bad_length;
  CHECK(size_error("'d' 00000000") == decode_error{bad, 1, "length"});
  CHECK(size_error("'d' 00000003") == decode_error{bad, 1, "length"});
  CHECK(size_error("'d' 80000000") == decode_error{bad, 1, "length"});
  CHECK(size_error("'d' ffffffff") == decode_error{bad, 1, "length"});
  CHECK(size_error("'d' ffffffff", ~0u) == decode_error{bad, 1, "length"});
  CHECK(size_error("'d' 40000000") == decode_error{decode_errc::limit_exceeded, 1, "length"});
  CHECK(size_error("'d' 0000000a", 10) == decode_error{decode_errc::limit_exceeded, 1, "length"});
  CHECK(size_error("'HTTP/1.1 400'") == decode_error{decode_errc::limit_exceeded, 1, "length"});
}

TEST_CASE("a start-up packet's size is known from its fourth byte on") {
  bytes packet = hex("00000008 04d2162f");
  for (std::size_t size = 0; size < 4; ++size)
    CHECK(startup_size(copy_of(byte_view(packet).first(size)), most) == 0u);
  for (std::size_t size = 4; size <= packet.size(); ++size)
    CHECK(startup_size(copy_of(byte_view(packet).first(size)), most) == 8u);
  CHECK(startup_size(hex("00002714"), most) == 10'004u);
}

TEST_CASE("a start-up packet's size: malformed") {
  constexpr auto bad = decode_errc::bad_length;
  CHECK(startup_error("00000000") == decode_error{bad, 0, "length"});
  CHECK(startup_error("00000007") == decode_error{bad, 0, "length"});
  CHECK(startup_error("ffffffff") == decode_error{bad, 0, "length"});
  CHECK(startup_error("00002715") == decode_error{decode_errc::limit_exceeded, 0, "length"});
  CHECK(startup_error("00000009", 8) == decode_error{decode_errc::limit_exceeded, 0, "length"});
  CHECK(startup_error("'GET /'") == decode_error{decode_errc::limit_exceeded, 0, "length"});
}

TEST_CASE("a frame is split into tag and body") {
  bytes frame = hex("'D' 00000006 0000");
  auto from_server = split_backend(frame);
  REQUIRE(from_server.has_value());
  CHECK(from_server->tag == backend_tag::data_row);
  CHECK(from_server->body.data() == frame.data() + 5);
  CHECK(from_server->body.size() == 2);
  auto from_client = split_frontend(frame);
  REQUIRE(from_client.has_value());
  CHECK(from_client->tag == frontend_tag::describe);
  CHECK(from_client->body.size() == 2);
  CHECK(split_frontend(hex("'S' 00000004"))->body.empty());
}

TEST_CASE("a frame that is cut, too long or of no known kind") {
  bytes frame = hex("'D' 00000006 0000");
  CHECK(split_error({}) == decode_error{decode_errc::truncated, 0, "message tag"});
  for (std::size_t size = 1; size < 5; ++size)
    CHECK(split_error(copy_of(byte_view(frame).first(size))) ==
          decode_error{decode_errc::truncated, 1, "length"});
  for (std::size_t size = 5; size < 7; ++size)
    CHECK(split_error(copy_of(byte_view(frame).first(size))) ==
          decode_error{decode_errc::truncated, 5, "body"});
  frame.push_back(0);
  CHECK(split_error(frame) == decode_error{decode_errc::trailing_bytes, 7, "end of message"});
  CHECK(split_error(hex("'D' 00000003")) == decode_error{decode_errc::bad_length, 1, "length"});
  CHECK(split_error(hex("'D' ffffffff")) == decode_error{decode_errc::bad_length, 1, "length"});
  CHECK(split_error(hex("'Q' 00000004")) == decode_error{decode_errc::unknown_tag, 0, "message tag"});
  CHECK(split_error(hex("00")) == decode_error{decode_errc::unknown_tag, 0, "message tag"});
  auto split = split_frontend(hex("'R' 00000008 00000000"));
  REQUIRE(!split.has_value());
  CHECK(split.error() == decode_error{decode_errc::unknown_tag, 0, "message tag"});
}

TEST_CASE("exactly the manual's letters are tags") {
  std::string backend, frontend;
  for (int byte = 0; byte < 256; ++byte) {
    bytes frame = {static_cast<std::uint8_t>(byte), 0, 0, 0, 4};
    bool from_server = split_backend(frame).has_value(), from_client = split_frontend(frame).has_value();
    CHECK(from_server == (name_of(static_cast<backend_tag>(byte)) != nullptr));
    CHECK(from_client == (name_of(static_cast<frontend_tag>(byte)) != nullptr));
    if (from_server) backend += static_cast<char>(byte);
    if (from_client) frontend += static_cast<char>(byte);
  }
  CHECK(backend == "123ACDEGHIKNRSTVWZcdnstv");
  CHECK(frontend == "BCDEFHPQSXcdfp");
}

TEST_CASE("messages without fields") {
  for (backend_tag tag : {backend_tag::parse_complete, backend_tag::bind_complete,
                          backend_tag::close_complete, backend_tag::empty_query_response,
                          backend_tag::no_data, backend_tag::portal_suspended, backend_tag::copy_done}) {
    bytes frame = encoded([&](encoder& out) { encode_empty(out, tag); });
    CHECK(frame == bytes{static_cast<std::uint8_t>(tag), 0, 0, 0, 4});
    auto split = split_backend(frame);
    REQUIRE(split.has_value());
    CHECK(split->tag == tag);
    check_extent(frame, decode_empty);
  }
}
