#include "mongo_wire/connection_string.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "core/failure.hpp"
#include "mongo_wire/uri_options.hpp"
#include "mongo_wire/utf8.hpp"

namespace tidewire::mongo_wire {
namespace {

constexpr std::string_view scheme = "mongodb://", srv_scheme = "mongodb+srv://";

[[noreturn]] void refuse(const std::string& why) {
  throw failure{failure_kind::usage, "TW-USAGE-CONNECTION-STRING", why,
                "mongodb://user:password@host1:27017,host2/database?replicaSet=rs0; what is special in user "
                "and password is percent-encoded"};
}

std::string decode(std::string_view text, const char* part) {
  auto plain = percent_decode(text);
  if (!plain) refuse(std::string("a percent sign in the ") + part + " is not followed by two hex digits");
  if (plain->find('\0') != plain->npos) refuse(std::string("the ") + part + " holds a zero byte");
  if (!is_utf8(as_bytes(*plain))) refuse(std::string("the ") + part + " is not UTF-8");
  return *plain;
}

std::uint16_t port_of(std::string_view text) {
  unsigned port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535)
    // Not shown: behind a user without @ it is the password.
    refuse("a port is a number from 1 to 65535; a / in a password is written %2F");
  return static_cast<std::uint16_t>(port);
}

host_port host_of(std::string_view text) {
  host_port host;
  if (text.ends_with(".sock") && text.find('%') != text.npos) {
    host.host = decode(text, "socket's path");
    host.is_unix = true;
    return host;
  }
  std::size_t name_end = text.find(':');
  if (text.starts_with('[')) {
    std::size_t close = text.find(']');
    if (close == text.npos || close == 1) refuse("an address in brackets does not end");
    host.host = text.substr(1, close - 1);
    name_end = close + 1;
    if (name_end == text.size()) name_end = text.npos;
    if (name_end != text.npos && text[name_end] != ':')
      refuse("there is something behind an address in brackets");
  } else {
    host.host = decode(text.substr(0, name_end), "host");
  }
  if (host.host.empty()) refuse("a host is empty");
  if (host.host.find_first_of(" \t\r\n\\") != std::string::npos) refuse("a host name holds a blank");
  if (name_end != text.npos) host.port = port_of(text.substr(name_end + 1));
  std::ranges::transform(host.host, host.host.begin(), lower);
  return host;
}

void read_hosts(connection_options& to, std::string_view text) {
  while (true) {
    std::size_t comma = text.find(',');
    std::string_view one = text.substr(0, comma);
    to.hosts.push_back(host_of(one));
    if (to.srv && (one.find(':') != one.npos || to.hosts.back().is_unix))
      refuse("mongodb+srv takes a name alone, without port");
    if (comma == text.npos) break;
    text.remove_prefix(comma + 1);
    if (to.hosts.size() > 1000) refuse("there are more than 1000 hosts");
  }
  if (!to.srv) return;
  if (to.hosts.size() != 1) refuse("mongodb+srv takes one host name");
  const std::string& name = to.hosts[0].host;
  if (std::ranges::count(name, '.') < 2) refuse("the host of mongodb+srv needs at least three parts: a.b.c");
}

void read_user(connection_options& to, std::string_view text) {
  std::size_t colon = text.find(':');
  to.user = decode(text.substr(0, colon), "user");
  if (to.user.empty()) refuse("the user before the @ is empty");
  if (colon == text.npos) return;
  std::string_view password = text.substr(colon + 1);
  if (password.find(':') != password.npos) refuse("a colon in the password must be written %3A");
  to.password = secret::take(decode(password, "password"));
  to.has_password = true;
}

void read_database(connection_options& to, std::string_view text) {
  to.database = decode(text, "database");
  if (to.database.find_first_of("/\\ \"$") != std::string::npos)
    refuse("the database's name holds a character that no database has");
  if (to.database.size() > 255) refuse("the database's name is too long");
}

void read_options(connection_options& to, std::string_view text, bool txt_record) {
  option_reader options(to, txt_record);
  while (!text.empty()) {
    std::size_t end = text.find('&');
    std::string_view pair = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    std::size_t equals = pair.find('=');
    if (equals == 0 || equals == pair.npos) refuse("an option has no name or no value");
    std::string name = decode(pair.substr(0, equals), "name of an option");
    options.take(name, decode(pair.substr(equals + 1), "value of an option"));
  }
  options.finish();
}

void check_mechanism(const connection_options& of) {
  bool external = source_of_user(of) == "$external";
  std::string name(to_string(of.mechanism));
  switch (of.mechanism) {
    case auth_mechanism::negotiated: return;
    case auth_mechanism::x509:
      if (of.has_password) refuse(name + " has no password: the certificate is all");
      [[fallthrough]];
    case auth_mechanism::oidc:
      if (!external) refuse(name + " knows users of $external only");
      return;
    case auth_mechanism::aws:
      if (!external) refuse(name + " knows users of $external only");
      if (!of.user.empty() && of.password.empty())
        refuse(name + " needs the secret access key as the password of the access key");
      if (of.user.empty() && !of.aws_session_token.empty())
        refuse("AWS_SESSION_TOKEN goes with an access key as the user and its secret as the password");
      return;
    case auth_mechanism::gssapi:
      if (!external) refuse(name + " knows users of $external only");
      [[fallthrough]];
    case auth_mechanism::scram_sha_1:
    case auth_mechanism::scram_sha_256:
    case auth_mechanism::plain:
      if (of.user.empty()) refuse(name + " needs a user");
      if (!of.has_password && of.mechanism != auth_mechanism::gssapi) refuse(name + " needs a password");
  }
}

void check_topology(const connection_options& of) {
  if (of.direct && of.hosts.size() > 1) refuse("directConnection=true takes one host");
  if (of.direct && of.srv) refuse("directConnection=true does not go with mongodb+srv");
  if (of.load_balanced) {
    if (!of.srv && of.hosts.size() > 1) refuse("loadBalanced=true takes one host");
    if (!of.replica_set.empty()) refuse("loadBalanced=true does not go with replicaSet");
    if (of.direct) refuse("loadBalanced=true does not go with directConnection=true");
  }
  if (!of.srv && of.given.contains("srvmaxhosts")) refuse("srvMaxHosts is for mongodb+srv only");
  if (!of.srv && of.given.contains("srvservicename")) refuse("srvServiceName is for mongodb+srv only");
  if (of.srv_max_hosts != 0 && (!of.replica_set.empty() || of.load_balanced))
    refuse("srvMaxHosts goes neither with replicaSet nor with loadBalanced");
}

}  // namespace

std::string_view to_string(auth_mechanism of) {
  switch (of) {
    case auth_mechanism::negotiated: return "";
    case auth_mechanism::scram_sha_1: return "SCRAM-SHA-1";
    case auth_mechanism::scram_sha_256: return "SCRAM-SHA-256";
    case auth_mechanism::x509: return "MONGODB-X509";
    case auth_mechanism::plain: return "PLAIN";
    case auth_mechanism::aws: return "MONGODB-AWS";
    case auth_mechanism::oidc: return "MONGODB-OIDC";
    case auth_mechanism::gssapi: return "GSSAPI";
  }
  return "";
}

std::string host_port::text() const {
  if (is_unix) return host;
  bool six = host.find(':') != host.npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string source_of_user(const connection_options& of) {
  if (of.auth_source) return *of.auth_source;
  switch (of.mechanism) {
    case auth_mechanism::x509:
    case auth_mechanism::aws:
    case auth_mechanism::oidc:
    case auth_mechanism::gssapi: return "$external";
    case auth_mechanism::plain: return of.database.empty() ? "$external" : of.database;
    default: return of.database.empty() ? "admin" : of.database;
  }
}

connection_options parse_connection_string(std::string_view text) {
  connection_options options;
  if (text.size() > max_connection_string_bytes) refuse("the connection string is longer than 64 KiB");
  options.srv = text.starts_with(srv_scheme);
  if (!options.srv && !text.starts_with(scheme))
    refuse("a connection string begins with mongodb:// or mongodb+srv://");
  text.remove_prefix(options.srv ? srv_scheme.size() : scheme.size());
  std::size_t hosts_end = std::min(text.find_first_of("/?"), text.size());
  std::string_view hosts = text.substr(0, hosts_end), rest = text.substr(hosts_end);
  if (std::size_t at = hosts.find('@'); at != hosts.npos) {
    if (hosts.find('@', at + 1) != hosts.npos) refuse("an @ in user or password must be written %40");
    read_user(options, hosts.substr(0, at));
    hosts.remove_prefix(at + 1);
  }
  read_hosts(options, hosts);
  std::size_t question = std::min(rest.find('?'), rest.size());
  if (question > 1) read_database(options, rest.substr(1, question - 1));
  if (question < rest.size()) read_options(options, rest.substr(question + 1), false);
  check_topology(options);
  check_mechanism(options);
  return options;
}

void add_txt_record(connection_options& to, std::string_view record) {
  read_options(to, record, true);
  check_topology(to);
  check_mechanism(to);
}

void set_srv_hosts(connection_options& to, std::vector<host_port> found) {
  if (found.empty()) refuse("the DNS has no hosts for " + to.hosts[0].host);
  const std::string& name = to.hosts[0].host;
  std::string domain = name.substr(name.find('.'));
  for (host_port& each : found) {
    if (each.host.ends_with('.')) each.host.pop_back();
    std::ranges::transform(each.host, each.host.begin(), lower);
    if (!each.host.ends_with(domain) || each.host.size() == domain.size())
      refuse("the DNS names " + each.host + " for " + name + ", which is not below " + domain.substr(1));
  }
  if (to.load_balanced && found.size() > 1)
    refuse("loadBalanced=true takes one host, and the DNS has several");
  to.hosts = std::move(found);
}

bool is_mongo_url(std::string_view text) {
  return text.starts_with(scheme) || text.starts_with(srv_scheme);
}

}  // namespace tidewire::mongo_wire
