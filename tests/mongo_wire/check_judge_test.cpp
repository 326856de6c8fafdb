#include "tests/core/failure_of.hpp"
#include "tests/mongo_wire/check_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using tidewire::testing::failure_of;

namespace {

check_finding judged(const check_facts& facts, const std::string& code, const check_wishes& wishes = {}) {
  return finding_in(judge(facts, wishes), code);
}

check_wishes with_images(post_images images) {
  check_wishes wishes;
  wishes.images = images;
  return wishes;
}

}  // namespace

TEST_CASE("mongo check: what is as it should be is ok, each code once", "[mongo_check]") {
  std::vector<check_finding> findings = judge(good_facts(), with_images(post_images::read_only));
  for (const check_finding& each : findings) {
    INFO(each.code << " " << each.found);
    CHECK(each.status == check_status::ok);
    CHECK(std::ranges::count(findings, each.code, &check_finding::code) == 1);
    CHECK_FALSE(each.found.empty());
  }
  CHECK(findings.size() >= 16);
}

TEST_CASE("mongo check: facts that nobody told are unknown, and nothing fails", "[mongo_check]") {
  check_facts facts;
  facts.hello.kind = server_kind::primary;
  facts.hello.set_name = "rs0";
  for (post_images images : {post_images::off, post_images::auto_configure, post_images::read_only})
    for (const check_finding& each : judge(facts, with_images(images))) {
      INFO(each.code << " " << each.found);
      CHECK(each.status != check_status::fail);
    }
}

TEST_CASE("mongo check: versions", "[mongo_check]") {
  check_facts facts = good_facts();
  CHECK_FALSE(contains(judged(facts, "VERSION").why, "16 MB"));
  facts.version = {6, 0, 5};
  CHECK(contains(judged(facts, "VERSION").why, "16 MB"));
  facts.version = {8, 0, 1};
  CHECK(judged(facts, "VERSION").why.empty());
  facts.version = {5, 0, 4};
  CHECK(judged(facts, "VERSION").status == check_status::fail);
  facts.version.clear();
  CHECK(judged(facts, "VERSION").status == check_status::unknown);
}

TEST_CASE("mongo check: a feature compatibility version of before", "[mongo_check]") {
  check_facts facts = good_facts();
  facts.feature_version.value = "5.0";
  check_finding found = judged(facts, "FCV");
  CHECK(found.status == check_status::fail);
  CHECK(fix_texts(found) == "sql: db.adminCommand({setFeatureCompatibilityVersion: \"6.0\"});\n");
  facts.version = {7, 0, 1};
  CHECK(contains(fix_texts(judged(facts, "FCV")), "\"7.0\", confirm: true"));
  facts.feature_version = {{}, "not authorized on admin (13 Unauthorized)"};
  found = judged(facts, "FCV");
  CHECK(found.status == check_status::unknown);
  CHECK(contains(fix_texts(found),
                 "grantPrivilegesToRole(\"watcher\", [{resource: {cluster: true}, actions: "
                 "[\"getParameter\"]}]);"));
}

TEST_CASE("mongo check: standalone, sharded, of no set yet", "[mongo_check]") {
  check_facts facts = good_facts();
  facts.hello = {};
  facts.hello.kind = server_kind::standalone;
  facts.trial.value =
      stream_trial{false, false, 40573, "The $changeStream stage is only supported on replica sets"};
  std::vector<check_finding> findings = judge(facts, {});
  CHECK(finding_in(findings, "REPLICA-SET").status == check_status::fail);
  CHECK(contains(fix_texts(finding_in(findings, "REPLICA-SET")), "rs.initiate()"));
  for (const char* code : {"PRIMARY", "MEMBERS", "MAJORITY", "OPLOG", "CHANGE-STREAM"})
    CHECK_FALSE(has_finding(findings, code));
  facts = good_facts();
  facts.hello.kind = server_kind::mongos;
  facts.set = {{}, "each shard has its own: ask them"};
  facts.oplog = {{}, "each shard has its own: ask them"};
  CHECK(contains(judged(facts, "REPLICA-SET").found, "mongos"));
  CHECK(judged(facts, "OPLOG").status == check_status::unknown);
  facts.hello.kind = server_kind::ghost;
  CHECK(judged(facts, "REPLICA-SET").status == check_status::fail);
}

TEST_CASE("mongo check: no primary, or one that is not reached", "[mongo_check]") {
  check_facts facts = good_facts();
  facts.hello.kind = server_kind::secondary;
  facts.connection.host = "db2:27017";
  CHECK(contains(judged(facts, "PRIMARY").found, "none, says db2:27017"));
  facts.hello.primary = "inside:27017";
  facts.connection.seen.push_back({"inside:27017", server_kind::unknown, "no such name"});
  check_finding found = judged(facts, "PRIMARY");
  CHECK(found.status == check_status::fail);
  CHECK(contains(found.found, "inside:27017 is not reached from here; inside:27017: no such name"));
  facts.connection.direct = true;
  CHECK(judged(facts, "PRIMARY").status == check_status::ok);
}

TEST_CASE("mongo check: members and the majority", "[mongo_check]") {
  check_facts facts = good_facts();
  facts.set.value->members[1] = {"db2:27017", "(not reachable/healthy)", false};
  facts.set.value->members[2].state = "RECOVERING";
  check_finding found = judged(facts, "MEMBERS");
  CHECK(found.status == check_status::warn);
  CHECK(found.object_count == 2);
  CHECK(found.objects == std::vector<std::string>{"db2:27017", "db3:27017"});
  CHECK(judged(facts, "MAJORITY").status == check_status::ok);
  facts.set.value->majority_lag_s = 90;
  CHECK(judged(facts, "MAJORITY").found == "the majority is 2 min behind");
  facts.majority_reads.value = false;
  CHECK(judged(facts, "MAJORITY").status == check_status::fail);
}

TEST_CASE("mongo check: databases that have no stream", "[mongo_check]") {
  for (const char* name : {"admin", "local", "config"}) {
    check_facts facts = good_facts();
    facts.connection.database = name;
    std::vector<check_finding> findings = judge(facts, {});
    CHECK(finding_in(findings, "SCOPE").status == check_status::fail);
    CHECK(contains(fix_texts(finding_in(findings, "SCOPE")), std::string("authSource=") + name));
    CHECK_FALSE(has_finding(findings, "POST-IMAGES"));
  }
}

TEST_CASE("mongo check: TLS", "[mongo_check]") {
  check_facts facts = good_facts();
  facts.connection.any_host_name = true;
  CHECK(contains(judged(facts, "TLS").found, "tlsAllowInvalidHostnames"));
  CHECK(judged(facts, "TLS").status == check_status::warn);
  facts.connection.local = true;
  CHECK(judged(facts, "TLS").status == check_status::ok);
  facts.connection.local = false;
  facts.connection.tls_version.clear();
  CHECK(judged(facts, "TLS").status == check_status::warn);
}

TEST_CASE("mongo check: whose it is", "[mongo_check]") {
  check_facts facts = good_facts();
  CHECK(judged(facts, "HOSTER").found == "self-hosted");
  facts.hello.hosts = {"ac-x-shard-00-00.abcde.mongodb.net:27017"};
  CHECK(contains(judged(facts, "HOSTER").found, "MongoDB Atlas"));
  check_wishes wishes;
  wishes.at = hoster::self_hosted;
  CHECK(contains(judged(facts, "HOSTER", wishes).found, "self-hosted (--hoster)"));
  facts.connection.named = {"evilmongodb.net:27017"};
  facts.hello.hosts.clear();
  CHECK(judged(facts, "HOSTER").found == "self-hosted");
  facts.connection.named = {"c.cluster-x.eu-west-1.docdb.amazonaws.com:27017"};
  CHECK(judged(facts, "HOSTER").status == check_status::warn);
  CHECK(hoster_of_option("") == std::nullopt);
  CHECK(hoster_of_option("atlas") == hoster::atlas);
  CHECK(failure_of([] { hoster_of_option("neon"); }).code == "TW-USAGE-OPTION");
  CHECK(failure_of([] { post_images_of_option("on"); }).code == "TW-USAGE-OPTION");
}

TEST_CASE("mongo check: the oplog's window", "[mongo_check]") {
  struct row {
    double hours;
    bool never_cut;
    check_status status;
    const char* found;
  };
  for (row each :
       {row{72, false, check_status::ok, "3.0 days"}, row{0.5, true, check_status::ok, "30 min"},
        row{5.5, false, check_status::warn, "5.5 h"}, row{24, false, check_status::ok, "24.0 h"}}) {
    check_facts facts = good_facts();
    facts.oplog.value = oplog_info{1'000'000, 1'000'000 + each.hours * 3600, each.never_cut};
    CHECK(judged(facts, "OPLOG").status == each.status);
    CHECK(judged(facts, "OPLOG").found == each.found);
  }
  check_facts facts = good_facts();
  facts.oplog.value = oplog_info{0, 60, false};
  CHECK(contains(fix_texts(judged(facts, "OPLOG")), "replSetResizeOplog"));
  facts.connection.named = {"x.abcde.mongodb.net"};
  CHECK(contains(fix_texts(judged(facts, "OPLOG")), "Minimum Oplog Window"));
}

TEST_CASE("mongo check: images, by what is wanted", "[mongo_check]") {
  check_facts facts = good_facts();
  facts.collections.value->at(1).images = false;
  CHECK(judged(facts, "POST-IMAGES").status == check_status::ok);
  for (post_images images : {post_images::auto_configure, post_images::read_only}) {
    check_finding found = judged(facts, "POST-IMAGES", with_images(images));
    CHECK(found.status == check_status::fail);
    CHECK(found.objects == std::vector<std::string>{"shop.orders"});
    REQUIRE(found.fixes.size() == 1);
    CHECK(found.fixes[0].text ==
          "db.getSiblingDB(\"shop\").runCommand({collMod: \"orders\", "
          "changeStreamPreAndPostImages: {enabled: true}});");
    CHECK(found.fixes[0].can_apply);
  }
  // Views and time series can't have any.
  facts.collections.value->at(1).is = collection_info::kind::view;
  CHECK(judged(facts, "POST-IMAGES", with_images(post_images::read_only)).status == check_status::ok);
  for (int i = 0; i < 20; ++i)
    facts.collections.value->push_back(
        {"shop", "c" + std::to_string(i), collection_info::kind::collection, false});
  check_finding many = judged(facts, "POST-IMAGES", with_images(post_images::read_only));
  CHECK(many.object_count == 20);
  CHECK(many.objects.size() == max_named_objects);
  CHECK(many.fixes.size() == 1);
  facts.expiry.value->seconds = 60;
  CHECK(judged(facts, "IMAGE-EXPIRY").status == check_status::ok);
  CHECK(judged(facts, "IMAGE-EXPIRY", with_images(post_images::read_only)).status == check_status::warn);
}

TEST_CASE("mongo check: views and time series", "[mongo_check]") {
  check_facts facts = good_facts();
  facts.collections.value->push_back({"shop", "v", collection_info::kind::view, false});
  CHECK(judged(facts, "COLLECTION-KIND").status == check_status::ok);
  CHECK(judged(facts, "COLLECTION-KIND").objects == std::vector<std::string>{"shop.v"});
  facts.collections.value->push_back({"shop", "ts", collection_info::kind::time_series, false});
  CHECK(judged(facts, "COLLECTION-KIND").status == check_status::warn);
  CHECK(judged(facts, "COLLECTION-KIND").found == "time series: shop.ts; views: shop.v");
}

TEST_CASE("mongo check: servers that are not reached", "[mongo_check]") {
  auto judged_failure = [](const failure& why, const check_facts& facts) {
    return judge_no_connection(why, facts, {});
  };
  check_facts facts;
  facts.connection.named = {"cluster0.abcde.mongodb.net"};
  failure cut{failure_kind::transient, "TW-NET-CLOSED", "the server closed the connection", ""};
  CHECK(contains(fix_texts(finding_in(judged_failure(cut, facts), "CONNECT")), "IP access list"));
  failure handshake{failure_kind::refused, "TW-TLS-HANDSHAKE", "tlsv1 alert internal error", ""};
  CHECK(contains(fix_texts(finding_in(judged_failure(handshake, facts), "CONNECT")), "IP access list"));
  failure password{failure_kind::refused, "TW-AUTH-PASSWORD", "bad auth", ""};
  check_finding found = finding_in(judged_failure(password, facts), "CONNECT");
  CHECK_FALSE(contains(fix_texts(found), "IP access list"));
  CHECK(contains(fix_texts(found), "Database Access"));
  failure proxied{failure_kind::refused, "TW-MONGO-ERROR",
                  "bad auth : authentication failed (8000 AtlasError)", ""};
  CHECK(contains(fix_texts(finding_in(judged_failure(proxied, facts), "CONNECT")), "Database Access"));
  facts.connection.named = {"db1:27017"};
  facts.connection.auth_source = "shop";
  facts.connection.user = "rea\"der";
  CHECK(contains(fix_texts(finding_in(judged_failure(password, facts), "CONNECT")),
                 "authSource=admin, if the user was created in the database admin"));
  failure old{failure_kind::refused, "TW-MONGO-VERSION", "the server is older than 6.0 (wire version 13)",
              ""};
  CHECK(finding_in(judged_failure(old, facts), "VERSION").status == check_status::fail);
  facts.connection.replica_set = "other";
  failure nobody{failure_kind::transient, "TW-MONGO-NO-HOST", "no server would do", ""};
  CHECK(contains(finding_in(judged_failure(nobody, facts), "REPLICA-SET").found, "other"));
  facts.connection.seen = {{"db1:27017", server_kind::ghost, ""}};
  CHECK(contains(fix_texts(finding_in(judged_failure(nobody, facts), "REPLICA-SET")), "rs.initiate()"));
}

TEST_CASE("mongo check: SRV records", "[mongo_check]") {
  check_facts facts = good_facts();
  CHECK_FALSE(has_finding(judge(facts, {}), "SRV"));
  facts.connection.srv = true;
  facts.connection.srv_hosts.value = {"a.example.com:27017", "b.example.com:27017"};
  CHECK(judged(facts, "SRV").found == "a.example.com:27017, b.example.com:27017");
  facts.connection.srv_hosts = {{}, "the DNS has no hosts for x"};
  failure why{failure_kind::usage, "TW-USAGE-CONNECTION-STRING", "the DNS has no hosts for x", ""};
  std::vector<check_finding> findings = judge_no_connection(why, facts, {});
  CHECK(finding_in(findings, "SRV").status == check_status::fail);
  CHECK_FALSE(has_finding(findings, "CONNECT"));
  facts.connection.srv_hosts = {};
  CHECK_FALSE(srv_failed(facts));
}
