#include "mongo_wire/topology.hpp"

#include <set>

#include "tests/mongo_wire/event_case.hpp"
#include "tests/mongo_wire/vectors.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using json_value = nlohmann::json;

namespace {

hello_reply hello_of(const std::string& text) {
  bytes document = bson_of(text);
  auto hello = decode_hello(view_of(document));
  CAPTURE(text, hello ? "" : hello.error().field);
  REQUIRE(hello.has_value());
  return *hello;
}

const char* name_of_kind(server_kind kind) {
  switch (kind) {
    case server_kind::unknown: return "Unknown";
    case server_kind::standalone: return "Standalone";
    case server_kind::mongos: return "Mongos";
    case server_kind::primary: return "RSPrimary";
    case server_kind::secondary: return "RSSecondary";
    case server_kind::arbiter: return "RSArbiter";
    case server_kind::other: return "RSOther";
    case server_kind::ghost: return "RSGhost";
  }
  return "";
}

const char* name_of_kind(topology_kind kind) {
  switch (kind) {
    case topology_kind::unknown: return "Unknown";
    case topology_kind::single: return "Single";
    case topology_kind::set_without_primary: return "ReplicaSetNoPrimary";
    case topology_kind::set_with_primary: return "ReplicaSetWithPrimary";
    case topology_kind::sharded: return "Sharded";
    case topology_kind::load_balanced: return "LoadBalanced";
  }
  return "";
}

void play(const json_value& phase, topology& to) {
  for (const json_value& response : phase["responses"]) {
    host_port from = parse_host(response[0].get<std::string>()).value();
    if (response[1].empty())
      to.lost(from, "test");
    else
      to.heard(from, hello_of(response[1].dump()), 0);
  }
}

void compare(const json_value& outcome, const topology& with) {
  CHECK(name_of_kind(with.kind()) == outcome["topologyType"].get<std::string>());
  if (outcome.contains("setName") && outcome["setName"].is_string())
    CHECK(with.set_name() == outcome["setName"].get<std::string>());
  CHECK(with.servers().size() == outcome["servers"].size());
  for (const auto& [name, server] : outcome["servers"].items()) {
    CAPTURE(name);
    auto found = with.servers().find(parse_host(name).value());
    REQUIRE(found != with.servers().end());
    // A primary that the set might make (a term of the monitoring) is of no kind yet.
    std::string type = server["type"] == "PossiblePrimary" ? "Unknown" : server["type"].get<std::string>();
    CHECK(name_of_kind(found->second.kind) == type);
  }
}

/// What is about servers before 6.0, which log_in refuses, or about comparing answers of one server by its
/// own counter, which one connection at a time has no need of.
const std::set<std::string> left_out{"topology_version_less.json", "topology_version_equal.json",
                                     "use_setversion_without_electionid-pre-6.0.json",
                                     "electionId_precedence_setVersion.json",
                                     "setversion_without_electionid.json"};

int run(const fs::path& folder) {
  int seen = 0;
  for (const fs::path& file : files_in(folder, ".json")) {
    if (left_out.contains(file.filename().string())) continue;
    json_value test = json_value::parse(read_text(file));
    CAPTURE(file.filename().string(), test["description"].get<std::string>());
    topology servers(parse_connection_string(test["uri"].get<std::string>()));
    bool known = true;
    for (const json_value& phase : test["phases"])
      known &= phase.contains("responses") && !phase.contains("applicationErrors");
    if (!known) continue;
    ++seen;
    int number = 0;
    for (const json_value& phase : test["phases"]) {
      CAPTURE(++number);
      play(phase, servers);
      compare(phase["outcome"], servers);
    }
  }
  return seen;
}

}  // namespace

TEST_CASE("topology: the specification's cases of replica sets", "[mongo_topology]") {
  CHECK(run(vectors("sdam/rs")) > 30);
}
TEST_CASE("topology: the specification's cases of sharded clusters", "[mongo_topology]") {
  CHECK(run(vectors("sdam/sharded")) >= 4);
}
TEST_CASE("topology: the specification's cases of single servers", "[mongo_topology]") {
  CHECK(run(vectors("sdam/single")) >= 5);
}

TEST_CASE("topology: a primary that was deposed and does not know it", "[mongo_topology]") {
  topology set(parse_connection_string("mongodb://a,b/?replicaSet=rs"));
  auto primary = [](const char* election) {
    return hello_of(
        std::string(R"({"ok":1,"isWritablePrimary":true,"setName":"rs","hosts":["a:27017","b:27017"],)") +
        R"("setVersion":1,"electionId":{"$oid":")" + election + R"("},"maxWireVersion":17})");
  };
  CHECK(set.heard({"a"}, primary("000000000000000000000001"), 0));
  CHECK(set.heard({"b"}, primary("000000000000000000000002"), 0));
  CHECK(set.servers().at({"a"}).kind == server_kind::unknown);
  CHECK_FALSE(set.heard({"a"}, primary("000000000000000000000001"), 0));
  CHECK(set.servers().at({"a"}).kind == server_kind::unknown);
  CHECK(set.servers().at({"b"}).kind == server_kind::primary);
  set.lost({"b"}, "gone");
  CHECK(set.kind() == topology_kind::set_without_primary);
  CHECK_FALSE(set.heard({"a"}, primary("000000000000000000000001"), 0));
  CHECK(set.heard({"a"}, primary("000000000000000000000003"), 0));
  CHECK_FALSE(set.heard({"stranger"}, primary("000000000000000000000009"), 0));
}

TEST_CASE("names of hosts", "[mongo_topology]") {
  CHECK(parse_host("A.b:27018") == host_port{"a.b", 27018, false});
  CHECK(parse_host("a") == host_port{"a", 27017, false});
  CHECK(parse_host("[::1]:7") == host_port{"::1", 7, false});
  CHECK(parse_host("[::1]") == host_port{"::1", 27017, false});
  for (const char* bad :
       {"", ":1", "a:", "a:0", "a:65536", "a:x", "::1", "[]:1", "[::1", "[::1]x", "[::1]1:2"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_host(bad).has_value());
  }
}

TEST_CASE("hello: fields of another type than they have, and too many hosts", "[mongo_topology]") {
  for (const char* text :
       {R"({"ok":"1"})", R"({"hosts":1})", R"({"hosts":[1]})", R"({"setName":1})", R"({"maxWireVersion":-1})",
        R"({"maxWireVersion":"x"})", R"({"electionId":1})", R"({"setVersion":"x"})",
        R"({"saslSupportedMechs":{}})", R"({"speculativeAuthenticate":1})", R"({"msg":null})"}) {
    CAPTURE(text);
    bytes document = bson_of(text);
    auto hello = decode_hello(view_of(document));
    REQUIRE(!hello.has_value());
    CHECK(hello.error().code == decode_errc::bad_value);
  }
  std::string hosts = "\"h\"";
  for (std::size_t i = 0; i < max_hello_hosts; ++i) hosts += ",\"h\"";
  bytes document = bson_of("{\"hosts\":[" + hosts + "]}");
  CHECK(decode_hello(view_of(document)).error().code == decode_errc::limit_exceeded);
}
