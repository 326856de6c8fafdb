#include "wire/startup.hpp"

#include <array>

#include "wire/authentication.hpp"
#include "wire/backend_session.hpp"
#include "wire/startup_message.hpp"

namespace tidewire::wire {
namespace {

/// Connection poolers may drop start-up options. What the server reports tells: wrong text is worse than
/// none.
void check_settings(const session& with) {
  struct wanted {
    const char* name;
    std::string_view value;
  };
  constexpr std::array reported{wanted{"DateStyle", "ISO"}, wanted{"IntervalStyle", "postgres"},
                                wanted{"TimeZone", "UTC"}, wanted{"client_encoding", "UTF8"},
                                wanted{"standard_conforming_strings", "on"}};
  for (const wanted& each : reported) {
    auto at = with.parameters.find(each.name);
    bool fits = at == with.parameters.end() || at->second.starts_with(each.value);
    if (!fits)
      throw failure{failure_kind::refused, "TW-PG-SETTINGS",
                    std::string("the server reports ") + each.name + " = " + at->second + " instead of " +
                        std::string(each.value),
                    "something between here and the server drops the start-up options; connect to the server "
                    "itself, not to a pooler"};
  }
}

conversation<> send_startup(session& with, const login_options& options) {
  std::string settings = options.options;
  settings += settings.empty() ? "" : " ";
  settings += pinned_settings;
  std::vector<std::pair<std::string_view, std::string_view>> parameters{{"user", options.user},
                                                                        {"database", options.database},
                                                                        {"client_encoding", "UTF8"},
                                                                        {"options", settings}};
  if (!options.application_name.empty())
    parameters.emplace_back("application_name", options.application_name);
  if (options.replication) parameters.emplace_back("replication", "database");
  with.protocol = static_cast<std::uint32_t>(options.version);
  encoder out = with.out();
  encode_startup(out, with.protocol, parameters);
  if (!out.ok()) {
    with.to.out.clear();
    throw failure{failure_kind::usage, "TW-PG-ENCODE",
                  "the start-up parameters have a zero byte in them, or are too long",
                  "check user, database and options"};
  }
  with.trace_sent(with.to.out, true);
  co_await with.to.send();
}

void note_key(session& with, byte_view body) {
  auto key = well_formed(decode_backend_key_data(body), "BackendKeyData");
  with.process_id = key.process_id;
  with.cancel_key = as_text(key.secret);
}

}  // namespace

conversation<bool> start_encryption(link& to, encryption how, const tls_options& options) {
  if (how == encryption::none) co_return false;
  if (how == encryption::negotiated) {
    encoder out{to.out};
    encode_ssl_request(out);
    co_await to.send();
    byte_view answer = co_await to.receive_bytes(1);
    if (answer[0] == 'N') co_return false;
    // An old server's complaint. Nobody vouches for its text yet (CVE-2024-10977), so it is not shown.
    if (answer[0] == 'E')
      throw failure{failure_kind::refused, "TW-TLS-REQUEST",
                    "the server answered the question for TLS with an error",
                    "is this a Postgres server? sslmode=disable does not ask"};
    if (answer[0] != 'S')
      throw failure{failure_kind::refused, "TW-TLS-REQUEST",
                    "what answered the question for TLS is no Postgres server", "check host and port"};
  }
  co_await to.start_tls(options);
  if (how == encryption::direct && to.tls()->alpn != "postgresql")
    throw failure{failure_kind::refused, "TW-TLS-NO-ALPN",
                  "the server took a direct TLS connection but did not agree to speak Postgres over it",
                  "servers before 17 know sslnegotiation=postgres only"};
  co_return true;
}

void negotiate_version(session& with, const login_options& options, byte_view body) {
  auto answer = well_formed(decode_negotiate_protocol_version(body), "NegotiateProtocolVersion");
  // Older documentation has the minor version only here.
  std::uint32_t version = answer.version < 0x10000 ? 3u << 16 | answer.version : answer.version;
  bool sane = version >> 16 == 3 && version <= static_cast<std::uint32_t>(options.version);
  if (!sane || (options.min_version && version < static_cast<std::uint32_t>(*options.min_version)))
    throw failure{failure_kind::refused, "TW-PG-PROTOCOL-VERSION",
                  "the server speaks protocol " + std::to_string(version >> 16) + "." +
                      std::to_string(version & 0xffff) + " only",
                  "lower min_protocol_version"};
  with.protocol = version;
}

conversation<> log_in(session& with, const login_options& options) {
  co_await send_startup(with, options);
  co_await authenticate(with, options);
  for (;;) {
    backend_message message = co_await with.receive();
    switch (message.tag) {
      case backend_tag::backend_key_data: note_key(with, message.body); break;
      case backend_tag::negotiate_protocol_version: negotiate_version(with, options, message.body); break;
      case backend_tag::error_response:
        throw server_failure{"could not log in as " + options.user,
                             details_of(well_formed(decode_error_response(message.body), "ErrorResponse"))};
      case backend_tag::ready_for_query:
        with.transaction_status = well_formed(decode_ready_for_query(message.body), "ReadyForQuery").status;
        check_settings(with);
        co_return;
      default: unexpected_message(message, "the login");
    }
  }
}

}  // namespace tidewire::wire
