#include "pgoutput/setup_plan.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "tests/pgoutput/check_facts_sample.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::testing;
using state = setup_step::state;

namespace {

const secret password("pass'word");

/// A server that is ready but for the role and the publication.
check_facts bare_facts() {
  check_facts facts = good_facts();
  facts.role.value = role_fact{};
  facts.role.value->name = "tidewire";
  facts.publications.value->clear();
  facts.published.value->tables.clear();
  facts.connection.user = "app";
  for (table_fact& table : *facts.tables.value) table.select = table.schema_usage = false;
  return facts;
}

std::vector<setup_step> plan(const check_facts& facts, const setup_wishes& wishes = {},
                             bool superuser = true) {
  return plan_setup(facts, wishes, password, superuser);
}

/// One line for each step that can be run, passwords hidden.
std::string script(const std::vector<setup_step>& steps) {
  std::string text;
  for (const setup_step& step : steps)
    if (step.can_apply()) text += step.shown_text() + '\n';
  return text;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("From nothing: role, publication, rights, and rights on what is to come", "[setup]") {
  CHECK(script(plan(bare_facts())) ==
        "CREATE ROLE \"tidewire\" WITH LOGIN REPLICATION PASSWORD '…';\n"
        "GRANT CONNECT ON DATABASE \"shop\" TO \"tidewire\";\n"
        "CREATE PUBLICATION \"tidewire\" FOR ALL TABLES;\n"
        "GRANT USAGE ON SCHEMA \"public\" TO \"tidewire\";\n"
        "GRANT SELECT ON TABLE \"public\".\"items\", \"public\".\"orders\" TO \"tidewire\";\n"
        "ALTER DEFAULT PRIVILEGES FOR ROLE \"app\" IN SCHEMA \"public\" GRANT SELECT ON TABLES TO "
        "\"tidewire\";\n");
}

TEST_CASE("Where nothing is missing there is nothing to do", "[setup]") {
  check_facts facts = good_facts();
  facts.default_privileges.value = std::vector{default_privilege{"public", "app"}};
  CHECK(plan(facts).empty());
  facts.default_privileges.value = std::vector{default_privilege{"", "app"}};
  CHECK(plan(facts).empty());
}

TEST_CASE("The password is a verifier in the statement, and hidden where it is shown", "[setup]") {
  auto steps = plan(bare_facts());
  CHECK(contains(steps.at(0).text, "PASSWORD 'SCRAM-SHA-256$4096:"));
  CHECK_FALSE(contains(steps.at(0).text, "pass'"));
  CHECK_FALSE(contains(steps.at(0).shown_text(), "SCRAM"));
  // Neon takes nothing but the password itself.
  setup_wishes at_neon;
  at_neon.at = hoster::neon;
  steps = plan(bare_facts(), at_neon);
  CHECK(contains(steps.at(0).text, "PASSWORD 'pass''word';"));
  CHECK_FALSE(contains(steps.at(0).shown_text(), "pass"));
}

TEST_CASE("RDS: membership instead of the attribute", "[setup]") {
  check_facts facts = bare_facts();
  facts.special_roles.value = {"rds_replication", "rdsadmin"};
  std::string text = script(plan(facts, {}, false));
  CHECK(contains(
      text, "CREATE ROLE \"tidewire\" WITH LOGIN PASSWORD '…';\nGRANT rds_replication TO \"tidewire\";"));
  facts.role.value->exists = facts.role.value->can_login = facts.role.value->may_connect = true;
  facts.role.value->member_of = {"rds_replication"};
  CHECK_FALSE(contains(script(plan(facts, {}, false)), "rds_replication"));
}

TEST_CASE("PlanetScale, and who is no superuser on a server of his own, name each table", "[setup]") {
  setup_wishes at_planetscale;
  at_planetscale.at = hoster::planetscale;
  const std::string by_name =
      "CREATE PUBLICATION \"tidewire\" FOR TABLE \"public\".\"items\", \"public\".\"orders\";\n";
  CHECK(contains(script(plan(bare_facts(), at_planetscale, false)), by_name));
  CHECK(contains(script(plan(bare_facts(), {}, false)), by_name));
  // A table that came later is added there.
  check_facts facts = good_facts();
  facts.publications.value->at(0).all_tables = false;
  facts.tables.value->push_back(good_table(3, "later"));
  CHECK(contains(script(plan(facts, at_planetscale, false)),
                 "ALTER PUBLICATION \"tidewire\" ADD TABLE \"public\".\"later\";\n"));
  // Elsewhere an explicit list is somebody's choice.
  CHECK_FALSE(contains(script(plan(facts)), "ADD TABLE"));
}

TEST_CASE("A hoster that may refuse FOR ALL TABLES has a second way", "[setup]") {
  setup_wishes at_supabase;
  at_supabase.at = hoster::supabase;
  auto steps = plan(bare_facts(), at_supabase, false);
  auto step = std::ranges::find_if(steps, [](const setup_step& each) { return !each.otherwise.empty(); });
  REQUIRE(step != steps.end());
  CHECK(step->text == "CREATE PUBLICATION \"tidewire\" FOR ALL TABLES;");
  CHECK(contains(step->otherwise, "FOR TABLE \"public\".\"items\""));
}

TEST_CASE("Tables without a key hold up the publication until somebody decides", "[setup]") {
  check_facts facts = bare_facts();
  facts.tables.value->at(1).identity_columns.clear();
  auto steps = plan(facts);
  CHECK_FALSE(contains(script(steps), "CREATE PUBLICATION"));
  CHECK(std::ranges::any_of(steps, [](const setup_step& step) {
    return step.at == state::left && contains(step.note, "public.orders");
  }));
  setup_wishes full;
  full.identity_full = true;
  std::string text = script(plan(facts, full));
  CHECK(text.find("ALTER TABLE \"public\".\"orders\" REPLICA IDENTITY FULL;") <
        text.find("CREATE PUBLICATION"));
  setup_wishes named;
  named.tables = {{"public", "items"}};
  CHECK(contains(script(plan(facts, named)), "FOR TABLE \"public\".\"items\";"));
}

TEST_CASE("A table that does not exist is not passed over", "[setup]") {
  setup_wishes named;
  named.tables = {{"public", "items"}, {"public", "nosuch"}};
  auto steps = plan(bare_facts(), named);
  CHECK(std::ranges::any_of(steps, [](const setup_step& step) {
    return step.at == state::left && contains(step.text, "public.nosuch");
  }));
  CHECK_FALSE(contains(script(steps), "CREATE PUBLICATION"));
}

TEST_CASE("Row security asks for BYPASSRLS, which may be refused", "[setup]") {
  check_facts facts = bare_facts();
  CHECK_FALSE(contains(script(plan(facts)), "BYPASSRLS"));
  facts.tables.value->at(0).row_security = true;
  auto steps = plan(facts);
  auto step =
      std::ranges::find_if(steps, [](const setup_step& each) { return contains(each.text, "BYPASSRLS"); });
  REQUIRE(step != steps.end());
  CHECK(step->optional);
}

TEST_CASE("The server's settings are set by a superuser on his own server, and left to a person elsewhere",
          "[setup]") {
  check_facts facts = good_facts();
  facts.default_privileges.value = std::vector{default_privilege{"", "app"}};
  facts.settings.value->at("wal_level").value = "replica";
  auto steps = plan(facts);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].text == "ALTER SYSTEM SET wal_level = 'logical';");
  CHECK(steps[0].can_apply());
  CHECK_FALSE(steps[0].in_transaction);
  CHECK(steps[1].at == state::left);
  for (const setup_step& step : plan(facts, {}, false)) CHECK(step.at == state::left);
  setup_wishes at_azure;
  at_azure.at = hoster::azure;
  for (const setup_step& step : plan(facts, at_azure)) CHECK_FALSE(step.can_apply());
  facts.settings.value->at("wal_level").pending_restart = true;
  CHECK(script(plan(facts)).empty());
}

TEST_CASE("Default rights of tables that others own are theirs to give", "[setup]") {
  check_facts facts = bare_facts();
  facts.tables.value->at(0).owned = false;
  facts.tables.value->at(0).owner = "some\"body";
  auto steps = plan(facts);
  CHECK(std::ranges::any_of(steps, [](const setup_step& step) {
    return step.at == state::left && contains(step.text, "FOR ROLE \"some\"\"body\"");
  }));
}
