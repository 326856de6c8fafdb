#include "mongo_wire/selection.hpp"

#include <algorithm>

#include "core/failure.hpp"

namespace tidewire::mongo_wire {
namespace {

using entry = std::pair<const host_port, known_server>;
using choice = std::vector<const entry*>;

choice of_kind(const topology& known, server_kind kind) {
  choice found;
  for (const entry& each : known.servers())
    if (each.second.kind == kind) found.push_back(&each);
  return found;
}

std::int64_t written_ms(const known_server& server) {
  return server.last_write_ms.value_or(0);
}

/// How far each lags behind: the primary, or else who has written last.
void erase_stale(choice& from, const topology& known, const connection_options& options) {
  if (!options.max_staleness_s) return;
  choice primaries = of_kind(known, server_kind::primary),
         secondaries = of_kind(known, server_kind::secondary);
  auto staleness_ms = [&](const known_server& server) -> std::int64_t {
    if (server.kind == server_kind::primary) return 0;
    if (!primaries.empty()) {
      const known_server& primary = primaries.front()->second;
      return (server.heard_ms - written_ms(server)) - (primary.heard_ms - written_ms(primary)) +
             options.heartbeat.count();
    }
    std::int64_t newest = 0;
    for (const entry* each : secondaries) newest = std::max(newest, written_ms(each->second));
    return newest - written_ms(server) + options.heartbeat.count();
  };
  std::erase_if(
      from, [&](const entry* each) { return staleness_ms(each->second) > *options.max_staleness_s * 1000; });
}

bool has_all(const tag_set& server, const tag_set& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& tag) {
    auto found = server.find(tag.first);
    return found != server.end() && found->second == tag.second;
  });
}

/// The first set of tags that any server has all of counts alone.
void keep_tagged(choice& from, const std::vector<tag_set>& wanted) {
  if (wanted.empty()) return;
  for (const tag_set& tags : wanted) {
    choice kept;
    for (const entry* each : from)
      if (has_all(each->second.tags, tags)) kept.push_back(each);
    if (!kept.empty()) return void(from = std::move(kept));
  }
  from.clear();
}

choice of_set(const topology& known, const connection_options& options) {
  choice primaries = of_kind(known, server_kind::primary);
  if (options.read_from == read_mode::primary) return primaries;
  if (options.read_from == read_mode::primary_preferred && !primaries.empty()) return primaries;
  choice others = of_kind(known, server_kind::secondary);
  if (options.read_from == read_mode::nearest)
    others.insert(others.end(), primaries.begin(), primaries.end());
  erase_stale(others, known, options);
  keep_tagged(others, options.read_tags);
  if (options.read_from == read_mode::secondary_preferred && others.empty()) return primaries;
  return others;
}

}  // namespace

void check_read_preference(const connection_options& options) {
  auto refuse = [](const char* what, const char* hint) {
    throw failure{failure_kind::usage, "TW-USAGE-CONNECTION-STRING", what, hint};
  };
  bool some_tag = std::ranges::any_of(options.read_tags, [](const tag_set& tags) { return !tags.empty(); });
  if (options.read_from == read_mode::primary && (some_tag || options.max_staleness_s))
    refuse("readPreferenceTags and maxStalenessSeconds choose among secondaries, not primaries",
           "give a readPreference besides, for example secondaryPreferred");
  // Members tell each other that they have nothing to tell every ten seconds.
  constexpr std::int64_t least_s = 90, idle_write_ms = 10'000;
  if (options.max_staleness_s &&
      (*options.max_staleness_s < least_s ||
       *options.max_staleness_s * 1000 < options.heartbeat.count() + idle_write_ms))
    refuse("maxStalenessSeconds is too small to be known",
           "at least 90, and ten seconds more than heartbeatFrequencyMS");
}

bool is_preferred(server_kind kind, topology_kind among, read_mode mode) {
  if (among == topology_kind::single) return kind != server_kind::unknown && kind != server_kind::arbiter;
  if (among == topology_kind::load_balanced) return true;
  if (kind == server_kind::mongos) return true;
  bool primary = kind == server_kind::primary, secondary = kind == server_kind::secondary;
  switch (mode) {
    case read_mode::primary:
    case read_mode::primary_preferred: return primary;
    case read_mode::secondary:
    case read_mode::secondary_preferred: return secondary;
    case read_mode::nearest: return primary || secondary;
  }
  return false;
}

std::vector<host_port> suitable_servers(const topology& known, const connection_options& options) {
  topology_kind kind = known.kind();
  choice found;
  if (kind == topology_kind::set_with_primary || kind == topology_kind::set_without_primary)
    found = of_set(known, options);
  else
    for (const entry& each : known.servers())
      if (kind != topology_kind::unknown && is_preferred(each.second.kind, kind, options.read_from))
        found.push_back(&each);
  std::vector<host_port> hosts;
  for (const entry* each : found) hosts.push_back(each->first);
  std::ranges::sort(hosts);
  return hosts;
}

}  // namespace tidewire::mongo_wire
