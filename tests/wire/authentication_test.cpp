#include "wire/authentication.hpp"

#include "tests/core/scram_server.hpp"
#include "tests/wire/variations.hpp"
#include "wire/startup.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

constexpr std::string_view plain = "SCRAM-SHA-256", plus = "SCRAM-SHA-256-PLUS";

login_options with_password(std::string password = "s3cret") {
  login_options login;
  login.user = "ada";
  login.password = [password] { return secret{password}; };
  return login;
}

login_options allowing(std::initializer_list<auth_method> methods) {
  login_options login = with_password();
  auth_methods allowed;
  for (auth_method each : methods)
    allowed.bits |= static_cast<std::uint8_t>(1u << static_cast<unsigned>(each));
  login.require_auth = allowed;
  return login;
}

/// Whether something secret was sent.
conversation<bool> authenticate_to(tidewire::link& to, login_options options, bool* secret_sent) {
  session with{to};
  std::exception_ptr error;
  try {
    co_await authenticate(with, options);
  } catch (...) {
    error = std::current_exception();
  }
  if (secret_sent) *secret_sent = with.credentials_sent;
  if (error) std::rethrow_exception(error);
  co_return with.credentials_sent;
}

auto entering(login_options options, bool* secret_sent = nullptr) {
  return [=](tidewire::link& to) { return authenticate_to(to, options, secret_sent); };
}

/// As `entering`, on a connection that has had its handshake.
auto entering_encrypted(login_options options, std::string certificate_hash, bool* secret_sent = nullptr) {
  tls_info info;
  info.server_end_point.assign(certificate_hash.begin(), certificate_hash.end());
  return [=](tidewire::link& to) {
    to.on_tls(info);
    return authenticate_to(to, options, secret_sent);
  };
}

bytes password_message(std::string_view text) {
  return encoded([&](encoder& out) { encode_password(out, text); });
}

script asked_for(auth_request request, std::string_view answer) {
  script steps;
  steps.gives(auth(request)).expects(password_message(answer)).gives(auth(auth_request::ok));
  return steps;
}

/// What the server does beside the exchange itself.
struct scram_wish {
  std::string password = "s3cret";
  std::vector<std::string_view> mechanisms{plain};
  std::string_view mechanism = plain;
  std::string certificate_hash;
  bool offers_binding = false;
  std::function<std::string(std::string)> first, last;  // changes what it says
};

script scram_script(const scram_wish& wish) {
  auto server = std::make_shared<scram_server>(scram_hash::sha256, wish.password);
  server->certificate_hash = wish.certificate_hash;
  server->offers_binding = wish.offers_binding;
  script steps;
  steps.gives(auth_sasl(wish.mechanisms));
  steps.answers([server, wish](byte_view sent) {
    auto frame = split_frontend(sent);
    auto hello = frame ? decode_sasl_initial_response(frame->body) : std::unexpected(frame.error());
    if (!hello || hello->mechanism != wish.mechanism || !hello->data)
      throw script_mismatch("no first message");
    std::string said = server->first(std::string(as_text(*hello->data)));
    return auth(auth_request::sasl_continue, wish.first ? wish.first(said) : said);
  });
  steps.answers([server, wish](byte_view sent) {
    auto frame = split_frontend(sent);
    if (!frame || frame->tag != frontend_tag::password) throw script_mismatch("no final message");
    std::string said = server->final(std::string(as_text(frame->body)));
    return auth(auth_request::sasl_final, wish.last ? wish.last(said) : said);
  });
  steps.gives(auth(auth_request::ok));
  return steps;
}

script asking(const bytes& request) {
  script steps;
  steps.gives(request);
  return steps;
}

/// Refused before anything secret has left us; the script has not a single send in it.
void check_nothing_given_away(const script& steps, const login_options& login, std::string_view code) {
  bool secret_sent = false;
  check_refused(outcome_of(steps, entering(login, &secret_sent)), code);
  CHECK(!secret_sent);
}

const std::vector<std::string_view> scram_codes{"TW-PG-MALFORMED",       "TW-AUTH-SCRAM",
                                                "TW-AUTH-PASSWORD",      "TW-AUTH-SERVER-SIGNATURE",
                                                "TW-AUTH-NOT-SUPPORTED", "TW-PG-UNEXPECTED"};

}  // namespace

TEST_CASE("Authentication: trust", "[authentication]") {
  script steps = asking(auth(auth_request::ok));
  CHECK(!play(steps, frame_size, entering(with_password())));
  CHECK(for_each_failure(steps, frame_size, entering(with_password())) == 2);
  CHECK(!play(interrupted(steps), frame_size, entering(with_password())));
}

TEST_CASE("Authentication: the password itself, and its md5", "[authentication]") {
  script clear = asked_for(auth_request::cleartext_password, "s3cret");
  script md5 = asked_for(auth_request::md5_password, "md531c194cf47f729596c929e4116a96e34");
  for (const script& steps : {clear, md5}) {
    auto make = entering(with_password());
    CHECK(play(steps, frame_size, make));
    CHECK(play(interrupted(steps), frame_size, make));
    CHECK(for_each_failure(steps, frame_size, make) == 3 + 2 + 1);
    check_cuts(steps, make);
    check_lengths(steps, make);
    CHECK(welcome_at(steps, 0, make) == "AENRSv");
    CHECK(welcome_at(steps, 2, make) == "AENRSv");
    // Another request, whichever, after the password went out.
    for (std::uint32_t request = 2; request < 14; ++request) {
      bytes again = auth(static_cast<auth_request>(request));
      bool secret_sent = false;
      outcome found = outcome_of_departure(
          steps, 2, [&](const bytes&) { return again; }, entering(with_password(), &secret_sent));
      CHECK(found.kind == failure_kind::refused);
      CHECK((found.code == "TW-PG-UNEXPECTED" || found.code == "TW-PG-MALFORMED"));
      CHECK(secret_sent);  // so that nobody tries once more in the clear
    }
    outcome wrong = outcome_of_departure(
        steps, 2, [](const bytes&) { return error("28P01", "password", "FATAL"); }, make);
    check_refused(wrong, "TW-AUTH-PASSWORD");
    CHECK(wrong.text.find("s3cret") == wrong.text.npos);
  }
}

TEST_CASE("Authentication: there is no password", "[authentication]") {
  login_options none, empty = with_password("");
  none.user = "ada";
  for (const login_options& login : {none, empty}) {
    check_nothing_given_away(asking(auth(auth_request::cleartext_password)), login, "TW-AUTH-NO-PASSWORD");
    check_nothing_given_away(asking(auth(auth_request::md5_password)), login, "TW-AUTH-NO-PASSWORD");
    check_nothing_given_away(asking(auth_sasl({plain})), login, "TW-AUTH-NO-PASSWORD");
  }
}

TEST_CASE("Authentication: a password that can't be sent", "[authentication]") {
  bool secret_sent = false;
  outcome found = outcome_of(asking(auth(auth_request::cleartext_password)),
                             entering(with_password(std::string("a\0b", 3)), &secret_sent));
  CHECK(found.code == "TW-PG-ENCODE");
  CHECK(found.kind == failure_kind::usage);
  CHECK(!secret_sent);
}

TEST_CASE("Authentication: methods that are not known", "[authentication]") {
  for (auth_request request : {auth_request::kerberos_v5, auth_request::scm_credential, auth_request::gss,
                               auth_request::gss_continue, auth_request::sspi, auth_request::sasl_continue,
                               auth_request::sasl_final, auth_request{1}, auth_request{99}})
    check_nothing_given_away(asking(auth(request)), with_password(), "TW-AUTH-NOT-SUPPORTED");
  check_nothing_given_away(asking(auth_sasl({"OAUTHBEARER", "SCRAM-SHA-1"})), with_password(),
                           "TW-AUTH-NOT-SUPPORTED");
}

TEST_CASE("Authentication: require_auth is kept before anything secret is sent", "[authentication]") {
  login_options scram_only = allowing({auth_method::scram_sha_256});
  check_nothing_given_away(asking(auth(auth_request::ok)), scram_only, "TW-AUTH-NOT-ALLOWED");
  check_nothing_given_away(asking(auth(auth_request::cleartext_password)), scram_only, "TW-AUTH-NOT-ALLOWED");
  check_nothing_given_away(asking(auth(auth_request::md5_password)), scram_only, "TW-AUTH-NOT-ALLOWED");
  check_nothing_given_away(asking(auth_sasl({plain})), allowing({auth_method::md5, auth_method::password}),
                           "TW-AUTH-NOT-ALLOWED");
  CHECK(play(scram_script({}), frame_size, entering(scram_only)));
  CHECK(!play(asking(auth(auth_request::ok)), frame_size, entering(allowing({auth_method::none}))));
  script clear = asked_for(auth_request::cleartext_password, "s3cret");
  CHECK(play(clear, frame_size, entering(allowing({auth_method::password}))));
}

TEST_CASE("Authentication: SCRAM", "[authentication]") {
  script steps = scram_script({});
  auto make = entering(with_password());
  CHECK(play(steps, frame_size, make));
  CHECK(play(interrupted(steps), frame_size, make));
  CHECK(for_each_failure(steps, frame_size, make) == 6 + 4 + 2);
  check_cuts(steps, make);
  check_lengths(steps, make, "", scram_codes);
  CHECK(welcome_at(steps, 0, make) == "AENRSv");
  // AuthenticationOk before the server has proved that it knows the password is not welcome.
  CHECK(welcome_at(steps, 1, make) == "AENS");
  CHECK(welcome_at(steps, 2, make) == "AENS");
  CHECK(welcome_at(steps, 3, make) == "AENRSv");
}

TEST_CASE("Authentication: the server's refusals during SCRAM", "[authentication]") {
  script steps = scram_script({});
  for (std::size_t at : spoken(steps)) {
    outcome found = outcome_of_departure(
        steps, at, [](const bytes&) { return error("28P01", "wrong", "FATAL"); }, entering(with_password()));
    check_refused(found, "TW-AUTH-PASSWORD");
    outcome busy = outcome_of_departure(
        steps, at, [](const bytes&) { return error("57P03", "starting", "FATAL"); },
        entering(with_password()));
    CHECK(busy.code == "TW-PG-UNAVAILABLE");
    CHECK(busy.kind == failure_kind::transient);
  }
}

TEST_CASE("Authentication: a SCRAM server that is not what it should be", "[authentication]") {
  auto code_with = [](const scram_wish& wish, std::size_t last_step) {
    outcome found = outcome_of_departure(
        scram_script(wish), last_step, [](bytes message) { return message; }, entering(with_password()));
    CHECK(found.kind == failure_kind::refused);
    return found.code;
  };
  scram_wish impostor, unproved, foreign_nonce, busy, wrong;
  impostor.last = [](const std::string&) { return "v=" + scram_server::base64(std::string(32, 'x')); };
  unproved.last = [](const std::string&) { return std::string("v="); };
  foreign_nonce.first = [](std::string said) { return said.replace(2, 1, said[2] == 'A' ? "B" : "A"); };
  busy.first = [](const std::string& said) { return said.substr(0, said.rfind('=')) + "=2000000000"; };
  wrong.password = "other";
  CHECK(code_with(impostor, 2) == "TW-AUTH-SERVER-SIGNATURE");
  CHECK(code_with(unproved, 2) != "none");
  CHECK(code_with(foreign_nonce, 1) == "TW-AUTH-SCRAM");
  CHECK(code_with(busy, 1) == "TW-AUTH-SCRAM");
  CHECK(code_with(wrong, 2) == "TW-AUTH-PASSWORD");
}

TEST_CASE("Authentication: SCRAM bound to the TLS connection", "[authentication]") {
  scram_wish bound;
  bound.mechanisms = {plus, plain};
  bound.mechanism = plus;
  bound.certificate_hash = "hash";
  script steps = scram_script(bound);
  for (channel_binding wanted : {channel_binding::prefer, channel_binding::require}) {
    login_options login = with_password();
    login.channel_binding = wanted;
    auto make = entering_encrypted(login, "hash");
    CHECK(play(steps, frame_size, make));
    CHECK(for_each_failure(steps, frame_size, make) == 6 + 4 + 2);
    check_cuts(steps, make);
    check_lengths(steps, make, "", scram_codes);
  }
  // The certificate that we see is not the server's own: a man in the middle.
  bool secret_sent = false;
  script attacked = departing(steps, 2, [](bytes message) { return message; });
  outcome found = outcome_of(attacked, entering_encrypted(with_password(), "another", &secret_sent));
  check_refused(found, "TW-AUTH-PASSWORD");
  CHECK(found.text.find("channel-bindings-dont-match") != found.text.npos);
}

TEST_CASE("Authentication: SCRAM's binding is not taken away unnoticed", "[authentication]") {
  // The offer was taken out of the list. The server, which did offer it, learns that we would have.
  scram_wish cut_out;
  cut_out.offers_binding = true;
  script steps = departing(scram_script(cut_out), 2, [](bytes message) { return message; });
  outcome found = outcome_of(steps, entering_encrypted(with_password(), "hash"));
  check_refused(found, "TW-AUTH-PASSWORD");
  CHECK(found.text.find("server-does-support-channel-binding") != found.text.npos);
  // And if binding is wanted, nothing is even begun.
  login_options strict = with_password();
  strict.channel_binding = channel_binding::require;
  check_refused(outcome_of(asking(auth_sasl({plain})), entering_encrypted(strict, "hash")),
                "TW-AUTH-CHANNEL-BINDING");
  check_refused(outcome_of(asking(auth_sasl({plus, plain})), entering_encrypted(strict, "")),
                "TW-AUTH-CHANNEL-BINDING");
  check_nothing_given_away(asking(auth_sasl({plain})), strict, "TW-AUTH-CHANNEL-BINDING");
  check_nothing_given_away(asking(auth(auth_request::ok)), strict, "TW-AUTH-CHANNEL-BINDING");
  check_nothing_given_away(asking(auth(auth_request::md5_password)), strict, "TW-AUTH-CHANNEL-BINDING");
  check_nothing_given_away(asking(auth(auth_request::cleartext_password)), strict, "TW-AUTH-CHANNEL-BINDING");
  // An offer where there can be no binding.
  check_nothing_given_away(asking(auth_sasl({plus, plain})), with_password(), "TW-AUTH-SCRAM");
}

TEST_CASE("Authentication: SCRAM over TLS without binding", "[authentication]") {
  scram_wish both;
  both.mechanisms = {plus, plain};
  login_options disabled = with_password();
  disabled.channel_binding = channel_binding::disable;
  CHECK(play(scram_script(both), frame_size, entering_encrypted(disabled, "hash")));
  // A certificate without a hash (Ed25519).
  CHECK(play(scram_script(both), frame_size, entering_encrypted(with_password(), "")));
  CHECK(play(scram_script({}), frame_size, entering_encrypted(with_password(), "hash")));
  outcome only_plus = outcome_of(asking(auth_sasl({plus})), entering_encrypted(disabled, "hash"));
  check_refused(only_plus, "TW-AUTH-NOT-SUPPORTED");
}
