#include "wire/backend_session.hpp"

#include "tests/wire/frame_case.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

TEST_CASE("parameter status") {
  bytes frame = hex("'S' 00000018 'server_version' 00 '18.4' 00");
  auto m = decode_parameter_status(body_of(frame));
  REQUIRE(m.has_value());
  CHECK(m->name == "server_version");
  CHECK(m->value == "18.4");
  CHECK(encoded([&](encoder& out) { encode_parameter_status(out, *m); }) == frame);
  for (const char* body : {"'server_version' 00 '18.4' 00", "00 00", "'a' 00 00", "00 'b' 00"})
    check_frame(backend_tag::parameter_status, body, decode_parameter_status, encode_parameter_status);
  check_malformed({{"", {decode_errc::unterminated_string, 0, "parameter name"}},
                   {"'a'", {decode_errc::unterminated_string, 0, "parameter name"}},
                   {"'a' 00 'b'", {decode_errc::unterminated_string, 2, "parameter value"}},
                   {"'a' 00 'b' 00 'c' 00", {decode_errc::trailing_bytes, 4, "end of message"}}},
                  [](const bytes& body) { return decode_parameter_status(body); });
  using namespace std::string_view_literals;
  CHECK(refused([](encoder& out) { encode_parameter_status(out, {"a", "b\0c"sv}); }).field ==
        "parameter value"sv);
}

TEST_CASE("backend key data, with a secret of 3.0 and of 3.2") {
  bytes old = hex("'K' 0000000c 00002e34 da8ced70");
  auto m = decode_backend_key_data(body_of(old));
  REQUIRE(m.has_value());
  CHECK(m->process_id == 0x2e34);
  CHECK(copy_of(m->secret) == hex("da8ced70"));
  for (std::size_t secret : {4, 5, 32, 255, 256}) {
    bytes key(secret, 0x5a);
    bytes frame = encoded([&](encoder& out) { encode_backend_key_data(out, {-7, key}); });
    CHECK(frame.size() == 9 + secret);
    m = decode_backend_key_data(body_of(frame));
    REQUIRE(m.has_value());
    CHECK(m->process_id == -7);
    CHECK(copy_of(m->secret) == key);
    for (std::size_t size = 0; size < 8; ++size)
      CHECK(decode_backend_key_data(copy_of(body_of(frame).first(size))).error().code ==
            decode_errc::truncated);
  }
  CHECK(encoded([&](encoder& out) { encode_backend_key_data(out, {0x2e34, body_of(old).subspan(4)}); }) ==
        old);
}

TEST_CASE("backend key data: malformed") {
  check_malformed({{"000001", {decode_errc::truncated, 0, "process ID"}},
                   {"00000001", {decode_errc::truncated, 4, "secret"}},
                   {"00000001 010203", {decode_errc::truncated, 4, "secret"}}},
                  [](const bytes& body) { return decode_backend_key_data(body); });
  CHECK(decode_backend_key_data(bytes(4 + 257)).error() ==
        decode_error{decode_errc::bad_length, 4, "secret"});
  for (std::size_t secret : {0, 3, 257})
    CHECK(refused([&](encoder& out) { encode_backend_key_data(out, {1, bytes(secret)}); }) ==
          decode_error{decode_errc::bad_length, 9, "secret"});
}

TEST_CASE("ready for query") {
  for (char status : {'I', 'T', 'E'}) {
    bytes frame = hex("'Z' 00000005 00");
    frame[5] = static_cast<std::uint8_t>(status);
    auto m = decode_ready_for_query(body_of(frame));
    REQUIRE(m.has_value());
    CHECK(m->status == status);
    CHECK(encoded([&](encoder& out) { encode_ready_for_query(out, *m); }) == frame);
    check_extent(frame, decode_ready_for_query);
  }
  check_malformed({{"", {decode_errc::truncated, 0, "transaction status"}},
                   {"'i'", {decode_errc::bad_value, 0, "transaction status"}},
                   {"00", {decode_errc::bad_value, 0, "transaction status"}}},
                  [](const bytes& body) { return decode_ready_for_query(body); });
}

TEST_CASE("negotiate protocol version, with the full version and with the minor alone") {
  for (auto [body, minor] : {std::pair{"00030000 00000002 '_pq_.a' 00 '_pq_.bcd' 00", 0},
                             std::pair{"00030002 00000001 '_pq_.x' 00", 2}, std::pair{"00000000 00000000", 0},
                             std::pair{"00000002 00000000", 2}, std::pair{"0003270f 00000000", 9999}}) {
    CAPTURE(body);
    bytes frame = framed(backend_tag::negotiate_protocol_version, body);
    auto m = decode_negotiate_protocol_version(body_of(frame));
    REQUIRE(m.has_value());
    CHECK(m->minor() == minor);
    CHECK(m->version == load_be<std::uint32_t>(&frame[5]));
    std::vector<std::string_view> options;
    option_reader reader(*m);
    for (std::string_view each; reader.next(each);) options.push_back(each);
    CHECK(options.size() == m->option_count);
    CHECK(encoded([&](encoder& out) { encode_negotiate_protocol_version(out, m->version, options); }) ==
          frame);
    check_extent(frame, decode_negotiate_protocol_version);
  }
}

TEST_CASE("negotiate protocol version: malformed") {
  check_malformed({{"00030000", {decode_errc::truncated, 4, "option count"}},
                   {"00030000 ffffffff", {decode_errc::bad_length, 4, "option count"}},
                   {"00030000 80000000 'a' 00", {decode_errc::bad_length, 4, "option count"}},
                   {"00030000 7fffffff 'a' 00", {decode_errc::unterminated_string, 10, "option name"}},
                   {"00030000 00000001 'a'", {decode_errc::unterminated_string, 8, "option name"}},
                   {"00030000 00000000 'a' 00", {decode_errc::trailing_bytes, 8, "end of message"}}},
                  [](const bytes& body) { return decode_negotiate_protocol_version(body); });
}

TEST_CASE("notification response") {
  bytes frame = framed(backend_tag::notification_response, "00001234 'chan' 00 'text 1' 00");
  auto m = decode_notification_response(body_of(frame));
  REQUIRE(m.has_value());
  CHECK(m->process_id == 0x1234);
  CHECK(m->channel == "chan");
  CHECK(m->payload == "text 1");
  for (const char* body : {"00001234 'chan' 00 'text 1' 00", "ffffffff 'chan' 00 00"})
    check_frame(backend_tag::notification_response, body, decode_notification_response,
                encode_notification_response);
  check_malformed({{"000012", {decode_errc::truncated, 0, "process ID"}},
                   {"00001234 'c'", {decode_errc::unterminated_string, 4, "channel"}},
                   {"00001234 'c' 00 'p'", {decode_errc::unterminated_string, 6, "payload"}}},
                  [](const bytes& body) { return decode_notification_response(body); });
}
