// Packets, greetings, answers, passwords and URLs: the protocol without a server.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "binlog/connection_url.hpp"
#include "binlog/dump_request.hpp"
#include "binlog/follow.hpp"
#include "binlog/handshake.hpp"
#include "binlog/packet.hpp"
#include "binlog/position.hpp"
#include "binlog/response.hpp"
#include "binlog/scramble.hpp"
#include "binlog/server_error.hpp"
#include "core/base64.hpp"
#include "tests/binlog/event_case.hpp"
#include "tests/core/failure_of.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;
using tidewire::testing::failure_of;

namespace {

bytes packet_of(byte_view payload, std::uint8_t sequence = 0) {
  return encoded([&](encoder& out) { encode_packet(out, sequence, payload); });
}

/// Every shorter payload is refused but those of `also_good` bytes.
template <class Decode>
void check_cuts(const bytes& payload, Decode decode, std::initializer_list<std::size_t> also_good = {}) {
  REQUIRE(decode(byte_view(payload)).has_value());
  for (std::size_t size = 0; size < payload.size(); ++size) {
    bytes cut = copy_of(byte_view(payload).first(size));
    CAPTURE(size);
    bool good = std::find(also_good.begin(), also_good.end(), size) != also_good.end();
    auto result = decode(byte_view(cut));
    CHECK(result.has_value() == good);
    if (!result) CHECK(result.error().offset <= size);
  }
}

}  // namespace

TEST_CASE("binlog: packets") {
  bytes payload = hex("010203");
  bytes frame = packet_of(payload, 7);
  CHECK(frame == hex("03000007 010203"));
  CHECK(next_sequence(frame) == 8);
  bytes joined;
  CHECK(copy_of(*packet_payload(frame, joined)) == payload);
  for (std::size_t size = 0; size < packet_head_bytes; ++size)
    CHECK(*packet_size(byte_view(frame).first(size), 1 << 20) == 0);
  CHECK(*packet_size(byte_view(frame).first(4), 1 << 20) == 7);
  CHECK(*packet_size(frame, 1 << 20) == 7);
  CHECK(packet_size(frame, 6).error() == decode_error{decode_errc::limit_exceeded, 0, "packet length"});
  CHECK(*packet_size(packet_of({}), 100) == 4);

  // A payload of the full length goes on, if only with an empty packet.
  for (std::size_t more : {std::size_t{0}, std::size_t{1}, packet_full_bytes, packet_full_bytes + 5}) {
    bytes large(packet_full_bytes + more);
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * 7 + (i >> 16));
    bytes whole = packet_of(large, 255);
    CAPTURE(more);
    CHECK(*packet_size(whole, 1u << 30) == whole.size());
    CHECK(*packet_size(byte_view(whole).first(packet_full_bytes + 4 + 3), 1u << 30) == 0);
    CHECK(packet_size(whole, packet_full_bytes).error().code == decode_errc::limit_exceeded);
    auto got = packet_payload(whole, joined);
    REQUIRE(got.has_value());
    CHECK(std::ranges::equal(*got, large));
    CHECK(next_sequence(whole) == static_cast<std::uint8_t>(more < packet_full_bytes ? 1 : 2));
  }
  CHECK(!packet_payload(hex("05000000 01"), joined));
  CHECK(!packet_payload(hex("01000000 01 02"), joined));
}

TEST_CASE("binlog: greetings") {
  greeting_view m;
  bytes salt_begin = hex("0102030405060708"), salt_rest = hex("111213141516171819202122");
  m.server_version = "9.7.4";
  m.connection_id = 12;
  m.capabilities = 0xdfffffff;
  m.collation = 255;
  m.status = 2;
  m.salt_begin = salt_begin;
  m.salt_rest = salt_rest;
  m.plugin = "caching_sha2_password";
  bytes payload = encoded([&](encoder& out) { encode_greeting(out, m); });
  auto got = decode_greeting(payload);
  REQUIRE(got.has_value());
  CHECK(got->server_version == "9.7.4");
  CHECK(got->connection_id == 12);
  CHECK(got->capabilities == 0xdfffffff);
  CHECK(got->salt().size() == 20);
  CHECK(got->plugin == "caching_sha2_password");
  CHECK(!got->mariadb());
  // Cut off inside the plugin's name, or before everything that MySQL 4.0 did not send.
  std::size_t name_at = payload.size() - m.plugin.size() - 1, short_form = 1 + 6 + 4 + 8 + 1 + 2;
  std::vector<std::size_t> good{short_form};
  for (std::size_t size = 0; size < payload.size(); ++size) {
    auto cut = decode_greeting(byte_view(payload).first(size));
    CAPTURE(size);
    CHECK(cut.has_value() == (size == short_form || size >= name_at));
  }
  payload[0] = 9;
  CHECK(decode_greeting(payload).error() == decode_error{decode_errc::unsupported, 0, "protocol version"});

  m.server_version = "11.8.9-MariaDB-0+deb13u1";
  m.capabilities &= ~capability::long_password;
  m.mariadb_capabilities = 0x1d;
  payload = encoded([&](encoder& out) { encode_greeting(out, m); });
  got = decode_greeting(payload);
  REQUIRE(got.has_value());
  CHECK(got->mariadb());
  CHECK(got->mariadb_capabilities == 0x1d);
}

TEST_CASE("binlog: the request for TLS is the beginning of the login") {
  login_view m;
  bytes response = hex("0102");
  m.capabilities = capability::plugin_auth | capability::plugin_auth_lenenc | capability::connect_with_db;
  m.user = "u";
  m.response = response;
  m.database = "d";
  m.plugin = "p";
  bytes login = encoded([&](encoder& out) { encode_login(out, m); });
  bytes request = encoded([&](encoder& out) { encode_ssl_request(out, m); });
  CHECK(request.size() == 32);
  CHECK(std::ranges::equal(request, byte_view(login).first(32)));
  CHECK(copy_of(byte_view(login).subspan(32)) == hex("'u' 00 02 0102 'd' 00 'p' 00"));
  m.user = std::string_view("a\0b", 3);
  std::vector<std::uint8_t> into;
  encoder out(into);
  encode_login(out, m);
  CHECK(!out.ok());
}

TEST_CASE("binlog: a change of the plugin") {
  bytes salt = hex("0102");
  bytes payload = encoded([&](encoder& out) { encode_auth_switch(out, {"mysql_native_password", salt}); });
  auto got = decode_auth_switch(payload);
  REQUIRE(got.has_value());
  CHECK(got->plugin == "mysql_native_password");
  CHECK(copy_of(got->data) == salt);
  CHECK(decode_auth_switch(hex("fe"))->plugin == "mysql_old_password");
  CHECK(!decode_auth_switch(hex("fe 'abc'")));
  CHECK(!decode_auth_switch(hex("00")));
  CHECK(!decode_auth_switch({}));
}

TEST_CASE("binlog: answers") {
  auto ok = decode_ok(encoded([](encoder& out) { encode_ok(out, {300, 7, 2, 1}); }));
  REQUIRE(ok.has_value());
  CHECK(ok->affected_rows == 300);
  CHECK(ok->status == 2);
  check_cuts(hex("00 01 02 0200 0000"), [](byte_view in) { return decode_ok(in); });

  bytes coded = encoded([](encoder& out) { encode_error_packet(out, {1045, "28000", "no"}); });
  auto error = decode_error_packet(coded);
  REQUIRE(error.has_value());
  CHECK(error->number == 1045);
  CHECK(error->state == "28000");
  CHECK(error->text == "no");
  CHECK(decode_error_packet(hex("ff 1004 'Too many'"))->text == "Too many");
  CHECK(!decode_error_packet(hex("ff 10")));
  CHECK(is_eof(hex("fe 0000 0200")));
  CHECK(!is_eof(hex("fe 0102030405060708 09")));

  bytes column = hex("03'def' 00 00 00 01'n' 00 0c 3f00 10000000 fd 0100 1f 0000");
  CHECK(*decode_column(column) == "n");
  CHECK(!decode_column(hex("03'def' 00 00 00 05'n'")));
  std::optional<std::string_view> values[3];
  bytes row = hex("01'a' fb 00");
  CHECK(decode_text_row(row, values).has_value());
  CHECK(values[0] == "a");
  CHECK(!values[1]);
  CHECK(values[2] == "");
  check_cuts(hex("01'a' fb 00"), [&](byte_view in) { return decode_text_row(in, values); });
  CHECK(decode_text_row(hex("01'a' fb 00 00"), values).error().code == decode_errc::trailing_bytes);
}

TEST_CASE("binlog: what the plugins make of a password") {
  bytes salt = hex("0102030405060708090a0b0c0d0e0f1011121314");
  secret password("secret");
  CHECK(native_password(password, salt) == hex("b32bb3a583e1340c0a1108d58b1be49781ad8c2f"));
  CHECK(caching_sha2(password, salt) ==
        hex("746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9"));
  CHECK(native_password(secret(), salt).empty());
  CHECK(caching_sha2(secret(), salt).empty());
}

TEST_CASE("binlog: client_ed25519 signs so that OpenSSL agrees") {
  // The public key that MariaDB's manual gives for this password.
  auto key = decode_base64("ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY=");
  REQUIRE(key.has_value());
  for (int seed = 0; seed < 8; ++seed) {
    bytes salt(32);
    for (std::size_t i = 0; i < salt.size(); ++i)
      salt[i] = static_cast<std::uint8_t>(i * 7 + static_cast<std::size_t>(seed));
    bytes signature = ed25519_password(secret("secret"), salt);
    REQUIRE(signature.size() == 64);
    EVP_PKEY* loaded = EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(key->data()), key->size());
    REQUIRE(loaded);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    CHECK(EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, loaded) == 1);
    CHECK(EVP_DigestVerify(context, signature.data(), signature.size(), salt.data(), salt.size()) == 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(loaded);
  }
}

TEST_CASE("binlog: a password for the server's key alone") {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  REQUIRE(key);
  BIO* memory = BIO_new(BIO_s_mem());
  REQUIRE(PEM_write_bio_PUBKEY(memory, key) == 1);
  char* text = nullptr;
  auto size = static_cast<std::size_t>(BIO_get_mem_data(memory, &text));
  std::string pem(text, size);
  BIO_free(memory);
  bytes salt = hex("0102030405060708090a0b0c0d0e0f1011121314");
  bytes sealed = rsa_password(secret("secret"), salt, pem);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  REQUIRE(EVP_PKEY_decrypt_init(context) == 1);
  REQUIRE(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1);
  bytes plain(256);
  std::size_t plain_size = plain.size();
  REQUIRE(EVP_PKEY_decrypt(context, plain.data(), &plain_size, sealed.data(), sealed.size()) == 1);
  REQUIRE(plain_size == 7);
  for (std::size_t i = 0; i < plain_size; ++i) plain[i] ^= salt[i];
  CHECK(as_text(byte_view(plain).first(7)) == std::string_view("secret\0", 7));
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(key);
  CHECK(failure_of([&] { rsa_password(secret("x"), salt, "no key"); }).code == "TW-AUTH-RSA");
  CHECK(failure_of([&] { rsa_password(secret("x"), {}, pem); }).code == "TW-AUTH-RSA");
  CHECK(failure_of([&] { rsa_password(secret(std::string(500, 'x')), salt, pem); }).code == "TW-AUTH-RSA");
  CHECK(failure_of([&] { parsec_password(secret("x"), salt, hex("'Q' 00 01"), salt); }).code ==
        "TW-AUTH-NOT-SUPPORTED");
}

TEST_CASE("binlog: the meanings of error 1236") {
  struct {
    const char* text;
    const char* code;
  } cases[] = {
      {"Could not find first log file name in binary log index file", "TW-MY-PURGED"},
      {"Cannot replicate because the source purged required binary logs. Replicate the missing transactions",
       "TW-MY-PURGED"},
      {"Could not find GTID state requested by slave in any binlog files. Probably the slave state is too "
       "old",
       "TW-MY-PURGED"},
      {"Slave has more GTIDs than the master has, using the master's SERVER_UUID. This may indicate that the "
       "end of "
       "the binary log was truncated or that the last binary log file was lost, purged",
       "TW-MY-HISTORY"},
      {"Error: connecting slave requested to start from GTID 0-1-99, which is not in the master's binlog",
       "TW-MY-HISTORY"},
      {"A replica with the same server_uuid/server_id as this replica has connected to the source",
       "TW-MY-CLASH"},
      {"Slave can not handle replication events with the checksum that master is configured to log",
       "TW-MY-CHECKSUM"},
      {"Client requested source to start replication from position > file size", "TW-MY-POSITION"},
      {"log event entry exceeded max_allowed_packet; Increase max_allowed_packet on source",
       "TW-MY-POSITION"},
      {"something new", "TW-MY-DUMP"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.text);
    server_failure why("dump", {1236, "HY000", each.text});
    CHECK(why.code == each.code);
    CHECK(why.kind == failure_kind::refused);
    CHECK(std::string(why.what()).find("1236") != std::string::npos);
  }
  CHECK(server_failure("", {1040, "", "Too many"}).kind == failure_kind::transient);
  CHECK(server_failure("", {1227, "", "x"}).code == "TW-MY-PRIVILEGE");
  CHECK(std::string(server_failure("", {1, "", "a\x1b[2Jb"}).what()).find('\x1b') == std::string::npos);
}

TEST_CASE("binlog: requests for a dump") {
  CHECK(encoded([](encoder& out) { encode_dump(out, 7, 1, "b.1", 4); }) ==
        hex("12 04000000 0100 07000000 'b.1'"));
  std::vector<std::uint8_t> into;
  encoder out(into);
  encode_dump(out, 7, 0, "b.1", std::uint64_t{1} << 32);
  CHECK(!out.ok());
  gtid_set set = *gtid_set::parse("00000000-0000-0000-0000-000000000001:1-3");
  bytes request = encoded([&](encoder& to) { encode_dump_gtid(to, 7, 0, set); });
  CHECK(copy_of(byte_view(request).first(23)) == hex("1e 0400 07000000 00000000 0400000000000000 30000000"));
  CHECK(request.size() == 23 + 48);
}

TEST_CASE("binlog: positions as text") {
  for (const char* text :
       {"gtid:", "gtid:00000000-0000-0000-0000-000000000001:1-3:7",
        "gtid:00000000-0000-0000-0000-000000000001:1-3:tag_a:1,00000000-0000-0000-0000-000000000002:9",
        "domains:", "domains:0-1-100,7-2-3", "file:binlog.000003:154", "file:a:b:99"}) {
    CAPTURE(text);
    auto at = parse_position(text);
    REQUIRE(at.has_value());
    CHECK(to_string(*at) == text);
  }
  for (const char* text :
       {"", "gtid", "0/16B3748", "gtid:x", "domains:1-2", "domains:0-1-1,0-1-2", "file:", "file:b",
        "file::154", "file:b:", "file:b:3", "file:b:x", "file:b:99999999999999999999"}) {
    CAPTURE(text);
    CHECK(!parse_position(text));
  }
}

TEST_CASE("binlog: where a dump's events lie") {
  auto header = [](std::uint32_t size, std::uint32_t log_pos, std::uint16_t flags = 0) {
    event_header h;
    h.event_size = size;
    h.log_pos = log_pos;
    h.flags = flags;
    return h;
  };
  position from;
  place_tracker gtids(position_kind::gtid_set, from);
  gtids.rotated(4, true);
  CHECK(!gtids.of(header(100, 0, event_flag::artificial)).known);
  // The file's own first events tell where they end, but behind them transactions are passed over.
  CHECK(gtids.of(header(100, 104)).known);
  // What is not in the file, and does not say so, must not look like a step beyond 4 GB.
  CHECK(!gtids.of(header(5000, 0)).known);
  event_header first = header(50, 0);
  first.type = event_type::mariadb_gtid;
  event_place place = gtids.of(first);
  CHECK(!place.known);
  // The server says where we are: events before it were passed over.
  place = gtids.of(header(10, 1000));
  CHECK((place.known && place.begin == 990 && place.end == 1000));
  place = gtids.of(header(20, 0));
  CHECK((place.known && place.begin == 1000 && place.end == 1020));
  // Beyond 4 GB only the lower half is told.
  place_tracker large(position_kind::file, from);
  large.rotated(0xfffffff0, true);
  place = large.of(header(0x20, 0x10));
  CHECK((place.begin == 0xfffffff0 && place.end == 0x100000010));
  // In the middle of a file comes a copy of its first event, which is not there.
  place_tracker middle(position_kind::file, from);
  middle.rotated(874, true);
  event_header format = header(122, 0);
  format.type = event_type::format_description;
  CHECK(!middle.of(format).known);
  place = middle.of(header(77, 951));
  CHECK((place.begin == 874 && place.end == 951));
  // With several domains the server passes over events anywhere.
  from.domains = *mariadb_gtid_position::parse("0-1-1,1-1-1");
  place_tracker domains(position_kind::domains, from);
  domains.of(header(10, 1000));
  CHECK(!domains.of(header(20, 0)).known);
}

TEST_CASE("binlog: connection URLs") {
  environment nothing = [](std::string_view) { return std::nullopt; };
  connection_url url =
      parse_connection_url("mysql://me:p%40ss@db.example:3307/shop?ssl-mode=VERIFY_CA", nothing);
  CHECK(url.user == "me");
  CHECK(url.password.reveal() == "p@ss");
  CHECK(url.host == "db.example");
  CHECK(url.port == 3307);
  CHECK(url.database == "shop");
  CHECK(url.effective_mode() == ssl_mode::verify_ca);
  CHECK(url.text() == "db.example:3307");
  url = parse_connection_url("mysql://me@db?compression-algorithms=zstd,zlib,uncompressed", nothing);
  CHECK(url.compression ==
        std::vector{compression_algorithm::zstd, compression_algorithm::zlib, compression_algorithm::none});
  CHECK(failure_of([&] { parse_connection_url("mysql://me@db?compression-algorithms=lz4", nothing); }).code ==
        "TW-USAGE-CONNECTION-STRING");
  url = parse_connection_url("mariadb://me@[::1]:3308", nothing);
  CHECK(url.host == "::1");
  CHECK(url.port == 3308);
  CHECK(url.text() == "[::1]:3308");
  CHECK(url.effective_mode() == ssl_mode::preferred);
  CHECK(parse_connection_url("mysql://me@db", nothing).effective_mode() == ssl_mode::verify_identity);
  url = parse_connection_url("mysql://me@/?socket=/run/x&connect-timeout=3", nothing);
  CHECK(url.socket == "/run/x");
  CHECK(url.effective_mode() == ssl_mode::disabled);
  CHECK(url.connect_timeout_s == 3);
  environment variables = [](std::string_view name) -> std::optional<std::string> {
    if (name == "MYSQL_PWD") return "from there";
    return std::nullopt;
  };
  CHECK(parse_connection_url("mysql://me@h", variables).password.reveal() == "from there");
  for (const char* wrong :
       {"postgres://a@b", "mysql://", "mysql://host", "mysql://me:pw@h:0", "mysql://me:pw@h:65536",
        "mysql://me:pw@h:x", "mysql://me:pw@[::1", "mysql://me:pw@[::1]x", "mysql://me:pw@a:b:c",
        "mysql://me:p%4@h", "mysql://me:p%00@h", "mysql://me:pw@h?nonsense=1",
        "mysql://me:pw@h?ssl-mode=maybe", "mysql://me:pw@h?ssl-mode", "mysql://me:pw@h?ssl-cert=a",
        "mysql://me:pw@h?connect-timeout=-1", "mysql://me:pw@h?get-server-public-key=x"}) {
    CAPTURE(wrong);
    failure why = failure_of([&] { parse_connection_url(wrong, nothing); });
    CHECK(why.code == "TW-USAGE-CONNECTION-STRING");
    CHECK(std::string(why.what()).find("pw") == std::string::npos);
  }
}
