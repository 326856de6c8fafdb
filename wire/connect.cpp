#include "wire/connect.hpp"

#include <algorithm>
#include <random>

#include "core/ca_roots.hpp"
#include "wire/pgpass.hpp"
#include "wire/query.hpp"
#include "wire/startup.hpp"

namespace tidewire::wire {
namespace {

/// How one try goes about encryption.
enum class attempt : std::uint8_t {
  plain,
  tls_if_offered,  // a server without TLS is talked to in the clear
  tls,             // or nothing
};

/// In their order; a later one is tried only where the one before was turned down before any secret was sent.
/// A certificate that must be shown leaves those with TLS.
std::vector<attempt> attempts_of(sslmode mode, bool certificate_required) {
  std::vector<attempt> attempts;
  switch (mode) {
    case sslmode::disable: attempts = {attempt::plain}; break;
    case sslmode::allow: attempts = {attempt::plain, attempt::tls}; break;
    case sslmode::prefer: attempts = {attempt::tls_if_offered, attempt::plain}; break;
    case sslmode::require:
    case sslmode::verify_ca:
    case sslmode::verify_full: attempts = {attempt::tls}; break;
  }
  if (!certificate_required) return attempts;
  if (mode == sslmode::disable)
    throw failure{failure_kind::usage, "TW-TLS-OPTIONS",
                  "sslcertmode=require, but without TLS no certificate can be shown",
                  "ask for TLS with sslmode=require or more, or lower sslcertmode"};
  return {attempt::tls};
}

endpoint endpoint_of(const host_port& host) {
  endpoint to;
  to.host = host.host;
  to.hostaddr = host.hostaddr;
  to.port = host.port;
  if (host.is_unix) to.unix_path = host.host + "/.s.PGSQL." + std::to_string(host.port);
  return to;
}

socket_options socket_options_of(const connection_options& options, std::chrono::milliseconds read_deadline) {
  socket_options socket;
  socket.read_deadline = read_deadline;
  if (options.connect_timeout_s) socket.connect_timeout = std::chrono::seconds{*options.connect_timeout_s};
  socket.keepalive = options.keepalives;
  socket.keepalive_idle_s = options.keepalives_idle_s.value_or(socket.keepalive_idle_s);
  socket.keepalive_interval_s = options.keepalives_interval_s.value_or(socket.keepalive_interval_s);
  socket.keepalive_count = options.keepalives_count.value_or(socket.keepalive_count);
  socket.tcp_user_timeout_ms = options.tcp_user_timeout_ms.value_or(socket.tcp_user_timeout_ms);
  return socket;
}

/// TLS before 1.2 is never spoken, whatever a connection string allows.
tidewire::tls_version tls_version_of(std::optional<wire::tls_version> wanted,
                                     tidewire::tls_version otherwise) {
  if (!wanted) return otherwise;
  return *wanted == wire::tls_version::v1_3 ? tidewire::tls_version::tls_1_3 : tidewire::tls_version::tls_1_2;
}

tls_options tls_options_of(const connection_options& options, const host_port& host, sslmode mode,
                           const ca_roots& system) {
  tls_options tls;
  tls.verify = mode == sslmode::verify_full ? tls_verify::full
               : mode == sslmode::verify_ca ? tls_verify::ca
                                            : tls_verify::none;
  tls.host = host.host.empty() ? host.hostaddr : host.host;
  tls.sni = options.sslsni;
  if (options.sslrootcert.empty() || options.sslrootcert == "system") {
    tls.ca_file = system.file;
    tls.ca_directory = system.directory;
  } else {
    tls.ca_file = options.sslrootcert;
  }
  tls.crl_file = options.sslcrl;
  tls.crl_directory = options.sslcrldir;
  if (options.sslcertmode != sslcertmode::disable) {
    tls.certificate_file = options.sslcert;
    tls.key_file = options.sslkey;
    tls.key_password = options.sslpassword;
  }
  if (options.sslcertmode == sslcertmode::require && tls.certificate_file.empty())
    throw failure{failure_kind::usage, "TW-TLS-OPTIONS",
                  "sslcertmode=require, but there is no client certificate", "give sslcert and sslkey"};
  tls.certificate_must_be_asked = options.sslcertmode == sslcertmode::require;
  tls.min_version = tls_version_of(options.ssl_min_protocol_version, tls.min_version);
  tls.max_version = tls_version_of(options.ssl_max_protocol_version, tls.max_version);
  tls.alpn = {"postgresql"};
  return tls;
}

login_options login_options_of(const connection_options& options, const connect_settings& settings,
                               const host_port& host) {
  login_options login;
  login.user = options.user;
  login.database = options.dbname;
  login.replication = settings.replication;
  login.application_name = !options.application_name.empty()            ? options.application_name
                           : !options.fallback_application_name.empty() ? options.fallback_application_name
                                                                        : settings.application_name;
  login.options = options.options;
  login.version = options.max_protocol_version.value_or(
      std::max(protocol_version::v3_0, options.min_protocol_version.value_or(protocol_version::v3_0)));
  login.min_version = options.min_protocol_version;
  login.require_auth = options.require_auth;
  login.channel_binding = options.channel_binding.value_or(channel_binding::prefer);
  login.password = [&options, &settings, host] {
    if (!options.password.empty()) return options.password;
    password_lookup found = find_password(options, host);
    if (!found.warning.empty() && settings.on_warning) settings.on_warning(found.warning);
    return found.password.value_or(secret{});
  };
  return login;
}

/// The user at the other end of the socket must be the one of that name.
void check_peer(const connection_options& options, const client& with) {
  if (options.requirepeer.empty() || !with.host.is_unix) return;
  auto user = with.socket.peer_user_id();
  std::string passwd = process_sources().read_file("/etc/passwd").value_or("");
  std::string wanted = user ? ":" + std::to_string(*user) + ":" : "";
  std::size_t at = ("\n" + passwd).find("\n" + options.requirepeer + ":");
  std::string line = at == std::string::npos ? "" : passwd.substr(at, passwd.find('\n', at) - at);
  // name:password:uid:…
  std::size_t uid = line.find(':', line.find(':') + 1);
  if (line.empty() || wanted.empty() || line.compare(uid, wanted.size(), wanted) != 0)
    throw failure{failure_kind::refused, "TW-AUTH-PEER",
                  "the server behind the socket does not run as " + options.requirepeer,
                  "check requirepeer, and who listens on the socket"};
}

/// One whole way from the socket to the session.
asio::awaitable<std::unique_ptr<client>> try_once(const connection_options& options,
                                                  const connect_settings& settings, const host_port& host,
                                                  attempt how, tls_options tls, bool& secret_sent) {
  socket_options socket = socket_options_of(options, settings.read_deadline);
  endpoint to = endpoint_of(host);
  connection made = co_await connection::connect(to, socket, frame_size);
  auto with = std::make_unique<client>(std::move(made));
  with->host = host;
  with->talk.on_trace = settings.on_trace;
  with->talk.on_notice = settings.on_notice;
  check_peer(options, *with);
  link& link = with->socket.link();
  if (socket.connect_timeout.count() > 0) link.deadline = link::clock::now() + socket.connect_timeout;
  if (how != attempt::plain) {
    encryption kind =
        options.sslnegotiation == sslnegotiation::direct ? encryption::direct : encryption::negotiated;
    bool encrypted = co_await with->run(start_encryption(link, kind, tls));
    if (!encrypted && how == attempt::tls)
      throw failure{failure_kind::refused, "TW-TLS-NOT-OFFERED", "the server at " + to.text() + " has no TLS",
                    "switch it on there (ssl = on), or ask for less with sslmode"};
  }
  login_options login = login_options_of(options, settings, host);
  std::exception_ptr error;
  try {
    co_await with->run(log_in(with->talk, login));
  } catch (...) {
    error = std::current_exception();
  }
  secret_sent = with->talk.credentials_sent;
  if (error) std::rethrow_exception(error);
  link.deadline = link::clock::time_point::max();
  co_return with;
}

/// Whether the next attempt on the same host may help: this one was turned down for how it was encrypted. Not
/// so for data that somebody injected before the handshake, or for files of ours that can't be loaded.
bool turned_down(const failure& why) {
  return why.code == "TW-TLS-HANDSHAKE" || why.code == "TW-AUTH-REJECTED";
}

asio::awaitable<std::unique_ptr<client>> try_host(const connection_options& options,
                                                  const connect_settings& settings, const host_port& host,
                                                  const ca_roots& system) {
  sslmode mode = effective_sslmode(options, host, system.found());
  std::string warning = sslmode_warning(options, host, system.found());
  if (!warning.empty() && settings.on_warning) settings.on_warning(warning);
  std::vector<attempt> attempts = attempts_of(mode, options.sslcertmode == sslcertmode::require);
  tls_options tls;
  if (mode != sslmode::disable) tls = tls_options_of(options, host, mode, system);
  for (std::size_t i = 0;; ++i) {
    bool secret_sent = false;
    std::exception_ptr error;
    try {
      std::unique_ptr<client> with =
          co_await try_once(options, settings, host, attempts[i], tls, secret_sent);
      co_return with;
    } catch (const failure& why) {
      if (i + 1 == attempts.size() || secret_sent || !turned_down(why)) throw;
      if (settings.on_warning && mode == sslmode::prefer)
        settings.on_warning(std::string("going on without encryption (sslmode=prefer): ") + why.what());
    }
  }
}

/// Empty if the server is of the kind that is wanted, else what it is instead.
asio::awaitable<std::string> mismatch(client& with, target_session_attrs wanted) {
  if (wanted == target_session_attrs::any) co_return "";
  result_set state = co_await with.run(
      query(with.talk,
            "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')"));
  bool standby = state.first(0) == "t";
  bool read_only = standby || state.first(1) == "on";
  switch (wanted) {
    case target_session_attrs::read_write: co_return read_only ? "is read-only" : "";
    case target_session_attrs::read_only: co_return read_only ? "" : "is not read-only";
    case target_session_attrs::primary: co_return standby ? "is a standby" : "";
    case target_session_attrs::standby:
    case target_session_attrs::prefer_standby: co_return standby ? "" : "is not a standby";
    case target_session_attrs::any: break;
  }
  co_return "";
}

std::string host_text(const host_port& host) {
  return endpoint_of(host).text();
}

}  // namespace

asio::awaitable<std::unique_ptr<client>> connect(const connection_options& options,
                                                 connect_settings settings) {
  std::vector<host_port> hosts = options.hosts;
  if (options.load_balance_hosts == load_balance_hosts::random)
    std::ranges::shuffle(hosts, std::mt19937{std::random_device{}()});
  ca_roots system = system_ca_file();
  std::string said;
  std::exception_ptr last;
  // prefer-standby: first any standby, then any server.
  std::vector<target_session_attrs> passes{options.target_session_attrs};
  if (passes[0] == target_session_attrs::prefer_standby) passes.push_back(target_session_attrs::any);
  for (target_session_attrs wanted : passes) {
    for (const host_port& host : hosts) {
      std::unique_ptr<client> with;
      try {
        with = co_await try_host(options, settings, host, system);
      } catch (const failure& why) {
        if (why.kind != failure_kind::transient) throw;
        said += "; " + host_text(host) + ": " + why.what();
        last = std::current_exception();
      }
      if (!with) continue;
      std::string wrong = co_await mismatch(*with, wanted);
      if (wrong.empty()) co_return with;
      said += "; " + host_text(host) + " " + wrong;
      last = nullptr;
    }
  }
  if (last && hosts.size() == 1) std::rethrow_exception(last);
  throw failure{
      failure_kind::transient, "TW-PG-NO-HOST", "no host would do" + said,
      "check the hosts and target_session_attrs (" +
          std::string(target_session_attrs_names[static_cast<std::size_t>(options.target_session_attrs)]) +
          ")"};
}

}  // namespace tidewire::wire
