#include "mongo_wire/topology.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace tidewire::mongo_wire {
namespace {

bool is_member(server_kind kind) {
  return kind == server_kind::secondary || kind == server_kind::arbiter || kind == server_kind::other;
}

bool calls_itself_otherwise(const host_port& from, const hello_reply& said) {
  auto me = parse_host(said.me);
  return me && *me != from;
}

known_server unusable(std::string why) {
  known_server server;
  server.said_last = std::move(why);
  return server;
}

}  // namespace

std::optional<host_port> parse_host(std::string_view text) {
  host_port host;
  std::size_t colon = text.rfind(':');
  std::string_view name = text.substr(0, colon);
  if (text.starts_with('[')) {
    std::size_t close = text.find(']');
    if (close == text.npos || close == 1) return {};
    name = text.substr(1, close - 1);
    if (close + 1 == text.size()) colon = text.npos;
    if (colon != text.npos && colon != close + 1) return {};
  } else if (name.find(':') != name.npos) {
    return {};
  }
  if (name.empty() || name.size() > 255) return {};
  if (colon != text.npos) {
    std::string_view digits = text.substr(colon + 1);
    unsigned port = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size() || port == 0 || port > 65535) return {};
    host.port = static_cast<std::uint16_t>(port);
  }
  host.host = name;
  for (char& c : host.host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return host;
}

topology::topology(const connection_options& options)
    : set_name_(options.replica_set), seeds_(options.hosts.size()) {
  for (const host_port& each : options.hosts) servers_[each];
  if (options.direct)
    kind_ = topology_kind::single;
  else if (options.load_balanced)
    kind_ = topology_kind::load_balanced;
  else if (!options.replica_set.empty())
    kind_ = topology_kind::set_without_primary;
}

bool topology::heard(const host_port& from, const hello_reply& said, std::int64_t now_ms) {
  auto at = servers_.find(from);
  if (at == servers_.end()) return false;
  at->second = {said.kind, said.set_name, "", said.tags, said.last_write_ms, now_ms};
  switch (kind_) {
    case topology_kind::single:
      if (!set_name_.empty() && said.set_name != set_name_)
        at->second = unusable("is of the replica set \"" + said.set_name + "\"");
      return true;
    case topology_kind::load_balanced: return true;
    case topology_kind::unknown: unknown_topology(from, said); return true;
    case topology_kind::sharded:
      if (said.kind != server_kind::mongos && said.kind != server_kind::unknown) remove(from);
      return true;
    case topology_kind::set_without_primary:
      if (said.kind == server_kind::standalone || said.kind == server_kind::mongos) remove(from);
      if (said.kind == server_kind::primary) return from_primary(from, said);
      if (is_member(said.kind)) member_without_primary(from, said);
      return true;
    case topology_kind::set_with_primary:
      if (said.kind == server_kind::standalone || said.kind == server_kind::mongos) remove(from);
      if (said.kind == server_kind::primary) return from_primary(from, said);
      if (is_member(said.kind)) member_with_primary(from, said);
      look_for_primary();
      return true;
  }
  return true;
}

void topology::lost(const host_port& server, const std::string& why) {
  auto at = servers_.find(server);
  if (at == servers_.end()) return;
  at->second = unusable(why);
  if (kind_ == topology_kind::set_with_primary) look_for_primary();
}

void topology::unknown_topology(const host_port& from, const hello_reply& said) {
  switch (said.kind) {
    case server_kind::standalone:
      // Among several hosts one that belongs to no set is a mistake.
      if (seeds_ == 1)
        kind_ = topology_kind::single;
      else
        remove(from);
      return;
    case server_kind::mongos: kind_ = topology_kind::sharded; return;
    case server_kind::primary: from_primary(from, said); return;
    case server_kind::secondary:
    case server_kind::arbiter:
    case server_kind::other:
      kind_ = topology_kind::set_without_primary;
      member_without_primary(from, said);
      return;
    case server_kind::ghost:
    case server_kind::unknown: return;
  }
}

bool topology::is_stale(const hello_reply& said) {
  std::pair<std::string, std::int64_t> election{said.election_id, said.set_version.value_or(-1)};
  if (election < newest_election_) return true;
  newest_election_ = std::move(election);
  return false;
}

bool topology::from_primary(const host_port& from, const hello_reply& said) {
  if (set_name_.empty()) set_name_ = said.set_name;
  if (set_name_ != said.set_name) {
    remove(from);
    look_for_primary();
    return false;
  }
  if (is_stale(said)) {
    servers_[from] = unusable("calls itself primary, and another one was elected since");
    look_for_primary();
    return false;
  }
  for (auto& [host, server] : servers_)
    if (host != from && server.kind == server_kind::primary)
      server = unusable("was primary before another one");
  add_hosts(said);
  std::set<host_port> named;
  for (const std::string& each : said.hosts)
    if (auto host = parse_host(each)) named.insert(*host);
  std::erase_if(servers_, [&](const auto& each) { return !named.contains(each.first); });
  look_for_primary();
  return servers_.contains(from);
}

void topology::member_without_primary(const host_port& from, const hello_reply& said) {
  if (set_name_.empty()) set_name_ = said.set_name;
  if (set_name_ != said.set_name) return remove(from);
  add_hosts(said);
  if (calls_itself_otherwise(from, said)) remove(from);
}

void topology::member_with_primary(const host_port& from, const hello_reply& said) {
  if (set_name_ != said.set_name || calls_itself_otherwise(from, said)) remove(from);
}

void topology::add_hosts(const hello_reply& said) {
  for (const std::string& each : said.hosts)
    if (auto host = parse_host(each); host && servers_.size() < max_hello_hosts) servers_[*host];
}

void topology::remove(const host_port& server) {
  servers_.erase(server);
}

void topology::look_for_primary() {
  bool found = std::ranges::any_of(servers_,
                                   [](const auto& each) { return each.second.kind == server_kind::primary; });
  kind_ = found ? topology_kind::set_with_primary : topology_kind::set_without_primary;
}

}  // namespace tidewire::mongo_wire
