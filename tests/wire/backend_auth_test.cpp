#include "wire/backend_auth.hpp"

#include "tests/wire/frame_case.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

authentication_view decoded_view(const bytes& frame) {
  auto m = decode_authentication(body_of(frame));
  REQUIRE(m.has_value());
  return *m;
}

}  // namespace

TEST_CASE("authentication requests without data") {
  for (auto [request, name] : {std::pair{auth_request::ok, "AuthenticationOk"},
                               std::pair{auth_request::kerberos_v5, "AuthenticationKerberosV5"},
                               std::pair{auth_request::cleartext_password, "AuthenticationCleartextPassword"},
                               std::pair{auth_request::scm_credential, "AuthenticationSCMCredential"},
                               std::pair{auth_request::gss, "AuthenticationGSS"},
                               std::pair{auth_request::sspi, "AuthenticationSSPI"}}) {
    bytes frame = hex("'R' 00000008 00000000");
    frame[8] = static_cast<std::uint8_t>(request);
    auto m = decoded_view(frame);
    CHECK(m.request == request);
    CHECK(m.data.empty());
    CHECK(std::string_view(name_of(request)) == name);
    CHECK(encoded([&](encoder& out) { encode_authentication(out, m); }) == frame);
    check_extent(frame, decode_authentication);
  }
}

TEST_CASE("authentication: md5") {
  bytes frame = hex("'R' 0000000c 00000005 ca540d27");
  auto m = decoded_view(frame);
  CHECK(m.request == auth_request::md5_password);
  CHECK(m.salt == std::array<std::uint8_t, 4>{0xca, 0x54, 0x0d, 0x27});
  check_frame(backend_tag::authentication, "00000005 ca540d27", decode_authentication, encode_authentication);
}

TEST_CASE("authentication: SASL mechanisms") {
  const char* body = "0000000a 'SCRAM-SHA-256-PLUS' 00 'SCRAM-SHA-256' 00 00";
  bytes frame = framed(backend_tag::authentication, body);
  auto m = decoded_view(frame);
  CHECK(m.request == auth_request::sasl);
  mechanism_reader reader(m);
  std::string_view name;
  REQUIRE(reader.next(name));
  CHECK(name == "SCRAM-SHA-256-PLUS");
  REQUIRE(reader.next(name));
  CHECK(name == "SCRAM-SHA-256");
  CHECK(!reader.next(name));
  CHECK(!reader.next(name));
  check_frame(backend_tag::authentication, body, decode_authentication, encode_authentication);
  const std::string_view offered[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"};
  CHECK(encoded([&](encoder& out) { encode_authentication_sasl(out, offered); }) == frame);

  bytes none = hex("'R' 00000009 0000000a 00");
  mechanism_reader nothing(decoded_view(none));
  CHECK(!nothing.next(name));
  check_extent(none, decode_authentication);
  CHECK(encoded([&](encoder& out) { encode_authentication_sasl(out, {}); }) == none);
}

TEST_CASE("authentication: data that only the method understands") {
  for (const char* text : {"'R' 0000000b 0000000b 'r=1'", "'R' 0000000b 0000000c 'v=1'",
                           "'R' 0000000a 00000008 0060", "'R' 00000008 0000000b", "'R' 00000008 0000000c"}) {
    CAPTURE(text);
    bytes frame = hex(text);
    auto m = decoded_view(frame);
    CHECK(as_text(m.data) == as_text(byte_view(frame).subspan(9)));
    CHECK(encoded([&](encoder& out) { encode_authentication(out, m); }) == frame);
    std::string_view name;
    CHECK(!mechanism_reader(m).next(name));
    for (std::size_t size = 0; size < 4; ++size)
      CHECK(decode_authentication(copy_of(body_of(frame).first(size))).error() ==
            decode_error{decode_errc::truncated, 0, "authentication request"});
  }
}

TEST_CASE("authentication: a request of the future is kept") {
  for (const char* text : {"'R' 0000000b 0000000d 'abc'", "'R' 00000008 00000001", "'R' 00000008 ffffffff"}) {
    CAPTURE(text);
    bytes frame = hex(text);
    auto m = decoded_view(frame);
    CHECK(name_of(m.request) == nullptr);
    CHECK(m.data.size() == frame.size() - 9);
    CHECK(encoded([&](encoder& out) { encode_authentication(out, m); }) == frame);
  }
}

TEST_CASE("authentication: malformed") {
  check_malformed({{"", {decode_errc::truncated, 0, "authentication request"}},
                   {"00000000 00", {decode_errc::trailing_bytes, 4, "end of message"}},
                   {"00000005 010203", {decode_errc::truncated, 4, "salt"}},
                   {"00000005 0102030405", {decode_errc::trailing_bytes, 8, "end of message"}},
                   {"0000000a", {decode_errc::unterminated_string, 4, "mechanism"}},
                   {"0000000a 'SCRAM' 00", {decode_errc::unterminated_string, 10, "mechanism"}},
                   {"0000000a 'SCRAM'", {decode_errc::unterminated_string, 4, "mechanism"}},
                   {"0000000a 00 'SCRAM' 00 00", {decode_errc::trailing_bytes, 5, "end of message"}}},
                  [](const bytes& body) { return decode_authentication(body); });
  const std::string_view empty[] = {"A", ""};
  CHECK(refused([&](encoder& out) { encode_authentication_sasl(out, empty); }) ==
        decode_error{decode_errc::bad_value, 11, "mechanism"});
}
