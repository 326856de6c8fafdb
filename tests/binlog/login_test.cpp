// Conversations with a scripted server: every way of logging in, queries, the dump; and a fault at each wait.
#include "binlog/login.hpp"

#include <catch2/catch_test_macros.hpp>

#include "binlog/dump_request.hpp"
#include "binlog/handshake.hpp"
#include "binlog/response.hpp"
#include "binlog/scramble.hpp"
#include "binlog/source.hpp"
#include "binlog/text_query.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/core/script.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::testing;

namespace {

const bytes salt_begin{1, 2, 3, 4, 5, 6, 7, 8};
const bytes salt_rest{11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22};

bytes salt() {
  bytes all = salt_begin;
  all.insert(all.end(), salt_rest.begin(), salt_rest.end());
  return all;
}

bytes packet(std::uint8_t sequence, const bytes& payload) {
  bytes out;
  encoder to(out);
  encode_packet(to, sequence, payload);
  return out;
}

bytes packet(std::uint8_t sequence, std::string_view payload) {
  return packet(sequence, to_bytes(payload));
}

bytes greeting(std::string_view plugin, bool tls = false, std::string_view version = "8.0.33") {
  greeting_view m;
  m.server_version = version;
  m.connection_id = 5;
  m.capabilities = 0xffffffff & ~(tls ? 0u : capability::ssl);
  m.salt_begin = salt_begin;
  m.salt_rest = salt_rest;
  m.plugin = plugin;
  bytes out;
  encoder to(out);
  encode_greeting(to, m);
  return packet(0, out);
}

bytes ok(std::uint8_t sequence) {
  return packet(sequence, bytes{0, 0, 0, 2, 0, 0, 0});
}

/// The login packet must hold this response; then `answer` comes.
std::function<bytes(byte_view)> login_with(const bytes& response, bytes answer, std::uint8_t sequence = 1) {
  return [response, answer, sequence](byte_view sent) {
    bytes wanted{'u', 0, static_cast<std::uint8_t>(response.size())};
    wanted.insert(wanted.end(), response.begin(), response.end());
    if (sent.size() < 4 || sent[3] != sequence || std::ranges::search(sent, wanted).empty())
      throw script_mismatch("the login is " + to_hex(sent));
    return answer;
  };
}

login_options options_for(std::string_view password) {
  login_options options;
  options.user = "u";
  options.password = secret(password);
  options.random = [](std::size_t count) { return bytes(count, 7); };
  return options;
}

/// The session lives as long as the conversation.
struct state {
  explicit state(tidewire::link& to, login_options with) : talk(to), options(std::move(with)) {}
  session talk;
  login_options options;
};

conversation<std::string> logged_in(tidewire::link& to, login_options options) {
  state all(to, std::move(options));
  co_await log_in(all.talk, all.options);
  co_return all.talk.auth_plugin;
}

std::string log_in_by(const script& steps, const login_options& options) {
  auto make = [&](tidewire::link& to) { return logged_in(to, options); };
  CHECK(for_each_failure(steps, packet_size, make) > 0);
  return play(steps, packet_size, make);
}

std::string failed_code(const script& steps, const login_options& options) {
  return failure_of(
             [&] { play(steps, packet_size, [&](tidewire::link& to) { return logged_in(to, options); }); })
      .code;
}

conversation<text_result> queried(tidewire::link& to) {
  session with(to);
  text_result result = co_await text_query(with, "SELECT 1", "asking");
  co_return result;
}

text_result query_by(const script& steps) {
  return play(steps, packet_size, [](tidewire::link& to) { return queried(to); });
}

}  // namespace

TEST_CASE("binlog: logging in with the plugin of the greeting") {
  secret password("secret");
  login_options options = options_for("secret");
  script native;
  native.gives(greeting("mysql_native_password"))
      .answers(login_with(native_password(password, salt()), ok(2)));
  CHECK(log_in_by(native, options) == "mysql_native_password");
  script fast;
  fast.gives(greeting("caching_sha2_password"));
  fast.answers(login_with(caching_sha2(password, salt()), packet(2, bytes{1, 3}))).gives(ok(3));
  CHECK(log_in_by(fast, options) == "caching_sha2_password");
  script empty;
  empty.gives(greeting("caching_sha2_password")).answers(login_with({}, ok(2)));
  CHECK(log_in_by(empty, options_for("")) == "caching_sha2_password");
}

TEST_CASE("binlog: the whole password goes through TLS only, or sealed") {
  login_options options = options_for("secret");
  secret password("secret");
  bytes first = caching_sha2(password, salt());
  script tls;
  tls.gives(greeting("caching_sha2_password", true));
  tls.answers([](byte_view sent) {
    if (sent.size() != 36 || sent[3] != 1) throw script_mismatch("no request for TLS: " + to_hex(sent));
    return bytes{};
  });
  tls.tls()
      .answers(login_with(first, packet(3, bytes{1, 4}), 2))
      .expects(packet(4, std::string_view("secret\0", 7)));
  tls.gives(ok(5));
  CHECK(log_in_by(tls, options) == "caching_sha2_password");

  script plain;
  plain.gives(greeting("caching_sha2_password")).answers(login_with(first, packet(2, bytes{1, 4})));
  CHECK(failed_code(plain, options) == "TW-AUTH-RSA");
  options.trust_server_key = true;
  plain.expects(packet(3, bytes{2})).gives(packet(4, std::string_view("\x01-----BEGIN nonsense")));
  CHECK(failed_code(plain, options) == "TW-AUTH-RSA");

  options.encrypt = tls_wanted::yes;
  script none;
  none.gives(greeting("caching_sha2_password"));
  CHECK(failed_code(none, options) == "TW-TLS-NOT-OFFERED");
}

TEST_CASE("binlog: a switch to the account's plugin") {
  login_options options = options_for("secret");
  secret password("secret");
  bytes other(32, 9);
  for (const char* plugin : {"mysql_native_password", "client_ed25519", "caching_sha2_password"}) {
    bytes answer = plugin == std::string_view("client_ed25519")          ? ed25519_password(password, other)
                   : plugin == std::string_view("mysql_native_password") ? native_password(password, other)
                                                                         : caching_sha2(password, other);
    bytes change;
    encoder to(change);
    encode_auth_switch(to, {plugin, other});
    script steps;
    steps.gives(greeting("unknown_plugin", false, "5.5.5-10.11.6-MariaDB"));
    steps.answers(login_with({}, packet(2, change))).expects(packet(3, answer)).gives(ok(4));
    CHECK(log_in_by(steps, options) == plugin);
  }
  for (const char* plugin :
       {"auth_gssapi_client", "something_new", "mysql_clear_password", "mysql_old_password"}) {
    bytes change;
    encoder to(change);
    encode_auth_switch(to, {plugin, other});
    script steps;
    steps.gives(greeting("mysql_native_password"));
    steps.answers(login_with(native_password(password, salt()), packet(2, change)));
    CHECK(failed_code(steps, options) == "TW-AUTH-NOT-SUPPORTED");
  }
}

TEST_CASE("binlog: parsec") {
  login_options options = options_for("secret");
  bytes other(32, 9);
  bytes change;
  encoder to(change);
  encode_auth_switch(to, {"parsec", other});
  bytes extended{'P', 0};
  extended.insert(extended.end(), salt_rest.begin(), salt_rest.end());
  script steps;
  steps.gives(greeting("mysql_native_password"));
  steps.answers(login_with(native_password(secret("secret"), salt()), packet(2, change)));
  steps.expects(packet(3, bytes{})).gives(packet(4, extended));
  steps.expects(packet(5, parsec_password(secret("secret"), other, extended, bytes(32, 7)))).gives(ok(6));
  CHECK(log_in_by(steps, options) == "parsec");
}

TEST_CASE("binlog: what the server says instead of letting us in") {
  login_options options = options_for("secret");
  script busy;
  busy.gives(packet(0, std::string_view("\xff\x10\x04Too many connections", 23)));
  CHECK(failed_code(busy, options) == "TW-MY-CONNECTIONS");
  script wrong;
  wrong.gives(greeting("mysql_native_password"));
  wrong.answers(
      login_with(native_password(secret("secret"), salt()), packet(2, "\xff\x15\x04#28000Access denied")));
  CHECK(failed_code(wrong, options) == "TW-AUTH-PASSWORD");
  script other;
  other.gives(packet(0, "SSH-2.0-x"));
  CHECK(failed_code(other, options) == "TW-MY-MALFORMED");
  script empty;
  empty.gives(packet(0, ""));
  CHECK(failed_code(empty, options) == "TW-MY-MALFORMED");
}

TEST_CASE("binlog: results as text") {
  bytes request = packet(0, "\x03SELECT 1");
  bytes column{3, 'd', 'e', 'f', 0, 0, 0, 1, 'n', 0, 0x0c, 0x3f, 0, 0x10, 0, 0, 0, 0xfd, 1, 0, 0x1f, 0, 0};
  bytes end{0xfe, 0, 0, 2, 0};
  script steps;
  steps.expects(request).gives(packet(1, bytes{1})).gives(packet(2, column)).gives(packet(3, end));
  steps.gives(packet(4, "\x01x")).gives(packet(5, bytes{0xfb})).gives(packet(6, end));
  CHECK(for_each_failure(steps, packet_size, [](tidewire::link& to) { return queried(to); }) > 0);
  text_result result = query_by(steps);
  CHECK(result.columns == std::vector<std::string>{"n"});
  REQUIRE(result.rows.size() == 2);
  CHECK(result.first() == "x");
  CHECK(!result.rows[1][0]);
  CHECK(result.first(1).empty());

  script nothing;
  nothing.expects(request).gives(ok(1));
  CHECK(query_by(nothing).rows.empty());
  script failing;
  failing.expects(request).gives(packet(1, "\xff\xcb\x04#42000no right"));
  CHECK(failure_of([&] { query_by(failing); }).code == "TW-MY-PRIVILEGE");
  script local;
  local.expects(request).gives(packet(1, "\xfb/etc/passwd"));
  CHECK(failure_of([&] { query_by(local); }).code == "TW-MY-MALFORMED");
}

TEST_CASE("binlog: positions that a server can't go on from") {
  server_facts server;
  server.now.executed = *gtid_set::parse("00000000-0000-0000-0000-000000000001:1-100");
  server.purged = *gtid_set::parse("00000000-0000-0000-0000-000000000001:1-10");
  auto code = [&](std::string_view text) -> std::string {
    try {
      check_position(server, *parse_position(text));
    } catch (const failure& why) {
      return why.code;
    }
    return "good";
  };
  CHECK(code("gtid:00000000-0000-0000-0000-000000000001:1-10") == "good");
  CHECK(code("gtid:00000000-0000-0000-0000-000000000001:1-100") == "good");
  CHECK(code("gtid:00000000-0000-0000-0000-000000000001:1-9") == "TW-MY-PURGED");
  CHECK(code("gtid:00000000-0000-0000-0000-000000000001:1-101") == "TW-MY-HISTORY");
  CHECK(code("gtid:00000000-0000-0000-0000-000000000001:1-50,00000000-0000-0000-0000-000000000002:1") ==
        "TW-MY-HISTORY");
  CHECK(code("file:b.1:4") == "TW-MY-HISTORY");
  server.kind = server.now.kind = position_kind::domains;
  server.now.domains = *mariadb_gtid_position::parse("0-1-100,1-1-5");
  CHECK(code("domains:0-1-100") == "good");
  CHECK(code("domains:0-2-99,1-1-5") == "good");
  CHECK(code("domains:0-1-101") == "TW-MY-HISTORY");
  CHECK(code("domains:0-1-1,7-1-1") == "TW-MY-HISTORY");
}

TEST_CASE("binlog: compression is what the server offers of what is wanted") {
  using enum compression_algorithm;
  auto codes = [](std::vector<compression_algorithm> wanted, std::string_view version,
                  std::uint32_t missing) {
    login_options options = options_for("");
    options.compression = std::move(wanted);
    std::uint32_t asked = 0;
    greeting_view m;
    m.server_version = version;
    m.capabilities = 0xffffffff & ~capability::ssl & ~missing;
    m.salt_begin = salt_begin;
    m.salt_rest = salt_rest;
    m.plugin = "mysql_native_password";
    bytes hello;
    encoder to(hello);
    encode_greeting(to, m);
    script steps;
    steps.gives(packet(0, hello)).answers([&](byte_view sent) {
      asked =
          sent[4] | std::uint32_t{sent[5]} << 8 | std::uint32_t{sent[6]} << 16 | std::uint32_t{sent[7]} << 24;
      return ok(2);
    });
    std::string code =
        failure_of([&] {
          play(steps, packet_size, [&](tidewire::link& link) { return logged_in(link, options); });
          throw failure{failure_kind::usage, "none", ""};
        }).code;
    if (code != "none") return code;
    bool zip = asked & capability::compress, zst = asked & capability::zstd;
    return std::string(zip && zst ? "both" : zip ? "zlib" : zst ? "zstd" : "none");
  };
  CHECK(codes({}, "8.0.33", 0) == "none");
  CHECK(codes({zstd, zlib}, "8.0.33", 0) == "zstd");
  CHECK(codes({zlib, zstd}, "8.0.33", 0) == "zlib");
  CHECK(codes({zstd, zlib}, "8.0.17", capability::zstd) == "zlib");
  CHECK(codes({zstd, zlib}, "11.8.2-MariaDB", 0) == "zlib");
  CHECK(codes({zstd, none}, "11.8.2-MariaDB", 0) == "none");
  CHECK(codes({zstd}, "11.8.2-MariaDB", 0) == "TW-MY-COMPRESSION");
  CHECK(codes({zlib}, "8.0.33", capability::compress) == "TW-MY-COMPRESSION");
}
