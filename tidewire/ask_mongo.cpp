#include "tidewire/ask_mongo.hpp"

#include <algorithm>
#include <array>

#include "core/ca_roots.hpp"
#include "mongo_wire/aws_login.hpp"
#include "tidewire/log.hpp"

namespace tidewire {
namespace {

using namespace mongo_wire;
using std::chrono::milliseconds;

constexpr milliseconds patience{15'000};
// Somebody waits: where the string does not say otherwise, an election's time and no more.
constexpr milliseconds selection_time{5'000};
constexpr milliseconds second_look_time{2'000};

bool is_local(const host_port& host) {
  return host.is_unix || host.host == "localhost" || host.host == "::1" || host.host.starts_with("127.");
}

void describe(const host_port& host, connection_info& into) {
  into.host = host.text();
  into.local = is_local(host);
}

void describe(const connection_options& from, connection_info& into) {
  describe(from.hosts.front(), into);
  for (const host_port& each : from.hosts) into.named.push_back(each.text());
  into.srv = from.srv;
  into.direct = from.direct;
  into.database = from.database;
  into.replica_set = from.replica_set;
  into.user = from.user;
  into.auth_source = source_of_user(from);
  into.tls_wanted = uses_tls(from);
  into.any_certificate = from.tls_any_certificate;
  into.any_host_name = from.tls_any_host_name;
  ca_roots roots = system_ca_file(from.tls_ca_file);
  std::string place = roots.file.empty() ? roots.directory : roots.file;
  into.ca = place + (from.tls_ca_file.empty() ? " (" + roots.origin + ")" : " (tlsCAFile)");
}

void resolve(connection_options& from, connection_info& into) {
  try {
    resolve_srv_hosts(from);
  } catch (const failure& why) {
    into.srv_hosts.missing = why.what();
    throw;
  }
  std::vector<std::string> hosts;
  for (const host_port& each : from.hosts) hosts.push_back(each.text());
  into.srv_hosts.value = std::move(hosts);
}

void note_seen(const topology& known, connection_info& into) {
  into.seen.clear();
  for (const auto& [host, server] : known.servers())
    into.seen.push_back({host.text(), server.kind, server.said_last});
}

/// A second look for a secondary makes sense: there is a set, and the string did not ask for one itself.
bool may_have_secondary(const cluster& with, const failure& why) {
  bool set = with.known.kind() == topology_kind::set_with_primary ||
             with.known.kind() == topology_kind::set_without_primary;
  return set && !with.known.servers().empty() && why.code == "TW-MONGO-NO-HOST" &&
         with.options.read_from == read_mode::primary;
}

asio::awaitable<std::unique_ptr<client>> reach(cluster& with, const connect_settings& how, check_facts& into,
                                               std::unique_ptr<failure>* no_primary) {
  std::unique_ptr<client> made;
  std::unique_ptr<failure> why;
  try {
    made = co_await mongo_wire::connect(with, how);
  } catch (const failure& error) {
    note_seen(with.known, into.connection);
    if (!no_primary || !may_have_secondary(with, error)) throw;
    why = std::make_unique<failure>(error);
  }
  if (made) {
    note_seen(with.known, into.connection);
    co_return made;
  }
  with.options.read_from = read_mode::secondary_preferred;
  with.options.selection_timeout = second_look_time;
  bool found = true;
  try {
    made = co_await mongo_wire::connect(with, how);
  } catch (const failure&) {
    found = false;
  }
  if (!found) throw *why;
  *no_primary = std::move(why);
  co_return made;
}

std::string percent_encoded(std::string_view text, std::string_view also = {}) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                 (byte >= 'A' && byte <= 'Z') || std::string_view("-._~").find(c) != std::string_view::npos ||
                 also.find(c) != also.npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

}  // namespace

asio::awaitable<std::unique_ptr<client>> ask_mongo(cluster& with, mongo_question question, check_facts& into,
                                                   std::unique_ptr<failure>* no_primary) {
  connection_options& from = with.options;
  add_aws_credentials(from, process_environment());
  describe(from, into.connection);
  check_login(from);
  if (!from.given.contains("serverselectiontimeoutms")) from.selection_timeout = selection_time;
  if (from.srv) {
    resolve(from, into.connection);
    with.known = topology(from);
  }
  connect_settings how;
  how.read_deadline = patience;
  if (question.trace) how.on_trace = print_trace;
  std::unique_ptr<client> made = co_await reach(with, how, into, no_primary);
  describe(made->host, into.connection);
  if (const tls_info* tls = made->socket.link().tls()) into.connection.tls_version = tls->version;
  into.hello = made->server;
  ask_settings what;
  what.database = with.options.database;
  what.role = question.role;
  co_await made->run(ask_facts(made->talk, what, into));
  co_return made;
}

std::string shown_connection(const connection_options& from) {
  constexpr std::array shown{"replicaSet",
                             "tls",
                             "tlsCAFile",
                             "authSource",
                             "authMechanism",
                             "readPreference",
                             "directConnection",
                             "loadBalanced",
                             "tlsInsecure",
                             "tlsAllowInvalidCertificates",
                             "tlsAllowInvalidHostnames"};
  std::string text = from.srv ? "mongodb+srv://" : "mongodb://";
  if (!from.user.empty()) text += percent_encoded(from.user) + '@';
  for (std::size_t i = 0; i < from.hosts.size(); ++i) {
    const host_port& host = from.hosts[i];
    text += i ? "," : "";
    text += host.is_unix ? percent_encoded(host.host) : from.srv ? host.host : host.text();
  }
  text += '/' + percent_encoded(from.database);
  char before = '?';
  for (const char* name : shown) {
    std::string key(name);
    for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    auto given = from.given.find(key);
    if (given == from.given.end() && key == "tls") given = from.given.find("ssl");
    if (given == from.given.end()) continue;
    text += before + std::string(name) + '=' + percent_encoded(given->second, "/:,");
    before = '&';
  }
  return text;
}

}  // namespace tidewire
