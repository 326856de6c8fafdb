#include "tidewire/ask_binlog.hpp"

#include "core/ca_roots.hpp"
#include "tidewire/log.hpp"

namespace tidewire {
namespace {

constexpr std::chrono::milliseconds patience{15'000};

const char* name_of(binlog::ssl_mode mode) {
  switch (mode) {
    case binlog::ssl_mode::disabled: return "disabled";
    case binlog::ssl_mode::preferred: return "preferred";
    case binlog::ssl_mode::required: return "required";
    case binlog::ssl_mode::verify_ca: return "verify-ca";
    case binlog::ssl_mode::verify_identity: return "verify-identity";
  }
  return "";
}

void describe(const binlog::connection_url& from, binlog::connection_fact& into) {
  into.host = from.socket.empty() ? from.host : "";
  into.is_socket = !from.socket.empty();
  into.is_loopback = from.loopback();
  into.tls_mode = name_of(from.effective_mode());
  if (!from.ssl_ca.empty())
    into.ca = from.ssl_ca + " (ssl-ca)";
  else if (!from.ssl_capath.empty())
    into.ca = from.ssl_capath + " (ssl-capath)";
  else if (ca_roots system = system_ca_file(); system.found())
    into.ca = (system.file.empty() ? system.directory : system.file) + " (" + system.origin + ")";
}

}  // namespace

asio::awaitable<std::unique_ptr<binlog::client>> ask_binlog(binlog::connection_url from,
                                                            binlog::ask_settings what, bool trace,
                                                            binlog::check_facts& into) {
  describe(from, into.connection);
  binlog::connect_settings how;
  how.read_deadline = patience;
  how.on_warning = [](const std::string& text) { log(log_level::warning, "", text); };
  if (trace) how.on_trace = print_trace;
  std::unique_ptr<binlog::client> with = co_await binlog::connect(from, how);
  if (const tls_info* tls = with->socket.link().tls()) into.connection.tls_version = tls->version;
  co_await with->run(binlog::ask_facts(with->talk, what, into));
  co_return with;
}

std::string shown_connection(const binlog::connection_url& from) {
  std::string text = "mysql://" + from.user + "@" + from.text();
  return from.database.empty() ? text : text + "/" + from.database;
}

}  // namespace tidewire
