#include "mongo_wire/selection.hpp"

#include <set>

#include "core/failure.hpp"
#include "tests/mongo_wire/vectors.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using json_value = nlohmann::json;

namespace {

server_kind kind_named(const std::string& name) {
  if (name == "RSPrimary") return server_kind::primary;
  if (name == "RSSecondary") return server_kind::secondary;
  if (name == "Mongos") return server_kind::mongos;
  if (name == "Standalone") return server_kind::standalone;
  if (name == "RSArbiter") return server_kind::arbiter;
  if (name == "RSOther") return server_kind::other;
  if (name == "RSGhost") return server_kind::ghost;
  return server_kind::unknown;
}

read_mode mode_named(const std::string& name) {
  if (name == "PrimaryPreferred") return read_mode::primary_preferred;
  if (name == "Secondary") return read_mode::secondary;
  if (name == "SecondaryPreferred") return read_mode::secondary_preferred;
  if (name == "Nearest") return read_mode::nearest;
  return read_mode::primary;
}

tag_set tags_of(const json_value& object) {
  tag_set tags;
  for (const auto& [name, value] : object.items()) tags[name] = value.get<std::string>();
  return tags;
}

connection_options options_of(const json_value& test) {
  connection_options options;
  const json_value preference = test.value("read_preference", json_value::object());
  options.read_from = mode_named(preference.value("mode", "Primary"));
  for (const json_value& each : preference.value("tag_sets", json_value::array()))
    options.read_tags.push_back(tags_of(each));
  if (preference.contains("maxStalenessSeconds"))
    options.max_staleness_s = preference["maxStalenessSeconds"].get<std::int64_t>();
  options.heartbeat = std::chrono::milliseconds{test.value("heartbeatFrequencyMS", 10'000)};
  const json_value& description = test["topology_description"];
  for (const json_value& each : description["servers"])
    options.hosts.push_back(parse_host(each["address"].get<std::string>()).value());
  std::string type = description["type"].get<std::string>();
  options.direct = type == "Single";
  options.load_balanced = type == "LoadBalanced";
  if (type.starts_with("ReplicaSet")) options.replica_set = "rs";
  return options;
}

/// As if each server had said what it is.
topology known_from(const json_value& servers, const connection_options& options) {
  topology known(options);
  for (const json_value& each : servers) {
    hello_reply said;
    said.kind = kind_named(each["type"].get<std::string>());
    if (said.kind == server_kind::unknown) continue;
    said.set_name = options.replica_set;
    said.me = each["address"].get<std::string>();
    for (const host_port& host : options.hosts) said.hosts.push_back(host.text());
    if (each.contains("tags")) said.tags = tags_of(each["tags"]);
    if (each.contains("lastWrite"))
      said.last_write_ms = std::stoll(each["lastWrite"]["lastWriteDate"]["$numberLong"].get<std::string>());
    known.heard(parse_host(said.me).value(), said, each.value("lastUpdateTime", std::int64_t{0}));
  }
  return known;
}

/// What is about servers that an operation has just failed on, which nobody here tries again at once; and
/// about writing.
bool is_left_out(const fs::path& file) {
  return file.filename().string().starts_with("Deprioritized") || file.parent_path().filename() == "write";
}

int run(const char* folder) {
  int seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(vectors(folder))) {
    const fs::path& file = entry.path();
    if (file.extension() != ".json" || is_left_out(file)) continue;
    CAPTURE(file.string());
    json_value test = json_value::parse(read_text(file));
    connection_options options = options_of(test);
    ++seen;
    if (test.value("error", false)) {
      CHECK_THROWS_AS(check_read_preference(options), failure);
      continue;
    }
    check_read_preference(options);
    std::set<std::string> expected, found;
    for (const json_value& each : test["suitable_servers"])
      expected.insert(each["address"].get<std::string>());
    topology known = known_from(test["topology_description"]["servers"], options);
    for (const host_port& each : suitable_servers(known, options)) found.insert(each.text());
    CHECK(found == expected);
  }
  return seen;
}

}  // namespace

TEST_CASE("selection: the specification's cases", "[mongo_topology]") {
  CHECK(run("server-selection/server_selection") >= 16);
}
TEST_CASE("selection: the specification's cases of staleness", "[mongo_topology]") {
  CHECK(run("max-staleness") >= 17);
}

TEST_CASE("selection: what has neither tags nor staleness", "[mongo_topology]") {
  using enum server_kind;
  constexpr auto set = topology_kind::set_with_primary;
  CHECK(is_preferred(primary, set, read_mode::primary));
  CHECK_FALSE(is_preferred(secondary, set, read_mode::primary));
  CHECK(is_preferred(secondary, set, read_mode::secondary));
  CHECK_FALSE(is_preferred(secondary, set, read_mode::primary_preferred));
  CHECK_FALSE(is_preferred(primary, set, read_mode::secondary_preferred));
  CHECK(is_preferred(primary, set, read_mode::nearest));
  for (auto kind : {arbiter, other, ghost, unknown, standalone})
    for (auto mode : {read_mode::primary, read_mode::nearest, read_mode::secondary_preferred})
      CHECK_FALSE(is_preferred(kind, set, mode));
  CHECK(is_preferred(mongos, topology_kind::sharded, read_mode::secondary));
  CHECK(is_preferred(secondary, topology_kind::single, read_mode::primary));
}

TEST_CASE("selection: an empty set of tags at the end takes any", "[mongo_topology]") {
  auto options = parse_connection_string(
      "mongodb://a,b/?replicaSet=rs&readPreference=secondary&readPreferenceTags=dc:ny&readPreferenceTags=");
  check_read_preference(options);
  json_value servers = json_value::parse(R"([{"address":"a:27017","type":"RSPrimary"},)"
                                         R"({"address":"b:27017","type":"RSSecondary","tags":{"dc":"la"}}])");
  topology known = known_from(servers, options);
  CHECK(suitable_servers(known, options) == std::vector<host_port>{{"b", 27017, false}});
  options.read_tags.pop_back();
  CHECK(suitable_servers(known, options).empty());
}
