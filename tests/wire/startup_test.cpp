#include "wire/startup.hpp"

#include "tests/wire/variations.hpp"
#include "wire/startup_message.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

using pairs = std::vector<std::pair<std::string_view, std::string_view>>;

login_options ada() {
  login_options login;
  login.user = "ada";
  login.database = "shop";
  return login;
}

bytes startup_of(std::uint32_t version, const pairs& more = {}, std::string_view settings = pinned_settings) {
  pairs all{{"user", "ada"}, {"database", "shop"}, {"client_encoding", "UTF8"}, {"options", settings}};
  all.insert(all.end(), more.begin(), more.end());
  return encoded([&](encoder& out) { encode_startup(out, version, all); });
}

/// What a session knows after the login.
conversation<std::string> log_in_to(tidewire::link& to, login_options options) {
  session with{to};
  int notices = 0;
  with.on_notice = [&](const error_details&) { ++notices; };
  co_await log_in(with, options);
  std::string known = std::to_string(with.protocol >> 16) + "." + std::to_string(with.protocol & 0xffff);
  known += " " + std::to_string(with.process_id) + " " + with.cancel_key + " " + with.transaction_status;
  known += with.credentials_sent ? " secret" : "";
  for (const auto& [name, value] : with.parameters) {
    if (name == "application_name") continue;
    known += " ";
    known += name + "=" + value;
  }
  co_return known;
}

auto logging_in(login_options options) {
  return [options](tidewire::link& to) { return log_in_to(to, options); };
}

script trusted(std::uint32_t version = protocol_3_0, const bytes& key = key_data(4711, "1234")) {
  script steps;
  steps.expects(startup_of(version));
  steps.gives(auth(auth_request::ok));
  steps.gives(parameter("TimeZone", "UTC"));
  steps.gives(key);
  steps.gives(ready());
  return steps;
}

login_options newest() {
  login_options login = ada();
  login.version = protocol_version::v3_2;
  return login;
}

}  // namespace

TEST_CASE("Login: a server that trusts us", "[startup]") {
  script steps = trusted();
  auto make = logging_in(ada());
  CHECK(play(steps, frame_size, make) == "3.0 4711 1234 I TimeZone=UTC");
  CHECK(play(interrupted(steps), frame_size, make) == "3.0 4711 1234 I TimeZone=UTC");
  CHECK(for_each_failure(steps, frame_size, make) == 5 + 4 + 1);
  check_cuts(steps, make);
  check_lengths(steps, make, "K");  // the key's length is the server's choice
  CHECK(welcome_at(steps, 1, make) == "AENRSv");
  for (std::size_t at : {2u, 3u, 4u}) CHECK(welcome_at(steps, at, make) == "AEKNSZv");
}

TEST_CASE("Login: what is said of ourselves", "[startup]") {
  login_options login = ada();
  login.replication = true;
  login.application_name = "tide";
  login.options = "-c a=b";
  std::string settings = "-c a=b " + std::string(pinned_settings);
  script steps;
  steps.expects(
      startup_of(protocol_3_0, {{"application_name", "tide"}, {"replication", "database"}}, settings));
  steps.gives(auth(auth_request::ok)).gives(ready('T'));
  CHECK(play(steps, frame_size, logging_in(login)) == "3.0 0  T");
}

TEST_CASE("Login: what can't be said is not begun", "[startup]") {
  login_options with_zero = ada(), too_long = ada();
  with_zero.database = std::string("a\0b", 3);
  too_long.options = std::string(max_startup_packet_bytes, 'x');
  for (const login_options& login : {with_zero, too_long}) {
    outcome found = outcome_of(script{}, logging_in(login));
    CHECK(found.code == "TW-PG-ENCODE");
    CHECK(found.kind == failure_kind::usage);
  }
}

TEST_CASE("Login: protocol 3.2 and its long cancel key", "[startup]") {
  std::string secret(256, 'k');
  script steps = trusted(protocol_3_2, key_data(5, secret));
  CHECK(play(steps, frame_size, logging_in(newest())) == "3.2 5 " + secret + " I TimeZone=UTC");
  check_cuts(steps, logging_in(newest()));
  auto longer = [](bytes message) {
    message.push_back('k');
    store_be(&message[1], static_cast<std::uint32_t>(message.size() - 1));
    return message;
  };
  check_refused(outcome_of_departure(steps, 3, longer, logging_in(newest())), "TW-PG-MALFORMED");
}

TEST_CASE("Login: a server that speaks an older protocol", "[startup]") {
  for (bool late : {false, true}) {
    for (std::uint32_t version : {protocol_3_0, 0u}) {  // older manuals: the minor version alone
      script steps;
      steps.expects(startup_of(protocol_3_2));
      if (!late) steps.gives(negotiate(version, {"_pq_.odd"}));
      steps.gives(auth(auth_request::ok));
      if (late) steps.gives(negotiate(version, {"_pq_.odd"}));
      steps.gives(key_data(1, "abcd")).gives(ready());
      CHECK(play(steps, frame_size, logging_in(newest())) == "3.0 1 abcd I");
      CHECK(for_each_failure(steps, frame_size, logging_in(newest())) == 5 + 4 + 1);
      check_cuts(steps, logging_in(newest()));
      check_lengths(steps, logging_in(newest()), "K");
      login_options strict = newest();
      strict.min_version = protocol_version::v3_2;
      std::size_t at = late ? 2 : 1;
      check_refused(outcome_of(departing(steps, at, [](bytes m) { return m; }), logging_in(strict)),
                    "TW-PG-PROTOCOL-VERSION");
    }
  }
}

TEST_CASE("Login: a version that nobody asked for", "[startup]") {
  for (std::uint32_t version : {3u << 16 | 3, 2u << 16, 4u << 16, 0xffffffffu, 3u}) {
    INFO(version);
    script steps;
    steps.expects(startup_of(protocol_3_2)).gives(negotiate(version)).closes();
    check_refused(outcome_of(steps, logging_in(newest())), "TW-PG-PROTOCOL-VERSION");
  }
  // 3.2, although we said 3.0.
  script steps;
  steps.expects(startup_of(protocol_3_0)).gives(negotiate(protocol_3_2)).closes();
  check_refused(outcome_of(steps, logging_in(ada())), "TW-PG-PROTOCOL-VERSION");
}

TEST_CASE("Login: start-up options that did not arrive", "[startup]") {
  for (auto [name, value] : pairs{{"DateStyle", "German, DMY"},
                                  {"IntervalStyle", "iso_8601"},
                                  {"TimeZone", "Europe/Berlin"},
                                  {"client_encoding", "LATIN1"},
                                  {"standard_conforming_strings", "off"}}) {
    script steps;
    steps.expects(startup_of(protocol_3_0)).gives(auth(auth_request::ok));
    steps.gives(parameter(name, value)).gives(ready());
    outcome found = outcome_of(steps, logging_in(ada()));
    check_refused(found, "TW-PG-SETTINGS");
    CHECK(found.text.find(value) != found.text.npos);
  }
}

TEST_CASE("Login: the server's refusals at every place", "[startup]") {
  struct {
    const char* sqlstate;
    const char* code;
    failure_kind kind;
  } cases[] = {{"28000", "TW-AUTH-REJECTED", failure_kind::refused},
               {"28P01", "TW-AUTH-PASSWORD", failure_kind::refused},
               {"3D000", "TW-PG-DATABASE", failure_kind::refused},
               {"53300", "TW-PG-CONNECTIONS", failure_kind::transient},
               {"57P03", "TW-PG-UNAVAILABLE", failure_kind::transient},
               {"XX000", "TW-PG-ERROR", failure_kind::refused},
               {"", "TW-PG-ERROR", failure_kind::refused}};
  script steps = trusted();
  for (const auto& each : cases) {
    for (std::size_t at : spoken(steps)) {
      INFO(each.sqlstate << " at " << at);
      bytes said = error(each.sqlstate, "no entry", "FATAL");
      outcome found = outcome_of_departure(steps, at, [&](const bytes&) { return said; }, logging_in(ada()));
      CHECK(found.code == each.code);
      CHECK(found.kind == each.kind);
      CHECK(found.text.find("no entry") != found.text.npos);
    }
  }
}

// Encryption. Its question and answer have no frames.

namespace {

tls_info agreed_on(std::string alpn) {
  tls_info info;
  info.alpn = std::move(alpn);
  return info;
}

auto encrypting(encryption how) {
  static const tls_options options;
  return [how](tidewire::link& to) { return start_encryption(to, how, options); };
}

bytes ssl_request() {
  return encoded([](encoder& out) { encode_ssl_request(out); });
}

}  // namespace

TEST_CASE("Encryption: asked for and granted, or not", "[startup]") {
  script granted, denied;
  granted.expects(ssl_request()).gives("S").tls(agreed_on(""));
  denied.expects(ssl_request()).gives("N");
  CHECK(play(granted, frame_size, encrypting(encryption::negotiated)));
  CHECK(!play(denied, frame_size, encrypting(encryption::negotiated)));
  CHECK(for_each_failure(granted, frame_size, encrypting(encryption::negotiated)) == 3 + 1 + 1);
  CHECK(for_each_failure(denied, frame_size, encrypting(encryption::negotiated)) == 2 + 1 + 1);
  CHECK(!play(script{}, frame_size, encrypting(encryption::none)));
}

TEST_CASE("Encryption: every other answer is refused, and nothing of it is shown", "[startup]") {
  for (int answer = 0; answer < 256; ++answer) {
    if (answer == 'S' || answer == 'N') continue;
    script steps;
    bytes said{static_cast<std::uint8_t>(answer)};
    steps.expects(ssl_request()).gives(said + to_bytes("come to evil.test"));
    outcome found = outcome_of(steps, encrypting(encryption::negotiated));
    if (found.code != "TW-TLS-REQUEST" || found.kind != failure_kind::refused)
      FAIL_CHECK("answer " << answer << " ends with " << found.code);
    CHECK(found.text.find("evil") == found.text.npos);
  }
}

TEST_CASE("Encryption: bytes behind the S are an attack", "[startup]") {
  for (const bytes& more : {ready(), bytes{0}, bytes{0x16, 3, 1}}) {
    script steps;
    steps.expects(ssl_request()).gives(to_bytes("S") + more);
    check_refused(outcome_of(steps, encrypting(encryption::negotiated)), "TW-TLS-EARLY-DATA");
  }
}

TEST_CASE("Encryption: direct TLS must agree on Postgres", "[startup]") {
  script good, none, other;
  good.tls(agreed_on("postgresql"));
  none.tls(agreed_on(""));
  other.tls(agreed_on("http/1.1"));
  CHECK(play(good, frame_size, encrypting(encryption::direct)));
  CHECK(for_each_failure(good, frame_size, encrypting(encryption::direct)) == 1);
  check_refused(outcome_of(none, encrypting(encryption::direct)), "TW-TLS-NO-ALPN");
  check_refused(outcome_of(other, encrypting(encryption::direct)), "TW-TLS-NO-ALPN");
}
