#include "pgoutput/hoster.hpp"

#include <catch2/catch_test_macros.hpp>

#include "pgoutput/sql_text.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

hoster_evidence at_host(std::string host, std::uint16_t port = 5432, std::string user = "me") {
  hoster_evidence from;
  from.host = std::move(host);
  from.port = port;
  from.user = std::move(user);
  return from;
}

std::string all_text(const std::vector<check_fix>& fixes) {
  std::string text;
  for (const check_fix& fix : fixes) text += fix.text + '\n';
  return text;
}

}  // namespace

TEST_CASE("A hoster is told by its host name", "[hoster]") {
  for (auto [host, at] :
       {std::pair{"db.abcdef.supabase.co", hoster::supabase},
        std::pair{"aws-0-eu-west-1.pooler.supabase.com", hoster::supabase},
        std::pair{"shop.c1.eu-west-1.rds.amazonaws.com", hoster::rds},
        std::pair{"shop.c1.cn-north-1.rds.amazonaws.com.cn", hoster::rds},
        std::pair{"shop.cluster-c1.eu-west-1.rds.amazonaws.com", hoster::aurora},
        std::pair{"shop.cluster-ro-c1.eu-west-1.rds.amazonaws.com", hoster::aurora},
        std::pair{"shop.postgres.database.azure.com", hoster::azure},
        std::pair{"ep-cool-1.eu-central-1.aws.neon.tech", hoster::neon},
        std::pair{"shop.fly.dev", hoster::fly}, std::pair{"shop.flycast", hoster::fly},
        std::pair{"aws-eu-west-1.pg.psdb.cloud", hoster::planetscale},
        std::pair{"db.example.com", hoster::self_hosted},
        std::pair{"supabase.co.example.com", hoster::self_hosted}, std::pair{"", hoster::self_hosted}}) {
    INFO(host);
    CHECK(detect_hoster(at_host(host)).at == at);
  }
}

TEST_CASE("A hoster is told by its settings and roles", "[hoster]") {
  for (auto [name, at] :
       {std::pair{"rds.logical_replication", hoster::rds},
        std::pair{"cloudsql.logical_decoding", hoster::cloud_sql},
        std::pair{"azure.extensions", hoster::azure}, std::pair{"neon.timeline_id", hoster::neon}}) {
    hoster_evidence from = at_host("10.0.0.1");
    from.settings[name] = "off";
    CHECK(detect_hoster(from).at == at);
  }
  for (auto [name, at] :
       {std::pair{"rdsadmin", hoster::rds}, std::pair{"rds_superuser", hoster::rds},
        std::pair{"cloudsqlsuperuser", hoster::cloud_sql}, std::pair{"azure_pg_admin", hoster::azure},
        std::pair{"supabase_admin", hoster::supabase}, std::pair{"neon_superuser", hoster::neon},
        std::pair{"flypgadmin", hoster::fly}, std::pair{"pscale_superuser", hoster::planetscale},
        std::pair{"rds_replication", hoster::self_hosted}}) {
    hoster_evidence from = at_host("10.0.0.1");
    from.roles.insert(name);
    INFO(name);
    CHECK(detect_hoster(from).at == at);
  }
  hoster_evidence aurora = at_host("10.0.0.1");
  aurora.roles.insert("rdsadmin");
  aurora.aurora_functions = true;
  CHECK(detect_hoster(aurora).at == hoster::aurora);
}

TEST_CASE("Products without logical replication are known", "[hoster]") {
  CHECK(without_logical_replication(at_host("x.dsql.eu-west-1.on.aws")) == "Amazon Aurora DSQL");
  CHECK(without_logical_replication(at_host("x.cockroachlabs.cloud")) == "CockroachDB");
  CHECK(without_logical_replication(at_host("x.c1.eu-west-1.redshift.amazonaws.com")) == "Amazon Redshift");
  hoster_evidence from = at_host("localhost");
  from.version = "PostgreSQL 8.0.2 on i686-pc-linux-gnu, Redshift 1.0.1";
  CHECK(without_logical_replication(from) == "Amazon Redshift");
  from.version = "CockroachDB CCL v23.1";
  CHECK(without_logical_replication(from) == "CockroachDB");
  from.version = "PostgreSQL 15.18 (Debian 15.18-1) on x86_64";
  CHECK(without_logical_replication(from).empty());
}

TEST_CASE("Poolers are told by name and port, with what to use instead", "[hoster]") {
  struct expected {
    const char* host;
    std::uint16_t port;
    const char* user;
    const char* instead;
    bool certain;
  };
  for (const expected& each : {
           expected{"ep-cool-1-pooler.eu.aws.neon.tech", 5432, "me", "ep-cool-1.eu.aws.neon.tech", true},
           expected{"aws-0-eu.pooler.supabase.com", 5432, "postgres.abc", "db.abc.supabase.co", true},
           expected{"db.abc.supabase.co", 6543, "postgres", "port 5432", true},
           expected{"p.proxy-c1.eu-west-1.rds.amazonaws.com", 5432, "me", "instance or cluster", true},
           expected{"pgbouncer.x.flympg.net", 5432, "me", "direct.", true},
           expected{"shop.postgres.database.azure.com", 6432, "me", "port 5432", false},
           expected{"db.example.com", 6543, "me", "port 5432", false},
       }) {
    endpoint_kind found = kind_of_endpoint(at_host(each.host, each.port, each.user));
    INFO(each.host);
    CHECK_FALSE(found.what.empty());
    CHECK(found.instead.find(each.instead) != found.instead.npos);
    CHECK(found.certain == each.certain);
  }
  for (const char* host : {"ep-cool-1.eu.aws.neon.tech", "db.abc.supabase.co", "my-pooler.example.com",
                           "shop.c1.eu-west-1.rds.amazonaws.com", "direct.x.flympg.net"}) {
    INFO(host);
    CHECK(kind_of_endpoint(at_host(host)).what.empty());
  }
}

TEST_CASE("Each hoster's way to wal_level is its own", "[hoster]") {
  for (auto [at, words] : {std::pair{hoster::self_hosted, "ALTER SYSTEM SET wal_level = 'logical';"},
                           std::pair{hoster::rds, "ParameterName=rds.logical_replication,ParameterValue=1"},
                           std::pair{hoster::aurora, "modify-db-cluster-parameter-group"},
                           std::pair{hoster::azure, "--name wal_level --value logical"},
                           std::pair{hoster::cloud_sql, "--database-flags=cloudsql.logical_decoding=on"},
                           std::pair{hoster::neon, "Logical Replication"},
                           std::pair{hoster::fly, "fly pg config update --wal-level=logical"},
                           std::pair{hoster::planetscale, "Parameters: wal_level = logical"},
                           std::pair{hoster::supabase, "Restart project"}}) {
    INFO(display_name(at));
    CHECK(all_text(wal_level_fixes(at)).find(words) != std::string::npos);
  }
}

TEST_CASE("Where bare numbers are wanted, values are in the setting's own unit", "[hoster]") {
  for (hoster at : {hoster::rds, hoster::aurora, hoster::azure, hoster::cloud_sql}) {
    std::string text = all_text(setting_fixes(at, "max_slot_wal_keep_size", "5120MB", false));
    CHECK(text.find("5120") != text.npos);
    CHECK(text.find("5120MB") == text.npos);
    CHECK(all_text(setting_fixes(at, "wal_sender_timeout", "60s", false)).find("60000") != std::string::npos);
  }
  // Fly's program has options for a few settings only; there one is superuser.
  CHECK(all_text(setting_fixes(hoster::fly, "max_slot_wal_keep_size", "5120MB", false))
            .starts_with("ALTER SYSTEM SET max_slot_wal_keep_size = '5120MB';"));
  CHECK(all_text(setting_fixes(hoster::fly, "max_wal_senders", "20", true)) ==
        "fly pg config update --max-wal-senders=20 --app APP\nfly apps restart APP\n");
}

TEST_CASE("Every hoster has names, a restart, and a way to set things and to give REPLICATION", "[hoster]") {
  CHECK(all_hosters().size() == 9);
  for (hoster at : all_hosters()) {
    CHECK(hoster_of_option(option_name(at)) == at);
    CHECK_FALSE(display_name(at).empty());
    CHECK_FALSE(restart_fixes(at).empty());
    CHECK(all_text(setting_fixes(at, "max_wal_senders", "10", true)).find("max") != std::string::npos);
    std::string grant = all_text(replication_fixes(at, "r\"x"));
    INFO(grant);
    CHECK(grant.find("\"r\"\"x\"") != grant.npos);
    bool aws = at == hoster::rds || at == hoster::aurora;
    CHECK((grant.find("GRANT rds_replication") != grant.npos) == aws);
    CHECK(takes_all_tables(at) == (at != hoster::planetscale));
  }
  CHECK_FALSE(hoster_of_option("heroku").has_value());
}

TEST_CASE("Names and texts in SQL for people are one line and can't steer a terminal", "[hoster]") {
  CHECK(sql_name("a") == "\"a\"");
  CHECK(sql_name("a.b\"c") == "\"a.b\"\"c\"");
  CHECK(sql_name("s", "t") == "\"s\".\"t\"");
  CHECK(sql_name("a\nb\"\\c") == "U&\"a\\000Ab\"\"\\\\c\"");
  CHECK(sql_name("\x1b\x7f") == "U&\"\\001B\\007F\"");
  CHECK(sql_text("it's") == "'it''s'");
  CHECK(sql_text("a\nb'\\") == "U&'a\\000Ab''\\\\'");
}
