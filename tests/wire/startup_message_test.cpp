#include "wire/startup_message.hpp"

#include "tests/wire/encode_again.hpp"
#include "tests/wire/frame_case.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

using parameter = std::pair<std::string_view, std::string_view>;

/// The packet without its length, put together without the encoders.
bytes packet_of(std::string_view body) {
  bytes content = hex(body);
  bytes packet(4);
  store_be(packet.data(), static_cast<std::uint32_t>(content.size() + 4));
  packet.insert(packet.end(), content.begin(), content.end());
  return packet;
}

startup_packet decoded_packet(const bytes& packet) {
  auto m = decode_startup_packet(packet);
  REQUIRE(m.has_value());
  return *m;
}

decode_error packet_error(const bytes& packet) {
  auto m = decode_startup_packet(packet);
  REQUIRE(!m.has_value());
  return m.error();
}

/// Refused whatever is missing at the end, with or without its length saying so.
void check_packet_extent(const bytes& packet) {
  for (std::size_t size = 0; size < packet.size(); ++size) {
    CAPTURE(size);
    bytes cut = copy_of(byte_view(packet).first(size));
    CHECK(packet_error(cut).code == decode_errc::truncated);
    if (size < 4) continue;
    store_be(cut.data(), static_cast<std::uint32_t>(size));
    CHECK(packet_error(cut).code != decode_errc::none);
    CHECK(packet_error(cut).offset <= size);
  }
  bytes longer = packet;
  longer.push_back(0);
  CHECK(packet_error(longer) == decode_error{decode_errc::trailing_bytes, packet.size(), "end of message"});
  store_be(longer.data(), static_cast<std::uint32_t>(longer.size()));
  CHECK(packet_error(longer) == decode_error{decode_errc::trailing_bytes, packet.size(), "end of message"});
}

}  // namespace

TEST_CASE("start-up message") {
  bytes packet =
      hex("0000003b 00030002 'user' 00 'rep' 00 'database' 00 'shop' 00 'replication' 00 'database' 00"
          "'options' 00 00 00");
  packet[3] = static_cast<std::uint8_t>(packet.size());
  auto m = decoded_packet(packet);
  CHECK(m.kind == startup_kind::startup);
  CHECK(m.startup.version == protocol_3_2);
  const std::vector<parameter> expected = {
      {"user", "rep"}, {"database", "shop"}, {"replication", "database"}, {"options", ""}};
  CHECK(list_of(m.startup) == expected);
  CHECK(encoded([&](encoder& out) { encode_startup(out, protocol_3_2, expected); }) == packet);
  check_packet_extent(packet);
}

TEST_CASE("start-up message: of nothing, and of a minor version that does not exist") {
  for (const char* body :
       {"00030000 00", "0003270f 'a' 00 00 00", "0003ffff 'a' 00 'b' 00 'a' 00 'c' 00 00"}) {
    CAPTURE(body);
    bytes packet = packet_of(body);
    auto m = decoded_packet(packet);
    auto parameters = list_of(m.startup);
    CHECK(encoded([&](encoder& out) { encode_startup(out, m.startup.version, parameters); }) == packet);
    check_packet_extent(packet);
  }
}

TEST_CASE("requests in the place of a start-up message") {
  bytes ssl = hex("00000008 04d2162f"), gss = hex("00000008 04d21630");
  CHECK(decoded_packet(ssl).kind == startup_kind::ssl_request);
  CHECK(decoded_packet(gss).kind == startup_kind::gssenc_request);
  CHECK(encoded(encode_ssl_request) == ssl);
  CHECK(encoded(encode_gssenc_request) == gss);
  check_packet_extent(ssl);
  check_packet_extent(gss);

  bytes cancel = hex("00000010 04d2162e 0000711a 350a9cf1");
  auto m = decoded_packet(cancel);
  CHECK(m.kind == startup_kind::cancel_request);
  CHECK(m.cancel.process_id == 0x711a);
  CHECK(copy_of(m.cancel.secret) == hex("350a9cf1"));
  CHECK(encoded([&](encoder& out) { encode_cancel_request(out, m.cancel); }) == cancel);
  for (std::size_t secret : {5, 32, 256}) {
    bytes key(secret, 0xa5);
    bytes packet = encoded([&](encoder& out) { encode_cancel_request(out, {-2, key}); });
    CHECK(packet.size() == 12 + secret);
    CHECK(decoded_packet(packet).cancel.process_id == -2);
    CHECK(copy_of(decoded_packet(packet).cancel.secret) == key);
  }
  for (std::size_t size = 0; size < cancel.size(); ++size) {
    bytes cut = copy_of(byte_view(cancel).first(size));
    CHECK(packet_error(cut).code == decode_errc::truncated);
    if (size < 8) continue;
    store_be(cut.data(), static_cast<std::uint32_t>(size));
    CHECK(packet_error(cut).code == decode_errc::truncated);
  }
}

TEST_CASE("start-up packets: malformed") {
  check_malformed({{"", {decode_errc::truncated, 0, "length"}},
                   {"00000008", {decode_errc::truncated, 4, "protocol version"}},
                   {"00000007 00030000", {decode_errc::bad_length, 0, "length"}},
                   {"ffffffff 00030000 00", {decode_errc::bad_length, 0, "length"}},
                   {"00002715 00030000 00", {decode_errc::bad_length, 0, "length"}},
                   {"00000008 00030000", {decode_errc::unterminated_string, 8, "parameter name"}},
                   {"0000000a 00030000 'a' 00", {decode_errc::unterminated_string, 10, "parameter value"}},
                   {"0000000b 00030000 'a' 00 00", {decode_errc::unterminated_string, 11, "parameter name"}},
                   {"0000000a 00030000 00 00", {decode_errc::trailing_bytes, 9, "end of message"}},
                   {"0000000b 00030000 'a' 00 00 00", {decode_errc::trailing_bytes, 11, "end of message"}},
                   {"00000009 00020000 00", {decode_errc::bad_value, 4, "protocol version"}},
                   {"00000009 00040000 00", {decode_errc::bad_value, 4, "protocol version"}},
                   {"00000008 00ff00ff", {decode_errc::bad_value, 4, "protocol version"}},
                   {"00000008 04d2162d", {decode_errc::bad_value, 4, "protocol version"}},
                   {"00000008 04d21631", {decode_errc::bad_value, 4, "protocol version"}},
                   {"00000009 04d2162f 00", {decode_errc::trailing_bytes, 8, "end of message"}},
                   {"0000000f 04d2162e 0000711a 350a9c", {decode_errc::truncated, 12, "secret"}}},
                  [](const bytes& packet) { return decode_startup_packet(packet); });
  bytes long_secret(12 + 257);
  store_be(long_secret.data(), std::uint32_t{12 + 257});
  store_be(&long_secret[4], cancel_request_code);
  CHECK(packet_error(long_secret) == decode_error{decode_errc::bad_length, 12, "secret"});
}

TEST_CASE("a start-up message of the size that the server still takes, and one byte more") {
  std::string value(10'000 - 4 - 3 - 1, 'x');  // version, name, its end and the value's, the list's end
  const parameter one[] = {{"a", value}};
  bytes packet = encoded([&](encoder& out) { encode_startup(out, protocol_3_0, one); });
  CHECK(packet.size() == 10'004);
  CHECK(startup_size(packet, ~0u) == 10'004u);
  CHECK(decode_startup_packet(packet).has_value());
  value += 'x';
  const parameter more[] = {{"a", value}};
  CHECK(refused([&](encoder& out) { encode_startup(out, protocol_3_0, more); }).code ==
        decode_errc::limit_exceeded);
  const parameter nameless[] = {{"", "x"}};
  CHECK(refused([&](encoder& out) { encode_startup(out, protocol_3_0, nameless); }) ==
        decode_error{decode_errc::bad_value, 8, "parameter name"});
}
