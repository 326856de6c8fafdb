#include "binlog/connect.hpp"

#include <openssl/rand.h>

#include "binlog/login.hpp"
#include "core/ca_roots.hpp"

namespace tidewire::binlog {

namespace {

tls_options tls_options_of(const connection_url& to, ssl_mode mode) {
  tls_options tls;
  tls.verify = mode == ssl_mode::verify_identity ? tls_verify::full
               : mode == ssl_mode::verify_ca     ? tls_verify::ca
                                                 : tls_verify::none;
  tls.host = to.host;
  tls.ca_file = to.ssl_ca;
  tls.ca_directory = to.ssl_capath;
  if (tls.ca_file.empty() && tls.ca_directory.empty() && tls.verify != tls_verify::none) {
    ca_roots system = system_ca_file();
    tls.ca_file = system.file;
    tls.ca_directory = system.directory;
  }
  tls.crl_file = to.ssl_crl;
  tls.certificate_file = to.ssl_cert;
  tls.key_file = to.ssl_key;
  return tls;
}

std::vector<std::uint8_t> random_bytes(std::size_t count) {
  std::vector<std::uint8_t> out(count);
  if (RAND_bytes(out.data(), static_cast<int>(count)) != 1)
    throw failure{failure_kind::transient, "TW-INTERNAL", "OpenSSL has no random numbers", ""};
  return out;
}

login_options login_options_of(const connection_url& to) {
  ssl_mode mode = to.effective_mode();
  login_options login;
  login.user = to.user;
  login.password = to.password;
  login.database = to.database;
  login.local_socket = !to.socket.empty();
  login.encrypt = mode == ssl_mode::disabled    ? tls_wanted::no
                  : mode == ssl_mode::preferred ? tls_wanted::if_offered
                                                : tls_wanted::yes;
  if (login.encrypt != tls_wanted::no) login.tls = tls_options_of(to, mode);
  // On this machine nobody is in between.
  login.trust_server_key = to.get_server_public_key.value_or(to.loopback());
  login.random = random_bytes;
  login.compression = to.compression;
  return login;
}

}  // namespace

asio::awaitable<std::unique_ptr<client>> connect(const connection_url& to, connect_settings settings) {
  endpoint where;
  where.host = to.host;
  where.port = to.port;
  where.unix_path = to.socket;
  socket_options socket;
  socket.read_deadline = settings.read_deadline;
  if (to.connect_timeout_s) socket.connect_timeout = std::chrono::seconds{*to.connect_timeout_s};
  login_options login = login_options_of(to);
  connection made = co_await connection::connect(where, socket, packet_size);
  auto with = std::make_unique<client>(std::move(made));
  if (settings.on_trace) with->talk.trace = std::make_unique<packet_trace>(settings.on_trace);
  link& link = with->socket.link();
  if (socket.connect_timeout.count() > 0) link.deadline = link::clock::now() + socket.connect_timeout;
  co_await with->run(log_in(with->talk, login));
  link.deadline = link::clock::time_point::max();
  if (!to.loopback() && to.socket.empty() && settings.on_warning) {
    if (!link.tls())
      settings.on_warning("the connection to " + to.text() + " is not encrypted");
    else if (login.tls.verify == tls_verify::none)
      settings.on_warning("the certificate of " + to.text() +
                          " is not verified (ssl-mode=verify-identity does)");
  }
  co_return with;
}

}  // namespace tidewire::binlog
