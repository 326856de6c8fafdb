#include "pgoutput/check.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <set>

#include "tests/core/failure_of.hpp"
#include "tests/pgoutput/check_facts_sample.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::testing;

namespace {

check_finding found(const check_facts& facts, std::string code, const check_wishes& wishes = {}) {
  code = "TW-CHECK-PG-" + code;
  for (const check_finding& each : judge(facts, wishes))
    if (each.code == code) return each;
  FAIL(code << " is not in the report");
  return {};
}

check_status status(const check_facts& facts, const std::string& code, const check_wishes& wishes = {}) {
  return found(facts, code, wishes).status;
}

std::string fix_text(const check_finding& finding) {
  std::string text;
  for (const check_fix& fix : finding.fixes) text += fix.text + '\n';
  return text;
}

slot_record slot(std::string name) {
  slot_record made;
  made.name = std::move(name);
  made.plugin = "pgoutput";
  made.database = "shop";
  return made;
}

struct one_change {
  const char* code;
  check_status status;
  std::function<void(check_facts&)> change;
  int version = 150'018;
};

}  // namespace

TEST_CASE("Where everything is there, everything is ok, on every version", "[check]") {
  for (int version : {110'022, 120'022, 130'023, 140'023, 150'018, 160'014, 170'010, 180'004, 190'000}) {
    for (const check_finding& each : judge(good_facts(version), {})) {
      INFO(version << " " << each.code << ": " << each.found);
      CHECK(each.status == check_status::ok);
      CHECK(each.fixes.empty());
      CHECK_FALSE(each.found.empty());
    }
  }
}

TEST_CASE("Each change for the worse is found, and says how to undo it", "[check]") {
  using s = check_status;
  const one_change changes[] = {
      {"HOSTER", s::fail, [](check_facts& f) { f.server.value->version_text = "CockroachDB CCL v23.1"; }},
      {"HOSTER-SWITCH", s::fail,
       [](check_facts& f) { (*f.special_settings.value)["rds.logical_replication"] = "off"; }},
      {"GENERATED-COLUMNS", s::warn, [](check_facts& f) { f.tables.value->at(0).generated_columns = {2}; },
       180'004},
      {"VERSION", s::fail, [](check_facts& f) { f.version = 100'023; }},
      {"TLS", s::warn, [](check_facts& f) { f.connection.tls_version = ""; }},
      {"TLS", s::warn, [](check_facts& f) { f.connection.tls_mode = "require"; }},
      {"POOLER", s::warn, [](check_facts& f) { f.connection.process_id_differs = true; }},
      {"POOLER", s::fail,
       [](check_facts& f) {
         f.connection.process_id_differs = true;
         f.probe.value = {false, "08P01", "unsupported startup parameter: replication"};
       }},
      {"STANDBY", s::fail, [](check_facts& f) { f.server.value->in_recovery = true; }},
      {"STANDBY", s::warn, [](check_facts& f) { f.server.value->in_recovery = true; }, 160'014},
      {"ENCODING", s::warn, [](check_facts& f) { f.server.value->encoding = "SQL_ASCII"; }},
      {"WAL-LEVEL", s::fail, [](check_facts& f) { f.settings.value->at("wal_level").value = "replica"; }},
      {"WAL-LEVEL", s::fail, [](check_facts& f) { f.settings.value->at("wal_level").value = "minimal"; },
       190'000},
      {"TIMEOUTS", s::warn,
       [](check_facts& f) { f.settings.value->at("statement_timeout").value = "120000"; }},
      {"SENDER-TIMEOUT", s::warn,
       [](check_facts& f) { f.settings.value->at("wal_sender_timeout").value = "0"; }},
      {"SENDER-TIMEOUT", s::warn,
       [](check_facts& f) { f.settings.value->at("wal_sender_timeout").value = "2000"; }},
      {"OPEN-TRANSACTIONS", s::warn,
       [](check_facts& f) {
         f.transactions.value->push_back({"17", "", "app", "psql", "idle", "now", 60.0});
       }},
      {"LOGIN", s::fail, [](check_facts& f) { f.role.value->can_login = false; }},
      {"LOGIN", s::warn, [](check_facts& f) { f.role.value->password_ends_in_s = 3600; }},
      {"REPLICATION", s::fail,
       [](check_facts& f) {
         f.role.value->replication = false;
         f.probe.value = {false, "42501", "must be superuser"};
       }},
      {"REPLICATION", s::fail,
       [](check_facts& f) { f.probe.value = {false, "28000", "no pg_hba.conf entry"}; }},
      {"REPLICATION", s::warn, [](check_facts& f) { f.probe.value = {false, "53300", "too many"}; }},
      {"ROW-SECURITY", s::warn, [](check_facts& f) { f.tables.value->at(0).rows_hidden = true; }},
      {"SCHEMA-USAGE", s::fail, [](check_facts& f) { f.tables.value->at(0).schema_usage = false; }},
      {"SELECT", s::fail, [](check_facts& f) { f.tables.value->at(0).select = false; }},
      {"OTHER-PUBLICATIONS", s::warn,
       [](check_facts& f) {
         f.tables.value->push_back(good_table(3, "salaries"));
         f.tables.value->back().select = false;
         f.published.value->tables.push_back({"other", 3});
       }},
      {"PUBLICATION", s::fail, [](check_facts& f) { f.publications.value->clear(); }},
      {"PUBLICATION-ACTIONS", s::fail, [](check_facts& f) { f.publications.value->at(0).deletes = false; }},
      {"PUBLICATION-TABLES", s::fail,
       [](check_facts& f) {
         f.publications.value->at(0).all_tables = false;
         f.published.value->tables.clear();
       }},
      {"ROW-FILTER", s::warn,
       [](check_facts& f) { f.published.value->entries.push_back({"tidewire", 1, {}, "(id > 1)"}); }},
      {"COLUMN-LIST", s::warn,
       [](check_facts& f) { f.published.value->entries.push_back({"tidewire", 1, std::vector{1}, ""}); }},
      {"COLUMN-LIST", s::fail,
       [](check_facts& f) { f.published.value->entries.push_back({"tidewire", 1, std::vector{2}, ""}); }},
      {"COLUMN-LIST", s::fail,
       [](check_facts& f) {
         f.tables.value->at(0).identity = 'f';
         f.published.value->entries.push_back({"tidewire", 1, std::vector{1, 2}, ""});
       }},
      {"REPLICA-IDENTITY", s::fail, [](check_facts& f) { f.tables.value->at(0).identity_columns.clear(); }},
      {"REPLICA-IDENTITY", s::fail, [](check_facts& f) { f.tables.value->at(0).identity = 'n'; }},
      {"GENERATED-IDENTITY", s::fail,
       [](check_facts& f) {
         f.tables.value->at(0).identity = 'f';
         f.tables.value->at(0).generated_columns = {2};
       },
       180'004},
      {"TABLE-KIND", s::warn, [](check_facts& f) { f.tables.value->at(0).persistence = 'u'; }},
      {"TABLE-KIND", s::warn, [](check_facts& f) { f.tables.value->at(0).kind = 'f'; }},
      {"SLOTS-FREE", s::fail,
       [](check_facts& f) { f.settings.value->at("max_replication_slots").value = "0"; }},
      {"WALSENDERS-FREE", s::fail, [](check_facts& f) { f.wal_senders.value = 10; }},
      {"SLOTS-ABANDONED", s::warn,
       [](check_facts& f) {
         f.slots.value->push_back(slot("old"));
         f.slots.value->back().retained_bytes = 1u << 30;
       }},
      {"SLOT", s::fail,
       [](check_facts& f) {
         f.slots.value->push_back(slot("tidewire"));
         f.slots.value->back().invalidation = "wal_removed";
       }},
      {"SLOT", s::fail,
       [](check_facts& f) {
         f.slots.value->push_back(slot("tidewire"));
         f.slots.value->back().plugin = "wal2json";
       }},
      {"SLOT", s::warn,
       [](check_facts& f) {
         f.slots.value->push_back(slot("tidewire"));
         f.slots.value->back().active = true;
       }},
      {"IDLE-TIMEOUT", s::warn,
       [](check_facts& f) {
         (*f.settings.value)["idle_replication_slot_timeout"] = {"60", "min", "", false};
       },
       180'004},
      {"FAILOVER", s::fail,
       [](check_facts& f) {
         (*f.settings.value)["synchronized_standby_slots"] = {"\"a\", b", "", "", false};
       },
       170'010},
      {"WAL-KEEP", s::warn,
       [](check_facts& f) {
         f.settings.value->at("max_slot_wal_keep_size").value = "4096";
         f.wal.value->average_bytes_s = 10e6;
       }},
      {"SLOT-WAL", s::warn,
       [](check_facts& f) {
         f.slots.value->push_back(slot("tidewire"));
         f.slots.value->back().retained_bytes = 900;
         f.slots.value->back().safe_wal_bytes = 100;
       }},
  };
  std::set<std::string> changed{"PARTITIONS"};  // below
  for (const one_change& each : changes) {
    changed.insert(each.code);
    INFO(each.code << " on " << each.version);
    check_facts facts = good_facts(each.version);
    each.change(facts);
    check_finding finding = found(facts, each.code);
    CHECK(finding.status == each.status);
    CHECK_FALSE(finding.fixes.empty());
    // One cause, one finding, wherever it has no consequences of its own.
    auto all = judge(facts, {});
    CHECK(std::ranges::count_if(all, [](const auto& one) { return one.status != check_status::ok; }) <= 2);
  }
  for (const check_finding& each : judge(good_facts(), {})) {
    INFO(each.code << " has nothing that makes it fail here");
    CHECK(changed.contains(each.code.substr(std::string("TW-CHECK-PG-").size())));
  }
}

TEST_CASE("What could not be asked is unknown with the server's words, and the rest is judged", "[check]") {
  check_facts facts = good_facts();
  facts.settings = {std::nullopt, "permission denied for view pg_settings"};
  facts.slots = {std::nullopt, "permission denied for view pg_replication_slots"};
  for (const char* code : {"WAL-LEVEL", "SENDER-TIMEOUT", "TIMEOUTS", "WAL-KEEP", "IDLE-TIMEOUT"}) {
    check_finding finding = found(facts, code);
    CHECK(finding.status == check_status::unknown);
    CHECK(finding.found == "permission denied for view pg_settings");
  }
  CHECK(found(facts, "SLOT").found == "permission denied for view pg_replication_slots");
  CHECK(status(facts, "PUBLICATION") == check_status::ok);
  check_facts nothing;
  for (const check_finding& each : judge(nothing, {})) {
    INFO(each.code << " " << each.found);
    CHECK(each.status != check_status::fail);
  }
}

TEST_CASE("A hoster's words are in the fixes", "[check]") {
  check_facts facts = good_facts();
  facts.special_settings.value->emplace("rds.logical_replication", "off");
  facts.settings.value->at("wal_level").value = "replica";
  CHECK(fix_text(found(facts, "WAL-LEVEL")).find("rds.logical_replication") != std::string::npos);
  CHECK(status(facts, "HOSTER-SWITCH") == check_status::fail);
  check_wishes elsewhere;
  elsewhere.at = hoster::azure;
  CHECK(fix_text(found(facts, "WAL-LEVEL", elsewhere)).find("az postgres") != std::string::npos);
  facts.special_settings.value->at("rds.logical_replication") = "on";
  CHECK(status(facts, "HOSTER-SWITCH") == check_status::ok);
  facts.role.value->replication = false;
  facts.role.value->member_of.insert("rds_replication");
  CHECK(found(facts, "REPLICATION").found.starts_with("member of rds_replication"));
}

TEST_CASE("PlanetScale wants failover slots and room for them", "[check]") {
  check_facts facts = good_facts(180'004);
  check_wishes wishes;
  wishes.at = hoster::planetscale;
  (*facts.settings.value)["sync_replication_slots"] = {"off", "", "", false};
  CHECK(status(facts, "FAILOVER") == check_status::ok);
  CHECK(status(facts, "FAILOVER", wishes) == check_status::warn);
  facts.settings.value->at("sync_replication_slots").value = "on";
  CHECK(status(facts, "FAILOVER", wishes) == check_status::ok);
  facts.slots.value->push_back(slot("tidewire"));
  CHECK(status(facts, "FAILOVER", wishes) == check_status::warn);
  facts.slots.value->back().failover = true;
  CHECK(status(facts, "FAILOVER", wishes) == check_status::ok);
  facts.settings.value->at("max_slot_wal_keep_size").value = "4096";
  CHECK(status(facts, "WAL-KEEP") == check_status::ok);
  CHECK(status(facts, "WAL-KEEP", wishes) == check_status::warn);
  CHECK(fix_text(found(facts, "WAL-KEEP", wishes)).find("5120MB") != std::string::npos);
}

TEST_CASE("A product without logical replication is refused, and nothing else is said", "[check]") {
  check_facts facts = good_facts();
  facts.server.value->version_text = "CockroachDB CCL v23.1";
  auto findings = judge(facts, {});
  CHECK(found(facts, "HOSTER").status == check_status::fail);
  CHECK(
      std::ranges::none_of(findings, [](const auto& each) { return each.code == "TW-CHECK-PG-WAL-LEVEL"; }));
}

TEST_CASE("From 19 on replica will do, and the level in effect counts", "[check]") {
  check_facts facts = good_facts(190'000);
  facts.settings.value->at("wal_level").value = "replica";
  CHECK(status(facts, "WAL-LEVEL") == check_status::ok);
  (*facts.settings.value)["effective_wal_level"] = {"logical", "", "", false};
  CHECK(found(facts, "WAL-LEVEL").found == "replica, in effect logical");
}

TEST_CASE("A changed wal_level that waits for a restart asks for the restart only", "[check]") {
  check_facts facts = good_facts();
  facts.settings.value->at("wal_level") = {"replica", "", "", true};
  CHECK(fix_text(found(facts, "WAL-LEVEL")).find("ALTER SYSTEM") == std::string::npos);
}

TEST_CASE("Partitions: the root counts as published when all below it are", "[check]") {
  check_facts facts = good_facts();
  facts.publications.value->at(0).all_tables = false;
  table_fact root = good_table(10, "root"), low = good_table(11, "low"), high = good_table(12, "high");
  root.kind = 'p';
  low.parent = high.parent = 10;
  facts.tables.value->insert(facts.tables.value->end(), {root, low, high});
  facts.published.value->tables.push_back({"tidewire", 11});
  check_wishes wishes;
  wishes.tables = {{"public", "root"}};
  CHECK(status(facts, "PUBLICATION-TABLES", wishes) == check_status::fail);
  facts.published.value->tables.push_back({"tidewire", 12});
  CHECK(status(facts, "PUBLICATION-TABLES", wishes) == check_status::ok);
  CHECK(status(facts, "PARTITIONS", wishes) == check_status::warn);
  facts.publications.value->at(0).via_root = true;
  facts.published.value->tables = {{"tidewire", 10}};
  CHECK(status(facts, "PUBLICATION-TABLES", wishes) == check_status::ok);
  CHECK(status(facts, "PARTITIONS", wishes) == check_status::ok);
  // An UPDATE happens in a partition: its identity counts, also under the root's name.
  facts.tables.value->back().identity_columns.clear();
  CHECK(found(facts, "REPLICA-IDENTITY").objects == std::vector<std::string>{"public.high"});
}

TEST_CASE("A catalog whose partitions run in a circle is survived", "[check]") {
  check_facts facts = good_facts();
  table_fact a = good_table(20, "a"), b = good_table(21, "b");
  a.parent = 21;
  b.parent = 20;
  facts.tables.value->insert(facts.tables.value->end(), {a, b});
  CHECK(published_tables(facts, {"tidewire"}, partitions::with).size() == 2);
  facts.tables.value->at(2).kind = facts.tables.value->at(3).kind = 'p';
  CHECK_FALSE(published_cover(facts, {"tidewire"})(facts.tables->at(2)));
  CHECK(judge(facts, {}).size() > 20);
}

TEST_CASE("Ten thousand tables make a short report", "[check]") {
  check_facts facts = good_facts();
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    facts.tables.value->push_back(good_table(100 + i, "t" + std::to_string(i)));
    facts.tables.value->back().select = false;
    facts.tables.value->back().identity_columns.clear();
    facts.published.value->tables.push_back({"tidewire", 100 + i});
  }
  for (const char* code : {"SELECT", "REPLICA-IDENTITY"}) {
    check_finding finding = found(facts, code);
    CHECK(finding.object_count == 10'000);
    CHECK(finding.objects.size() == max_named_objects);
    CHECK(finding.found.find("and 9995 more") != std::string::npos);
    CHECK(fix_text(finding).size() < 1000);
  }
}

TEST_CASE("A pooler is suspected when it does not pass on our settings", "[check]") {
  check_facts facts;
  facts.connection.host = "db.example";
  failure refused(failure_kind::transient, "TW-PG-UNAVAILABLE",
                  "FATAL 08P01: unsupported startup parameter: options");
  auto findings = judge_no_connection(refused, facts, {});
  CHECK(findings.at(1).code == "TW-CHECK-PG-POOLER");
  CHECK(findings.at(2).code == "TW-CHECK-PG-CONNECT");
  failure other(failure_kind::transient, "TW-NET-CONNECT", "refused", "check host");
  findings = judge_no_connection(other, facts, {});
  CHECK(findings.at(1).code == "TW-CHECK-PG-CONNECT");
  CHECK(fix_text(findings.at(1)) == "check host\n");
}

TEST_CASE("Tables on the command line", "[check]") {
  CHECK(parse_wanted_table("items") == wanted_table{"public", "items"});
  CHECK(parse_wanted_table("shop.Items") == wanted_table{"shop", "Items"});
  CHECK(parse_wanted_table(R"("a.b"."c""d")") == wanted_table{"a.b", "c\"d"});
  CHECK(parse_wanted_table("\"x\ny\"") == wanted_table{"public", "x\ny"});
  for (const char* bad : {"", ".", "a.", ".b", "a.b.c", "\"a", "\"a\"b", "\"\".x"}) {
    INFO(bad);
    CHECK(failure_of([&] { parse_wanted_table(bad); }).code == "TW-USAGE-OPTION");
  }
}

TEST_CASE("Versions of servers as numbers", "[check]") {
  CHECK(version_number("15.18 (Debian 15.18-0+deb12u1)") == 150'018);
  CHECK(version_number("11.22") == 110'022);
  CHECK(version_number("19rc1") == 190'000);
  CHECK(version_number("9.6.24") == 90'600);
  CHECK(version_number("") == 0);
  CHECK(version_number("devel") == 0);
}
