#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <functional>

#include "binlog/check_ask_tables.hpp"
#include "tests/binlog/check_facts_sample.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::testing;

namespace {

constexpr auto ok = check_status::ok, warn = check_status::warn, fail = check_status::fail,
               unknown = check_status::unknown;

check_finding finding_of(const std::vector<check_finding>& all, const std::string& code) {
  auto found = std::ranges::find(all, "TW-CHECK-MY-" + code, &check_finding::code);
  INFO(code);
  REQUIRE(found != all.end());
  return *found;
}

using change = std::function<void(check_facts&)>;

/// The finding after one thing was changed.
check_finding after(const std::string& code, const change& what, bool mariadb = false,
                    const check_wishes& wishes = {}) {
  check_facts facts = good_binlog_facts(mariadb);
  what(facts);
  return finding_of(judge(facts, wishes), code);
}

change set(std::string name, std::string value) {
  return [=](check_facts& facts) { facts.settings.value->insert_or_assign(name, value); };
}

bool has_fix(const check_finding& finding, const std::string& text) {
  return std::ranges::any_of(finding.fixes,
                             [&](const check_fix& each) { return each.text.find(text) != text.npos; });
}

}  // namespace

TEST_CASE("A server where all is well has nothing but ok, each code once", "[mycheck]") {
  for (bool mariadb : {false, true}) {
    std::vector<check_finding> all = judge(good_binlog_facts(mariadb), {});
    std::vector<std::string> codes;
    for (const check_finding& each : all) {
      INFO(each.code << ": " << each.found);
      CHECK(each.status == ok);
      codes.push_back(each.code);
    }
    std::ranges::sort(codes);
    CHECK(std::ranges::adjacent_find(codes) == codes.end());
    CHECK(codes.size() > 20);
  }
}

TEST_CASE("Settings", "[mycheck]") {
  struct row {
    const char *code, *name, *value;
    check_status status;
    const char* fix;
  };
  for (const row& each :
       {row{"LOG-BIN", "log_bin", "OFF", fail, "log_bin=binlog"},
        row{"SERVER-ID", "server_id", "0", fail, "SET PERSIST server_id = 1;"},
        row{"FORMAT", "binlog_format", "MIXED", fail, "SET PERSIST binlog_format = ROW;"},
        row{"FORMAT", "binlog_format", "STATEMENT", fail, "SET PERSIST binlog_format = ROW;"},
        row{"ROW-IMAGE", "binlog_row_image", "MINIMAL", warn, "SET PERSIST binlog_row_image = FULL;"},
        row{"ROW-IMAGE", "binlog_row_image", "NOBLOB", warn, "SET PERSIST binlog_row_image = FULL;"},
        row{"ROW-IMAGE", "binlog_row_image", "FULL_NODUP", ok, ""},
        row{"METADATA", "binlog_row_metadata", "MINIMAL", warn, "SET PERSIST binlog_row_metadata = FULL;"},
        row{"PARTIAL-JSON", "binlog_row_value_options", "PARTIAL_JSON", ok, ""},
        row{"COMPRESSION", "binlog_transaction_compression", "ON", ok, ""},
        row{"GTID", "gtid_mode", "OFF_PERMISSIVE", warn, "SET PERSIST gtid_mode = ON;"},
        row{"GTID-CONSISTENCY", "enforce_gtid_consistency", "WARN", warn, "enforce_gtid_consistency = ON;"},
        row{"RETENTION", "binlog_expire_logs_seconds", "86400", warn, "binlog_expire_logs_seconds = 604800;"},
        row{"RETENTION", "binlog_expire_logs_seconds", "0", ok, ""},
        row{"RETENTION", "binlog_expire_logs_auto_purge", "OFF", ok, ""},
        row{"RETENTION", "binlog_space_limit", "1048576", warn, "binlog_space_limit = 0;"},
        row{"PURGED", "gtid_purged", "a:1-5", ok, ""},
        row{"REPLICA", "read_only", "ON", warn, ""},
        row{"HOSTER", "version", "8.0.11-TiDB-v7.5", fail, ""},
        row{"PROXY", "version_comment", "(ProxySQL)", warn, ""}}) {
    INFO(each.code << " with " << each.name << "=" << each.value);
    check_finding found = after(each.code, set(each.name, each.value));
    CHECK(found.status == each.status);
    if (*each.fix) CHECK(has_fix(found, each.fix));
  }
  CHECK(after("GTID", set("gtid_strict_mode", "OFF"), true).status == warn);
  check_finding found = after("METADATA", set("binlog_row_metadata", "NO_LOG"), true);
  CHECK((found.status == warn && has_fix(found, "SET GLOBAL binlog_row_metadata = FULL;") &&
         has_fix(found, "[mysqld]: binlog_row_metadata=FULL")));
  found = after("RETENTION", [](check_facts& facts) {
    facts.version = 50744;
    facts.settings.value->erase("binlog_expire_logs_seconds");
    facts.settings.value->insert_or_assign("expire_logs_days", "1");
  });
  CHECK((found.status == warn && has_fix(found, "SET GLOBAL expire_logs_days = 7;")));
}

TEST_CASE("A setting that a version does not have", "[mycheck]") {
  auto without = [](const char* name) {
    return [=](check_facts& facts) { facts.settings.value->erase(name); };
  };
  CHECK(after("FORMAT", without("binlog_format")).status == ok);
  CHECK(after("METADATA", without("binlog_row_metadata")).status == warn);
  CHECK(after("GTID", without("gtid_mode")).status == warn);
}

TEST_CASE("What the account may not see is unknown, with the server's words", "[mycheck]") {
  check_facts facts = good_binlog_facts();
  auto hide = [](auto& what) {
    what.value.reset();
    what.missing = "denied!";
  };
  hide(facts.settings), hide(facts.account), hide(facts.rights), hide(facts.log), hide(facts.is_replica);
  hide(facts.replicas), hide(facts.tables), hide(facts.cascades), hide(facts.registers),
      hide(facts.hoster_hours);
  for (const check_finding& each : judge(facts, {})) {
    INFO(each.code << ": " << each.found);
    CHECK((each.status == unknown || each.status == ok));
    if (each.status == unknown) CHECK(each.found.find("denied!") != std::string::npos);
  }
  CHECK(after("CASCADES", [&](check_facts& all) { hide(all.cascades); }).status == unknown);
  CHECK(after("MONITOR", [&](check_facts& all) { hide(all.kept); }).status == fail);
  check_finding found = after("XA", [&](check_facts& all) { hide(all.prepared); });
  CHECK((found.status == unknown && has_fix(found, "GRANT XA_RECOVER_ADMIN ON *.* TO `reader`@`%`;")));
}

TEST_CASE("Prepared XA transactions, and the right that only exact copies take", "[mycheck]") {
  check_finding found =
      after("XA", [](check_facts& facts) { facts.prepared.value = {{"X'61',X'',1", "X'62',X'',1"}}; });
  CHECK((found.status == warn && found.found == "2: X'61',X'',1 and X'62',X'',1"));
  CHECK(has_fix(found, "XA ROLLBACK X'62',X'',1;"));
  found = after("LOCK-TABLES",
                [](check_facts& facts) { facts.tables.value->push_back(good_binlog_table("a_b", "t")); });
  CHECK((found.status == ok && found.found == "not on 2 schemas: shop, a_b"));
  CHECK(has_fix(found, "GRANT LOCK TABLES ON `a\\_b`.* TO `reader`@`%`;"));
  auto granted = [](check_facts& facts) {
    facts.rights.value->grants.add("GRANT LOCK TABLES ON `shop`.* TO `reader`@`%`");
  };
  found = after("LOCK-TABLES", granted, true);
  CHECK((found.status == ok && found.found == "on 2 tables" && found.fixes.empty()));
  check_facts old = good_binlog_facts();
  old.version = 50744;  // there it can't be exact
  CHECK(std::ranges::count(judge(old, {}), "TW-CHECK-MY-LOCK-TABLES", &check_finding::code) == 0);
}

TEST_CASE("Rights", "[mycheck]") {
  check_finding found = after("REPLICATION", [](check_facts& facts) {
    facts.registers.value = false;
    facts.rights.value->grants.add("GRANT `r`@`%` TO `reader`@`%`");
  });
  CHECK((found.status == fail && has_fix(found, "GRANT REPLICATION SLAVE ON *.* TO `reader`@`%`;")));
  CHECK(has_fix(found, "SET DEFAULT ROLE ALL TO `reader`@`%`;"));
  auto other_table = [](check_facts& facts) { facts.tables.value->push_back(good_binlog_table("a_b", "t")); };
  found = after("SELECT", other_table);
  CHECK((found.status == fail && has_fix(found, "GRANT SELECT ON `a_b`.`t` TO `reader`@`%`;")));
  CHECK(found.object_count == 1);
  CHECK(after("SELECT", other_table, false, {{{"shop", "items"}}, {}}).status == ok);
  found = after("SELECT", [](check_facts& facts) {
    for (int i = 0; i < 9; ++i)
      facts.tables.value->push_back(good_binlog_table("a_b", "t" + std::to_string(i)));
  });
  CHECK((found.fixes.size() == 1 && has_fix(found, "GRANT SELECT ON `a\\_b`.* TO `reader`@`%`;")));
  CHECK(found.objects.size() == max_named_objects);
  // A line that is not understood may be just the right that seems to be missing.
  CHECK(after("SELECT", [&](check_facts& facts) {
          other_table(facts);
          facts.rights.value->grants.add("ALLOW SELECT");
        }).status == unknown);
  CHECK(after("SELECT", [](check_facts& facts) {
          facts.tables.value->clear();
          facts.rights.value->grants.lines.clear();
        }).status == fail);
}

TEST_CASE("Replicas", "[mycheck]") {
  auto replica = [](const char* logs) {
    return [=](check_facts& facts) {
      facts.is_replica.value = true;
      facts.settings.value->insert_or_assign("log_replica_updates", logs);
    };
  };
  CHECK(after("REPLICA", replica("ON")).status == warn);
  check_finding found = after("REPLICA", replica("OFF"));
  CHECK((found.status == fail && has_fix(found, "log_replica_updates=ON, and restart")));
  CHECK(after("REPLICA", [](check_facts& facts) { facts.is_replica.value = true; }, true).status == fail);
}

TEST_CASE("Filters of schemas", "[mycheck]") {
  auto logged = [](std::vector<std::string> only, std::vector<std::string> but) {
    return [=](check_facts& facts) { facts.log.value = {only, but}; };
  };
  CHECK(after("FILTER", logged({"shop"}, {})).status == ok);
  CHECK(after("FILTER", logged({"other"}, {})).status == warn);
  CHECK(after("FILTER", logged({}, {"shop"})).status == warn);
  CHECK(after("FILTER", logged({}, {"other"})).status == ok);
  check_wishes wishes{{{"shop", "items"}}, {}};
  check_finding found = after("FILTER", logged({}, {"shop"}), false, wishes);
  CHECK((found.status == fail && found.objects == std::vector<std::string>{"shop"}));
}

TEST_CASE("Tables", "[mycheck]") {
  auto table = [](auto what) { return [=](check_facts& facts) { what(facts.tables.value->front()); }; };
  CHECK(after("KEYS", table([](table_fact& each) { each.keyed = false; })).status == warn);
  check_finding found = after("ENGINES", table([](table_fact& each) { each.engine = "MyISAM"; }));
  CHECK((found.status == warn && has_fix(found, "ALTER TABLE `shop`.`items` ENGINE=InnoDB;")));
  CHECK(after("OLD-TIMES", table([](table_fact& each) { each.old_times = true; })).status == ok);
  found =
      after("OLD-TIMES", table([](table_fact& each) { each.old_times = each.old_fractions = true; }), true);
  CHECK((found.status == fail && has_fix(found, "mysql56_temporal_format = ON")));
  auto cascade = [](check_facts& facts) {
    facts.cascades.value = {{"shop", "items", "fk", "ON DELETE CASCADE"}};
  };
  CHECK(after("CASCADES", cascade).status == warn);
  CHECK(after("CASCADES", cascade, false, {{{"shop", "orders"}}, {}}).status == ok);
  auto logged = [&](const char* native) {
    return [=](check_facts& facts) {
      cascade(facts);
      facts.settings.value->insert_or_assign("innodb_native_foreign_keys", native);
    };
  };
  CHECK(after("CASCADES", logged("OFF")).status == ok);
  CHECK(after("CASCADES", logged("ON")).status == warn);
  CHECK(after("TABLES", [](check_facts&) {}, false, {{{"shop", "gone"}}, {}}).status == fail);
  CHECK(after("TABLES", table([](table_fact& each) { each.is_table = false; }), false,
              {{{"shop", "items"}}, {}})
            .status == fail);
  CHECK(after("TABLES", set("lower_case_table_names", "1"), false, {{{"SHOP", "Items"}}, {}}).status == ok);
}

TEST_CASE("Hosters, and their retention", "[mycheck]") {
  auto at_host = [](const char* host) { return [=](check_facts& facts) { facts.connection.host = host; }; };
  struct row {
    const char *host, *name;
  };
  for (const row& each :
       {row{"a.b.us-east-1.rds.amazonaws.com", "Amazon RDS"},
        row{"a.cluster-b.us-east-1.rds.amazonaws.com", "Amazon Aurora"},
        row{"a.mysql.database.azure.com", "Azure Database for MySQL"}, row{"10.0.0.1", "self-hosted"}}) {
    INFO(each.host);
    CHECK(after("HOSTER", at_host(each.host)).found.starts_with(each.name));
  }
  CHECK(after("HOSTER", set("basedir", "/rdsdbbin/mysql")).found.starts_with("Amazon RDS"));
  CHECK(after("HOSTER", set("aurora_version", "3")).found.starts_with("Amazon Aurora"));
  CHECK(after("HOSTER", set("aad_auth_only", "OFF")).found.starts_with("Azure"));
  CHECK(after("HOSTER", set("version", "8.0.31-google")).found.starts_with("Google Cloud SQL"));
  CHECK(after("HOSTER", at_host("aws.connect.psdb.cloud")).status == fail);
  auto hours = [](const char* text) {
    return [=](check_facts& facts) {
      facts.settings.value->insert_or_assign("basedir", "/rdsdbbin/mysql");
      facts.hoster_hours.value = text;
    };
  };
  check_finding found = after("RETENTION", hours(""));
  CHECK((found.status == fail &&
         has_fix(found, "CALL mysql.rds_set_configuration('binlog retention hours', 168);")));
  CHECK(after("RETENTION", hours("24")).status == warn);
  CHECK(after("RETENTION", hours("168")).status == ok);
  CHECK(after("RETENTION", set("basedir", "/rdsdbbin/mysql")).status == unknown);
  check_wishes azure{{}, hoster::azure};
  CHECK(after("RETENTION", set("binlog_expire_logs_seconds", "0"), false, azure).status == fail);
  CHECK(has_fix(after("ROW-IMAGE", set("binlog_row_image", "MINIMAL"), false, azure),
                "az mysql flexible-server parameter set"));
}

TEST_CASE("How it is connected", "[mycheck]") {
  CHECK(after("TLS", [](check_facts& facts) { facts.connection.tls_version = ""; }).status == warn);
  CHECK(after("TLS", [](check_facts& facts) { facts.connection.tls_mode = "required"; }).status == warn);
  check_finding found = after("TLS", [](check_facts& facts) { facts.account_needs_tls.value = true; });
  CHECK((found.status == ok && found.why == "the account needs it"));
  CHECK(after("VERSION", [](check_facts& facts) { facts.version = 50651; }).status == fail);
  auto proxied = [](bool works) {
    return [=](check_facts& facts) {
      facts.account.value->id_differs = true;
      facts.registers.value = works;
    };
  };
  CHECK(after("PROXY", proxied(true)).status == warn);
  CHECK(after("PROXY", proxied(false)).status == fail);
}

TEST_CASE("A server that was not reached", "[mycheck]") {
  check_facts facts;
  facts.connection.host = "x.rds.amazonaws.com";
  facts.connection.tls_mode = "disabled";
  failure password{failure_kind::refused, "TW-AUTH-PASSWORD", "Access denied", "check user and password"};
  check_finding found = finding_of(judge_no_connection(password, facts, {}), "CONNECT");
  CHECK((found.status == fail && has_fix(found, "ssl-mode=required")));
  failure net{failure_kind::transient, "TW-NET-TIMEOUT", "no answer", ""};
  CHECK(has_fix(finding_of(judge_no_connection(net, facts, {}), "CONNECT"), "security group"));
}

TEST_CASE("Names of tables on the command line", "[mycheck]") {
  struct row {
    const char *text, *schema, *name;
  };
  for (const row& each : {row{"shop.items", "shop", "items"}, row{"items", "base", "items"},
                          row{"`a.b`.`c``d`", "a.b", "c`d"}, row{"\"a\"\"\".b", "a\"", "b"}}) {
    INFO(each.text);
    CHECK(parse_wanted_table(each.text, "base") == wanted_table{each.schema, each.name});
  }
  for (const char* text : {"", ".", "a.", ".a", "a.b.c", "`a", "`a`b", "`a`."}) {
    INFO(text);
    CHECK_THROWS_AS(parse_wanted_table(text, "base"), failure);
  }
  CHECK_THROWS_AS(parse_wanted_table("items", ""), failure);
  CHECK_THROWS_AS(parse_hoster("neon"), failure);
}

TEST_CASE("Foreign keys in a table's definition", "[mycheck]") {
  std::vector<cascade_fact> found;
  add_cascades(
      "CREATE TABLE `c` (\n  `id` int COMMENT ' ON DELETE CASCADE',\n  KEY `id` (`id`),\n"
      "  CONSTRAINT `f1` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE CASCADE ON UPDATE SET NULL,\n"
      "  CONSTRAINT `f2` FOREIGN KEY (`a) ON DELETE CASCADE`) REFERENCES `p` (`id`) ON UPDATE NO ACTION,\n"
      "  CONSTRAINT `f3` FOREIGN KEY (`id`) REFERENCES `p` (`id`)\n) ENGINE=InnoDB",
      "d", "c", found);
  REQUIRE(found.size() == 1);
  CHECK(found[0].name == "f1");
  CHECK(found[0].rules == "ON DELETE CASCADE ON UPDATE SET NULL");
}
