#include "mongo_wire/check_ask.hpp"

#include "mongo_wire/check.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/mongo_wire/check_case.hpp"
#include "tests/mongo_wire/scripted_server.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using tidewire::testing::failure_of;
using tidewire::testing::for_each_failure;
using tidewire::testing::play;

namespace {

conversation<check_facts> ask(tidewire::link& over, std::string database, std::string role,
                              cluster_clock& clock, server_kind kind = server_kind::primary) {
  session with(over, clock);
  check_facts facts;
  facts.hello.kind = kind;
  facts.hello.set_name = "rs0";
  facts.connection.database = database;
  ask_settings what{database, role};
  co_await ask_facts(with, what, facts);
  co_return facts;
}

check_facts asked_of(const script& steps, const std::string& database = "shop",
                     const std::string& role = "") {
  cluster_clock clock;
  return play(steps, message_size, [&](tidewire::link& over) { return ask(over, database, role, clock); });
}

/// A server that says the same to everything.
check_facts always(const std::string& reply) {
  script steps;
  for (int i = 0; i < 10; ++i) expect(steps, R"({")", reply);
  return asked_of(steps);
}

script good_server() {
  script steps;
  expect(steps, R"({"buildInfo")", R"({"ok":1,"version":"6.0.27","versionArray":[6,0,27,0]})");
  expect(steps, R"({"getParameter")", R"({"ok":1,"featureCompatibilityVersion":{"version":"6.0"}})");
  expect(steps, R"({"connectionStatus")",
         R"({"ok":1,"authInfo":{"authenticatedUsers":[{"user":"u","db":"admin"}],
             "authenticatedUserRoles":[{"role":"read","db":"shop"}],
             "authenticatedUserPrivileges":[
                {"resource":{"db":"shop","collection":""},"actions":["find"]}]}})");
  expect(steps, R"({"aggregate")",
         R"({"ok":1,"cursor":{"id":{"$numberLong":"9"},"ns":"shop.$cmd.aggregate","firstBatch":[]}})");
  expect(steps, R"({"killCursors":"$cmd.aggregate","cursors":[{"$numberLong":"9"}])", R"({"ok":1})");
  expect(steps, R"({"listCollections")",
         R"({"ok":1,"cursor":{"id":{"$numberLong":"5"},"ns":"shop.$cmd.listCollections","firstBatch":[
             {"name":"a","type":"collection","options":{"changeStreamPreAndPostImages":{"enabled":true}}},
             {"name":"system.views","type":"collection"}, 7, {"type":"collection"}]}})");
  expect(steps, R"({"getMore":{"$numberLong":"5"},"collection":"$cmd.listCollections")",
         R"({"ok":1,"cursor":{"id":0,"ns":"x","nextBatch":[{"name":"v","type":"view"},
             {"name":"t","type":"timeseries"}, {"name":"b","type":"collection","options":7}]}})");
  expect(steps, R"({"replSetGetStatus")",
         R"({"ok":1,"members":[{"name":"a:1","stateStr":"PRIMARY","health":1.0},{"name":"b:1","health":0}, 3],
             "optimes":{"appliedOpTime":{"ts":{"$timestamp":{"t":100,"i":1}}},
                        "lastCommittedOpTime":{"ts":{"$timestamp":{"t":70,"i":1}}}}})");
  expect(steps, R"({"serverStatus")",
         R"({"ok":1,"localTime":{"$date":{"$numberLong":"2000000"}},"uptimeMillis":{"$numberLong":"1900000"},
             "oplog":{"earliestOptime":{"$timestamp":{"t":200,"i":1}},
                       "latestOptime":{"$timestamp":{"t":1900,"i":1}}},
             "oplogTruncation":{"truncateCount":0},"storageEngine":{"supportsCommittedReads":true}})");
  expect(steps, R"({"getClusterParameter")",
         R"({"ok":1,"clusterParameters":[{"_id":"changeStreamOptions",
             "preAndPostImages":{"expireAfterSeconds":{"$numberLong":"3600"}}}]})");
  return steps;
}

}  // namespace

TEST_CASE("mongo check asks: everything is told", "[mongo_check]") {
  check_facts facts = asked_of(good_server());
  CHECK(facts.version_name == "6.0.27");
  CHECK(facts.feature_version.value == "6.0");
  CHECK(facts.login->users == std::vector<known_name>{{"u", "admin"}});
  CHECK(allows(facts.login->privileges, resource::of_database("shop"), "find"));
  CHECK(facts.trial->works);
  REQUIRE(facts.collections->size() == 4);
  CHECK(facts.collections->at(0).images);
  CHECK(facts.collections->at(1).is == collection_info::kind::view);
  CHECK(facts.collections->at(2).is == collection_info::kind::time_series);
  CHECK_FALSE(facts.collections->at(3).images);
  CHECK(facts.set->members.size() == 2);
  CHECK(facts.set->majority_lag_s == 30);
  CHECK(facts.oplog->window_s() == 1700);
  CHECK(facts.oplog->never_cut);
  CHECK(facts.majority_reads.value == true);
  CHECK(facts.expiry->seconds == 3600);
}

TEST_CASE("mongo check asks: mongos and standalone servers are not asked what they do not have",
          "[mongo_check]") {
  for (server_kind kind : {server_kind::mongos, server_kind::standalone}) {
    script steps;
    for (const char* each :
         {R"({"buildInfo")", R"({"getParameter")", R"({"connectionStatus")", R"({"aggregate")",
          R"({"listCollections")", R"({"listCollections")", R"({"getClusterParameter")"})
      expect(steps, each, R"({"ok":0,"code":40573,"errmsg":"no"})");
    cluster_clock clock;
    check_facts facts =
        play(steps, message_size, [&](tidewire::link& over) { return ask(over, "shop", "", clock, kind); });
    CHECK(facts.trial->number == 40573);
    CHECK_FALSE(facts.oplog);
    CHECK(facts.set.missing == facts.oplog.missing);
  }
}

TEST_CASE("mongo check asks: Atlas' proxies deny in their own way", "[mongo_check]") {
  for (const char* text :
       {"user is not allowed to do action [find] on [shop.]", "(Unauthorized) not authorized on shop"})
    CHECK(always(R"({"ok":0,"code":8000,"codeName":"AtlasError","errmsg":")" + std::string(text) + R"("})")
              .trial->denied);
  CHECK_FALSE(always(R"({"ok":0,"code":8000,"codeName":"AtlasError","errmsg":"$changeStream is off"})")
                  .trial->denied);
}

TEST_CASE("mongo check asks: the set's id tells when its oplog began", "[mongo_check]") {
  const std::string no = R"({"ok":0,"code":13,"errmsg":"no"})";
  struct row {
    const char* config;
    bool never_cut;
  };
  for (const row& each :
       {row{R"({"ok":1,"config":{"settings":{"replicaSetId":{"$oid":"000000c80000000000000000"}}}})", true},
        row{R"({"ok":1,"config":{"settings":{"replicaSetId":{"$oid":"000000100000000000000000"}}}})", false},
        row{R"({"ok":1,"config":{"settings":{"replicaSetId":7}}})", false},
        row{R"({"ok":0,"code":13})", false}}) {
    script steps;
    for (int i = 0; i < 7; ++i) expect(steps, R"({")", no);
    expect(steps, R"({"serverStatus")",
           R"({"ok":1,"localTime":{"$date":{"$numberLong":"2000000"}},"uptimeMillis":{"$numberLong":"5"},
               "oplog":{"earliestOptime":{"$timestamp":{"t":210,"i":1}},
                         "latestOptime":{"$timestamp":{"t":300,"i":1}}},
               "oplogTruncation":{"truncateCount":0}})");
    expect(steps, R"({"replSetGetConfig")", each.config);
    expect(steps, R"({"getClusterParameter")", no);
    CHECK(asked_of(steps).oplog->never_cut == each.never_cut);
  }
}

TEST_CASE("mongo check asks: a connection that breaks ends it", "[mongo_check]") {
  static cluster_clock clock;
  CHECK(for_each_failure(good_server(), message_size,
                         [](tidewire::link& over) { return ask(over, "shop", "", clock); }) > 20);
}

TEST_CASE("mongo check asks: a server that denies everything leaves everything unknown", "[mongo_check]") {
  check_facts facts = always(
      R"({"ok":0,"code":13,"codeName":"Unauthorized",
          "errmsg":"not authorized on admin to execute command { x: \"secret\" }"})");
  CHECK(facts.set.missing == "not authorized on admin to execute command (13 Unauthorized)");
  CHECK_FALSE(facts.oplog);
  CHECK(facts.trial->denied);
  for (const check_finding& each : judge(facts, {})) {
    INFO(each.code << each.found);
    CHECK_FALSE(contains(each.found, "secret"));
    CHECK((each.status != check_status::fail || each.code == "TW-CHECK-MO-CHANGE-STREAM" ||
           each.code == "TW-CHECK-MO-USER"));
  }
}

TEST_CASE("mongo check asks: answers that are none of what they must be are survived", "[mongo_check]") {
  for (const char* reply :
       {R"({"ok":1})",
        R"({"ok":1,"versionArray":7,"version":8,"featureCompatibilityVersion":5,"authInfo":[],"members":{},
            "oplog":[],"storageEngine":1,"localTime":"now","clusterParameters":[1],"databases":{}})",
        R"({"ok":1,"versionArray":["a"],
            "authInfo":{"authenticatedUsers":5,"authenticatedUserPrivileges":[[],5,{}]},
            "members":[1,{"name":3}],"optimes":{"appliedOpTime":5},
            "clusterParameters":{"0":{"preAndPostImages":[]}},
            "oplog":{"earliestOptime":1,"latestOptime":{"$timestamp":{"t":1,"i":1}}}})"}) {
    check_facts facts = always(reply);
    CHECK(facts.version_name.empty());
    CHECK_FALSE(facts.oplog);
    CHECK(facts.expiry.missing == "the server's answer is not what it must be");
    CHECK(judge(facts, {}).size() > 10);
  }
}

TEST_CASE("mongo check asks: a reply that is no BSON ends the connection with a code", "[mongo_check]") {
  script steps;
  expect(steps, R"({"buildInfo")", R"({"ok":"yes"})");
  CHECK(failure_of([&] { asked_of(steps); }).code == "TW-MONGO-MALFORMED");
}

TEST_CASE("mongo check asks: all databases, a user and a role, privileges told elsewhere", "[mongo_check]") {
  const std::string no = R"({"ok":0,"code":13,"errmsg":"no"})";
  script steps;
  expect(steps, R"({"buildInfo")", no);
  expect(steps, R"({"getParameter")", no);
  expect(steps, R"({"connectionStatus")",
         R"({"ok":1,"authInfo":{"authenticatedUsers":[{"user":"u","db":"d"}],
                                   "authenticatedUserPrivileges":[]}})");
  expect(steps, R"({"usersInfo":{"user":"u","db":"d"},"showPrivileges":true)",
         R"({"ok":1,"users":[{"inheritedPrivileges":[
             {"resource":{"anyResource":true},"actions":["anyAction"]}]}]})");
  expect(steps, [&](const std::string& command) {
    if (command.find(R"("allChangesForCluster":true)") == command.npos) throw script_mismatch(command);
    return no;
  });
  expect(steps, R"({"listDatabases")", R"({"ok":1,"databases":[{"name":"admin"},{"name":"b"},{"x":1},5]})");
  expect(steps, R"({"listCollections":{"$numberInt":"1"},"$db":"b")", no);
  expect(steps, R"({"listCollections":{"$numberInt":"1"},"nameOnly":true,"authorizedCollections":true)",
         R"({"ok":1,"cursor":{"id":0,"ns":"x","firstBatch":[{"name":"c","type":"collection"}]}})");
  expect(steps, R"({"replSetGetStatus")", no);
  expect(steps, R"({"serverStatus")", no);
  expect(steps, R"({"find":"oplog.rs")",
         R"({"ok":1,"cursor":{"id":0,"ns":"x","firstBatch":[{"ts":{"$timestamp":{"t":5,"i":1}},"op":"n",
             "o":{"msg":"initiating set"}}]}})");
  expect(steps, R"({"find":"oplog.rs")",
         R"({"ok":1,"cursor":{"id":0,"ns":"x","firstBatch":[{"ts":{"$timestamp":{"t":65,"i":1}}}]}})");
  expect(steps, R"({"getClusterParameter")",
         R"({"ok":1,"clusterParameters":[{"preAndPostImages":{"expireAfterSeconds":"off"}}]})");
  expect(steps, R"({"usersInfo":{"user":"tw","db":"admin"})", R"({"ok":1,"users":[]})");
  expect(steps, R"({"rolesInfo":{"role":"tw","db":"admin"})",
         R"({"ok":1,"roles":[{"role":"tw","inheritedPrivileges":[
             {"resource":{"cluster":true},"actions":["x"]}]}]})");
  check_facts facts = asked_of(steps, "", "tw");
  CHECK(facts.login->privileges.size() == 1);
  CHECK(*facts.databases == std::vector<std::string>{"b"});
  CHECK(facts.collections_by_name_only);
  CHECK(facts.collections->size() == 1);
  CHECK(facts.oplog->window_s() == 60);
  CHECK(facts.oplog->never_cut);
  CHECK((facts.expiry && !facts.expiry->seconds));
  CHECK_FALSE(facts.user->exists);
  CHECK((facts.role->exists && facts.role->privileges.size() == 1));
}
