#include "mongo_wire/privilege.hpp"
#include "tests/mongo_wire/bson_case.hpp"
#include "tests/mongo_wire/check_case.hpp"
#include "tests/mongo_wire/event_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

/// Facts of a user that holds only this and may not open a stream.
check_facts holding(std::vector<privilege> held, const std::string& database = "shop") {
  check_facts facts = good_facts();
  facts.connection.database = database;
  facts.login.value->privileges = std::move(held);
  facts.trial.value = stream_trial{false, true, 13, "not authorized on shop (13 Unauthorized)"};
  return facts;
}

check_finding stream_right(const check_facts& facts) {
  return finding_in(judge(facts, {}), "CHANGE-STREAM");
}

}  // namespace

TEST_CASE("mongo privileges: what covers what", "[mongo_check]") {
  resource any{"", "", false, true}, all{}, shop{"shop", ""}, items{"shop", "items"},
      every_items{"", "items"}, cluster{"", "", true, false}, system{"shop", "system.js"};
  struct row {
    resource held, on;
    bool covered;
  };
  for (const row& each :
       {row{any, cluster, true}, row{any, shop, true}, row{all, shop, true}, row{all, items, true},
        row{all, all, true}, row{shop, all, false}, row{shop, items, true}, row{items, shop, false},
        row{items, items, true}, row{every_items, items, true}, row{every_items, shop, false},
        row{shop, system, false}, row{all, system, false}, row{system, system, true},
        row{cluster, all, false}, row{all, cluster, false}, row{cluster, cluster, true}}) {
    CAPTURE(each.held.database, each.held.collection, each.on.database, each.on.collection);
    CHECK(allows({{each.held, {"find"}}}, each.on, "find") == each.covered);
    CHECK_FALSE(allows({{each.held, {"find"}}}, each.on, "insert"));
    CHECK(allows({{each.held, {"anyAction"}}}, each.on, "insert") == each.covered);
  }
  CHECK(missing_of({{shop, {"find"}}, {all, {"listCollections"}}},
                   {{shop, {"find", "changeStream", "listCollections"}}})
            .at(0)
            .actions == std::set<std::string, std::less<>>{"changeStream"});
}

TEST_CASE("mongo privileges: as servers list them, and what is none", "[mongo_check]") {
  bytes list = bson_of(R"({"a":[
    {"resource":{"db":"shop","collection":""},"actions":["find",7,"changeStream"]},
    {"resource":{"cluster":true},"actions":["serverStatus"]},
    {"resource":{"anyResource":true},"actions":["anyAction"]},
    {"resource":{"db":"shop","system_buckets":"x"},"actions":["find"]},
    {"resource":{"cluster":false},"actions":["find"]},
    {"resource":{},"actions":["find"]},
    {"resource":7,"actions":["find"]},
    {"actions":["find"]}, {"resource":{"db":"x","collection":"y"}}, "text"]})");
  std::vector<privilege> got = decode_privileges(*find(view_of(list), "a")->as_array());
  REQUIRE(got.size() == 3);
  CHECK(shell_text(got[0]) ==
        "{resource: {db: \"shop\", collection: \"\"}, actions: [\"changeStream\", \"find\"]}");
  CHECK(got[1].on.cluster);
  CHECK(got[2].on.any);
  bytes names = bson_of(R"({"a":[{"role":"r","db":"d"},{"role":"r"},{"role":1,"db":"d"},5]})");
  CHECK(decode_names(*find(view_of(names), "a")->as_array(), "role") == std::vector<known_name>{{"r", "d"}});
}

TEST_CASE("mongo privileges: hostile names stay inside their quotes", "[mongo_check]") {
  CHECK(shell_text(std::string_view("a\"b\\c\n\x7f")) == R"("a\"b\\c\x0a\x7f")");
  CHECK(shell_database("x\"); drop(") == R"(db.getSiblingDB("x\"); drop("))");
}

TEST_CASE("mongo check: rights on each collection do not make one on the database", "[mongo_check]") {
  check_finding found = stream_right(holding({{{"shop", "items"}, {"find", "changeStream"}}}));
  CHECK(found.status == check_status::fail);
  CHECK(found.found == "missing: changeStream, find on {db: \"shop\", collection: \"\"}");
  REQUIRE(found.fixes.size() == 1);
  CHECK(found.fixes[0].text ==
        "db.getSiblingDB(\"admin\").grantPrivilegesToRole(\"watcher\", [{resource: {db: \"shop\", "
        "collection: \"\"}, "
        "actions: [\"changeStream\", \"find\"]}]);");
}

TEST_CASE("mongo check: one of the two is missing", "[mongo_check]") {
  CHECK(contains(stream_right(holding({{{"shop", ""}, {"changeStream"}}})).found, "missing: find on"));
  CHECK(contains(stream_right(holding({{{"shop", ""}, {"find"}}})).found, "missing: changeStream on"));
  CHECK(contains(stream_right(holding({{{"shop", ""}, {"find", "changeStream"}}}, "")).found,
                 "changeStream, find on {db: \"\", collection: \"\"}"));
}

TEST_CASE("mongo check: where there is no role to extend", "[mongo_check]") {
  check_facts facts = holding({});
  for (std::vector<known_name> roles :
       {std::vector<known_name>{}, {{"clusterMonitor", "admin"}}, {{"elsewhere", "other"}}}) {
    facts.login.value->roles = roles;
    std::string fixes = fix_texts(stream_right(facts));
    CHECK(contains(
        fixes, "db.getSiblingDB(\"admin\").grantRolesToUser(\"reader\", [{role: \"read\", db: \"shop\"}]);"));
    CHECK(contains(fixes, "createRole({role: \"tidewire_reader\""));
  }
  // A role of the database itself can hold rights there.
  facts.login.value->roles = {{"local", "shop"}};
  CHECK(
      contains(fix_texts(stream_right(facts)), "db.getSiblingDB(\"shop\").grantPrivilegesToRole(\"local\""));
  facts.connection.database = "";
  CHECK(contains(fix_texts(stream_right(facts)), "{role: \"readAnyDatabase\", db: \"admin\"}"));
  facts.connection.named = {"c.abcde.mongodb.net:27017"};
  check_finding found = stream_right(facts);
  REQUIRE(found.fixes.size() == 1);
  CHECK(contains(fix_texts(found),
                 "console: Security, Database Access, Edit reader, Specific Privileges: "
                 "readAnyDatabase@admin; or Custom Roles"));
}

TEST_CASE("mongo check: nobody logged in", "[mongo_check]") {
  check_facts facts = holding({});
  facts.login.value->users.clear();
  CHECK(finding_in(judge(facts, {}), "USER").status == check_status::fail);
  facts.trial.value = stream_trial{true, false, 0, ""};
  CHECK(finding_in(judge(facts, {}), "USER").status == check_status::warn);
}

TEST_CASE("mongo check: listing, and switching images on", "[mongo_check]") {
  check_facts facts = good_facts();
  facts.collections_by_name_only = true;
  facts.login.value->privileges = {{resource::of_database("shop"), {"find", "changeStream"}}};
  check_finding found = finding_in(judge(facts, {}), "LIST-COLLECTIONS");
  CHECK(found.status == check_status::warn);
  CHECK(contains(fix_texts(found), "actions: [\"listCollections\"]"));
  check_wishes wishes;
  wishes.images = post_images::auto_configure;
  found = finding_in(judge(facts, wishes), "COLLMOD");
  CHECK(found.status == check_status::fail);
  CHECK(contains(fix_texts(found), "actions: [\"collMod\"]"));
  CHECK(finding_in(judge(facts, wishes), "POST-IMAGES").status == check_status::unknown);
  facts.login.value->privileges.push_back({resource::of_database(""), {"collMod"}});
  CHECK(finding_in(judge(facts, wishes), "COLLMOD").status == check_status::ok);
  wishes.images = post_images::read_only;
  CHECK_FALSE(has_finding(judge(facts, wishes), "COLLMOD"));
}
