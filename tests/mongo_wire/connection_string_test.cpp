#include "mongo_wire/connection_string.hpp"

#include <set>

#include "core/failure.hpp"
#include "tests/mongo_wire/vectors.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using json_value = nlohmann::json;

namespace {

std::string refusal_of(const std::string& text) {
  try {
    parse_connection_string(text);
  } catch (const failure& why) {
    CHECK(why.code == "TW-USAGE-CONNECTION-STRING");
    CHECK(why.kind == failure_kind::usage);
    return why.what();
  }
  return "";
}

std::string lowered(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

void check_hosts(const connection_options& got, const json_value& wanted) {
  REQUIRE(got.hosts.size() == wanted.size());
  for (std::size_t i = 0; i < got.hosts.size(); ++i) {
    CHECK(got.hosts[i].host == lowered(wanted[i]["host"]));
    CHECK(got.hosts[i].is_unix == (wanted[i]["type"] == "unix"));
    CHECK(got.hosts[i].port == (wanted[i]["port"].is_null() ? 27017 : wanted[i]["port"].get<int>()));
  }
}

void check_auth(const connection_options& got, const json_value& wanted) {
  auto text = [&wanted](const char* name) {
    return wanted.contains(name) && wanted[name].is_string() ? wanted[name].get<std::string>() : "";
  };
  CHECK(got.user == text("username"));
  CHECK(got.password.reveal() == text("password"));
  CHECK(got.database == text("db"));
}

std::string value_text(const json_value& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

void check_options(const connection_options& got, const json_value& wanted) {
  for (const auto& [name, value] : wanted.items()) {
    std::string key = lowered(name);
    CAPTURE(name);
    if (key == "ssl") key = "tls";
    // A secret is kept elsewhere.
    if (key == "tlscertificatekeyfilepassword") {
      CHECK(got.tls_certificate_key_password.reveal() == value.get<std::string>());
    } else if (key == "authmechanismproperties") {
      for (const auto& [property, text] : value.items())
        if (property == "AWS_SESSION_TOKEN")
          CHECK(got.aws_session_token.reveal() == value_text(text));
        else
          CHECK(got.mechanism_properties.at(property) == value_text(text));
    } else if (key == "compressors") {
      REQUIRE(got.compressors.size() == value.size());
      for (std::size_t i = 0; i < value.size(); ++i)
        CHECK(name_of(got.compressors[i]) == value[i].get<std::string>());
    } else if (key == "readpreferencetags") {
      CHECK(got.read_tags == value.get<std::vector<tag_set>>());
    } else {
      REQUIRE(got.given.contains(key));
      CHECK(got.given.at(key) == value_text(value));
    }
  }
}

/// Cases that contradict others.
bool is_left_out(const json_value& test) {
  static const std::set<std::string> uris{
      // One says that a user with a password is legal, and one that it is not.
      "mongodb://user:pass@localhost.com/?authMechanism=MONGODB-AWS"};
  return uris.contains(test["uri"]);
}

int run(const fs::path& folder) {
  int seen = 0;
  for (const fs::path& file : files_in(folder, ".json")) {
    json_value cases = json_value::parse(read_text(file));
    for (const json_value& test : cases["tests"]) {
      std::string uri = test["uri"], description = test["description"];
      CAPTURE(file.filename().string(), uri, description);
      if (is_left_out(test)) continue;
      ++seen;
      if (!test["valid"].get<bool>()) {
        CHECK_FALSE(refusal_of(uri).empty());
        continue;
      }
      CHECK(refusal_of(uri).empty());
      if (!refusal_of(uri).empty()) continue;
      connection_options got = parse_connection_string(uri);
      if (test.contains("warning") && test["warning"].is_boolean())
        CHECK(!got.warnings.empty() == test["warning"].get<bool>());
      if (test.contains("hosts") && test["hosts"].is_array()) check_hosts(got, test["hosts"]);
      if (test.contains("auth") && test["auth"].is_object()) check_auth(got, test["auth"]);
      if (test.contains("options") && test["options"].is_object()) check_options(got, test["options"]);
      if (!test.contains("credential") || !test["credential"].is_object()) continue;
      const json_value& credential = test["credential"];
      CHECK(source_of_user(got) == credential["source"].get<std::string>());
      std::string mechanism =
          credential["mechanism"].is_string() ? credential["mechanism"].get<std::string>() : "";
      CHECK(to_string(got.mechanism) == mechanism);
      check_auth(
          got,
          {{"username", credential["username"]}, {"password", credential["password"]}, {"db", got.database}});
    }
  }
  return seen;
}

connection_options after_dns(const std::string& uri, std::vector<host_port> hosts,
                             const char* txt = nullptr) {
  connection_options options = parse_connection_string(uri);
  set_srv_hosts(options, std::move(hosts));
  if (txt) add_txt_record(options, txt);
  return options;
}

}  // namespace

TEST_CASE("connection strings: the specification's cases", "[mongo_uri]") {
  CHECK(run(vectors("connection-string")) > 50);
}

TEST_CASE("connection strings: the specification's cases of options", "[mongo_uri]") {
  CHECK(run(vectors("uri-options")) > 60);
}

TEST_CASE("connection strings: the specification's cases of users", "[mongo_uri]") {
  CHECK(run(vectors("auth-legacy")) > 25);
}

TEST_CASE("connection strings: what decides where to connect", "[mongo_uri]") {
  connection_options got = parse_connection_string(
      "mongodb://u%40x:p%3Aw@A.example:27018,[::1],%2Ftmp%2Fmongodb-27017.sock/shop?replicaSet=rs0&tls=true"
      "&authSource=admin&readPreference=secondaryPreferred&readPreferenceTags=dc:ny,rack:1&"
      "readPreferenceTags="
      "dc:la&compressors=zstd,snappy,brotli&connectTimeoutMS=500&tlsCAFile=%2Fca.pem");
  CHECK(got.user == "u@x");
  CHECK(got.password.reveal() == "p:w");
  REQUIRE(got.hosts.size() == 3);
  CHECK(got.hosts[0] == host_port{"a.example", 27018, false});
  CHECK(got.hosts[1].text() == "[::1]:27017");
  CHECK(got.hosts[2].is_unix);
  CHECK(got.hosts[2].text() == "/tmp/mongodb-27017.sock");
  CHECK(got.database == "shop");
  CHECK(got.replica_set == "rs0");
  CHECK(uses_tls(got));
  CHECK(got.tls_ca_file == "/ca.pem");
  CHECK(source_of_user(got) == "admin");
  CHECK(got.read_from == read_mode::secondary_preferred);
  CHECK(got.read_tags.size() == 2);
  CHECK(got.compressors == std::vector{compressor::zstd, compressor::snappy});
  CHECK(got.connect_timeout.count() == 500);
  CHECK(got.warnings.size() == 1);  // brotli
  CHECK_FALSE(uses_tls(parse_connection_string("mongodb://h")));
  CHECK(uses_tls(parse_connection_string("mongodb+srv://a.b.c")));
  CHECK_FALSE(uses_tls(parse_connection_string("mongodb+srv://a.b.c/?tls=false")));
}

TEST_CASE("connection strings: refused, and no secret in the refusal", "[mongo_uri]") {
  for (const char* uri :
       {"mongodb://",
        "mongodb:///db",
        "mongodb://h,",
        "mongodb://h:",
        "mongodb://[::1",
        "mongodb://[::1]x",
        "mongodb://h/a.b?x",
        "mongodb://h/?=x",
        "mongodb://h/?x",
        "mongodb://h%zz",
        "mongodb://h%00",
        "postgres://h",
        "mongodb://h/?authMechanism=NEW",
        "mongodb://u@h/?authMechanism=PLAIN",
        "mongodb://u:hunter2:x@h",
        "mongodb://u:hunter2%@h",
        "mongodb://u:hunter2@h:0",
        "mongodb://u:hunter2@@h",
        "mongodb+srv://u:hunter2@a.b.c:1",
        "mongodb+srv://a.b",
        "mongodb://u:hunter2@h/?authMechanism=MONGODB-X509",
        "mongodb://u@h/?authMechanism=MONGODB-AWS",
        "mongodb://u:@h/?authMechanism=MONGODB-AWS",
        "mongodb://u:hunter2@h/?authMechanism=MONGODB-AWS&authSource=admin",
        "mongodb://h/?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:hunter2",
        "mongodb://u:hunter2@h/?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_TOKEN:hunter2",
        "mongodb://h/?replicaSet=a&loadBalanced=true",
        "mongodb://h/?directConnection=true&loadBalanced=true"}) {
    CAPTURE(uri);
    std::string why = refusal_of(uri);
    CHECK_FALSE(why.empty());
    CHECK(why.find("hunter2") == why.npos);
  }
  CHECK_FALSE(refusal_of("mongodb://" + std::string(70'000, 'h')).empty());
}

TEST_CASE("connection strings: a session token is a secret", "[mongo_uri]") {
  connection_options got = parse_connection_string(
      "mongodb://AKIA:key@h/"
      "?authMechanismProperties=AWS_SESSION_TOKEN:a%2Bb%2F%3D:c&authMechanism=MONGODB-AWS");
  CHECK(got.aws_session_token.reveal() == "a+b/=:c");
  CHECK(got.mechanism_properties.empty());
  CHECK(got.given.at("authmechanismproperties").empty());
  CHECK(source_of_user(got) == "$external");
}

TEST_CASE("mongodb+srv: hosts and options of the DNS", "[mongo_uri]") {
  connection_options got =
      after_dns("mongodb+srv://u:p@cluster.example.com/shop",
                {{"N1.example.com.", 27017, false}, {"n2.sub.example.com", 27018, false}},
                "authSource=thisDB&replicaSet=repl0");
  CHECK(got.hosts ==
        std::vector<host_port>{{"n1.example.com", 27017, false}, {"n2.sub.example.com", 27018, false}});
  CHECK(got.replica_set == "repl0");
  CHECK(source_of_user(got) == "thisDB");
  // What the string gives counts.
  got = after_dns("mongodb+srv://a.example.com/?authSource=otherDB", {{"n.example.com", 1, false}},
                  "authSource=thisDB&loadBalanced=false");
  CHECK(source_of_user(got) == "otherDB");
  for (const char* host :
       {"n.example.org", "example.com", ".example.com", "nexample.com", "n.example.com.evil.org"})
    CHECK_THROWS_AS(after_dns("mongodb+srv://a.example.com", {{host, 1, false}}), failure);
  CHECK_THROWS_AS(after_dns("mongodb+srv://a.example.com", {}), failure);
  for (const char* txt : {"socketTimeoutMS=500", "authSource", "tls=false", "authSource=a&x=1"})
    CHECK_THROWS_AS(after_dns("mongodb+srv://a.example.com", {{"n.example.com", 1, false}}, txt), failure);
  CHECK_THROWS_AS(after_dns("mongodb+srv://a.example.com/?replicaSet=r", {{"n.example.com", 1, false}},
                            "loadBalanced=true"),
                  failure);
}
