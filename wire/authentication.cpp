#include "wire/authentication.hpp"

#include <algorithm>
#include <openssl/evp.h>

#include "core/scram.hpp"
#include "wire/backend_auth.hpp"
#include "wire/frontend.hpp"

namespace tidewire::wire {
namespace {

/// What the server wants must be among what the user allows. Asked before anything secret is sent.
void check_allowed(const login_options& options, auth_method method) {
  if (!options.require_auth || options.require_auth->allows(method)) return;
  throw failure{failure_kind::refused, "TW-AUTH-NOT-ALLOWED",
                "the server wants authentication by " +
                    std::string(auth_method_names[static_cast<std::size_t>(method)]) +
                    ", which require_auth does not allow",
                "nothing secret was sent; allow it in require_auth, or change the server's pg_hba.conf"};
}

void check_binding_not_required(const login_options& options, std::string_view why) {
  if (options.channel_binding == channel_binding::require)
    throw failure{failure_kind::refused, "TW-AUTH-CHANNEL-BINDING",
                  "channel binding is required, but " + std::string(why),
                  "it takes TLS and a SCRAM password; or lower channel_binding"};
}

[[noreturn]] void not_supported(const std::string& name) {
  throw failure{failure_kind::refused, "TW-AUTH-NOT-SUPPORTED",
                "the server wants authentication by " + name + ", which tidewire does not have",
                "use a password (SCRAM) or a client certificate for this role: see pg_hba.conf"};
}

secret password_for(const login_options& options) {
  secret found = options.password ? options.password() : secret{};
  if (found.empty())
    throw failure{
        failure_kind::refused, "TW-AUTH-NO-PASSWORD",
        "the server wants a password for " + options.user + ", and there is none",
        "give it by PGPASSWORD, ~/.pgpass (which only its owner may read) or the connection string"};
  return found;
}

std::string md5_hex(std::initializer_list<std::string_view> parts) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  bool done = context && EVP_DigestInit_ex(context, EVP_md5(), nullptr) == 1;
  for (std::string_view part : parts) done = done && EVP_DigestUpdate(context, part.data(), part.size()) == 1;
  done = done && EVP_DigestFinal_ex(context, digest, &size) == 1;
  EVP_MD_CTX_free(context);
  if (!done) not_supported("md5, which this machine's OpenSSL does not allow");
  constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += {digits[digest[i] >> 4], digits[digest[i] & 15]};
  return hex;
}

conversation<> send_password(session& with, std::string_view text) {
  encoder out = with.out();
  encode_password(out, text);
  with.credentials_sent = out.ok();  // else nothing goes out
  co_await with.send(out);
}

conversation<> cleartext(session& with, const login_options& options) {
  check_allowed(options, auth_method::password);
  check_binding_not_required(options, "the server wants the password itself");
  secret password = password_for(options);
  co_await send_password(with, password.reveal());
}

conversation<> md5(session& with, const login_options& options, std::array<std::uint8_t, 4> salt) {
  check_allowed(options, auth_method::md5);
  check_binding_not_required(options, "the server wants an md5 password");
  secret password = password_for(options);
  std::string inner = md5_hex({password.reveal(), options.user});
  std::string outer = "md5" + md5_hex({inner, as_text(salt)});
  co_await send_password(with, outer);
}

struct offered_mechanisms {
  bool plain = false;
  bool plus = false;
  std::string names;
};

offered_mechanisms read_mechanisms(const authentication_view& request) {
  offered_mechanisms offered;
  mechanism_reader reader(request);
  for (std::string_view name; reader.next(name);) {
    offered.plain |= name == scram_mechanism(scram_hash::sha256, false);
    offered.plus |= name == scram_mechanism(scram_hash::sha256, true);
    offered.names += (offered.names.empty() ? "" : ", ") + std::string(name);
  }
  return offered;
}

/// Which binding to use, by RFC 5802 §6: `y` tells a server that offers none although there is TLS that we
/// would have; a man in the middle who took the offer out of its list is found out so.
scram_binding choose_binding(session& with, const login_options& options, const offered_mechanisms& offered) {
  const tls_info* tls = with.to.tls();
  bool able = tls && !tls->server_end_point.empty() && options.channel_binding != channel_binding::disable;
  if (offered.plus && !tls)
    throw failure{failure_kind::refused, "TW-AUTH-SCRAM",
                  "the server offers channel binding on a connection without TLS",
                  "somebody between here and the server may be tampering"};
  if (offered.plus && able) return {scram_binding::tls_server_end_point, tls->server_end_point};
  check_binding_not_required(options, !tls           ? "there is no TLS"
                                      : offered.plus ? "the server's certificate has no hash to bind to"
                                                     : "the server does not offer it");
  return {able ? scram_binding::supported_not_used : scram_binding::none};
}

conversation<authentication_view> next_request(session& with, auth_request wanted) {
  backend_message message = co_await with.receive();
  if (message.tag == backend_tag::error_response)
    throw server_failure{"could not log in",
                         details_of(well_formed(decode_error_response(message.body), "ErrorResponse"))};
  if (message.tag != backend_tag::authentication) unexpected_message(message, "SCRAM authentication");
  auto request = well_formed(decode_authentication(message.body), "Authentication");
  if (request.request != wanted) unexpected_message(message, "SCRAM authentication");
  co_return request;
}

conversation<> sasl(session& with, const login_options& options, authentication_view request) {
  offered_mechanisms offered = read_mechanisms(request);
  if (!offered.plain && !offered.plus) not_supported(offered.names);
  check_allowed(options, auth_method::scram_sha_256);
  scram_binding binding = choose_binding(with, options, offered);
  bool plus = binding.what == scram_binding::tls_server_end_point;
  if (!plus && !offered.plain) not_supported(offered.names);
  // Postgres takes the user from the start-up message and ignores the one in here.
  scram_client client(scram_hash::sha256, "", password_for(options), std::move(binding));
  encoder first = with.out();
  std::string hello = client.client_first();
  encode_sasl_initial_response(first, client.mechanism(), as_bytes(hello));
  co_await with.send(first);
  authentication_view challenge = co_await next_request(with, auth_request::sasl_continue);
  std::string proof = client.client_final(as_text(challenge.data));
  encoder final = with.out();
  encode_sasl_response(final, as_bytes(proof));
  with.credentials_sent = true;
  co_await with.send(final);
  authentication_view outcome = co_await next_request(with, auth_request::sasl_final);
  client.verify(as_text(outcome.data));
}

std::string name_of_request(auth_request request) {
  switch (request) {
    case auth_request::kerberos_v5: return "Kerberos V5";
    case auth_request::scm_credential: return "SCM credentials";
    case auth_request::gss:
    case auth_request::gss_continue: return "GSSAPI";
    case auth_request::sspi: return "SSPI";
    default: return "method " + std::to_string(static_cast<std::uint32_t>(request));
  }
}

}  // namespace

conversation<> authenticate(session& with, const login_options& options) {
  bool asked = false;
  bool scram_done = false;
  for (;;) {
    backend_message message = co_await with.receive();
    if (message.tag == backend_tag::negotiate_protocol_version) {
      negotiate_version(with, options, message.body);
      continue;
    }
    if (message.tag == backend_tag::error_response)
      throw server_failure{"could not log in as " + options.user,
                           details_of(well_formed(decode_error_response(message.body), "ErrorResponse"))};
    if (message.tag != backend_tag::authentication) unexpected_message(message, "authentication");
    auto request = well_formed(decode_authentication(message.body), "Authentication");
    if (request.request == auth_request::ok) {
      if (!asked) check_allowed(options, auth_method::none);
      if (!scram_done) check_binding_not_required(options, "the server did not ask for a SCRAM password");
      co_return;
    }
    if (asked) unexpected_message(message, "authentication, a second time");
    asked = true;
    switch (request.request) {
      case auth_request::cleartext_password: co_await cleartext(with, options); break;
      case auth_request::md5_password: co_await md5(with, options, request.salt); break;
      case auth_request::sasl:
        co_await sasl(with, options, request);
        scram_done = true;
        break;
      default: not_supported(name_of_request(request.request));
    }
  }
}

}  // namespace tidewire::wire
