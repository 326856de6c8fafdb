#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "binlog/setup_plan.hpp"
#include "tests/binlog/check_facts_sample.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::testing;
using state = setup_step::state;

namespace {

const secret password("pass'word");

/// A server that is ready but for the account.
check_facts bare_facts(bool mariadb = false) {
  check_facts facts = good_binlog_facts(mariadb);
  facts.rights.value->grants = {};
  facts.rights.value->exists = false;
  return facts;
}

/// One line for each step that can be run, passwords hidden.
std::string script(const check_facts& facts, const setup_wishes& wishes = {}) {
  std::string text;
  for (const setup_step& step : plan_setup(facts, wishes, password))
    if (step.can_apply()) text += step.shown_text() + '\n';
  return text;
}

std::vector<setup_step> left(const check_facts& facts, const setup_wishes& wishes = {}) {
  std::vector<setup_step> steps = plan_setup(facts, wishes, password);
  std::erase_if(steps, [](const setup_step& step) { return step.at != state::left; });
  return steps;
}

}  // namespace

TEST_CASE("From nothing: account, rights, SELECT on each schema", "[mysetup]") {
  check_facts facts = bare_facts();
  facts.tables.value->push_back(good_binlog_table("a_b", "t"));
  CHECK(script(facts) ==
        "CREATE USER `tidewire`@`%` IDENTIFIED BY '…' REQUIRE SSL;\n"
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `tidewire`@`%`;\n"
        "GRANT XA_RECOVER_ADMIN ON *.* TO `tidewire`@`%`;\n"
        "GRANT SELECT ON `a\\_b`.* TO `tidewire`@`%`;\n"
        "GRANT SELECT ON `shop`.* TO `tidewire`@`%`;\n");
  CHECK(left(facts).empty());
  // Given only by hand.
  CHECK(plan_setup(facts, {}, password).back().note ==
        "for a copy with --exact also GRANT LOCK TABLES ON `shop`.* TO `tidewire`@`%`;");
  facts.version = 50744;
  CHECK(script(facts).find("XA_RECOVER_ADMIN") == std::string::npos);
  facts.version = 80033;
  setup_step first = plan_setup(facts, {}, password).front();
  CHECK((first.has_password && first.text.find("'pass''word'") != std::string::npos));
  facts.connection.is_loopback = true;
  CHECK(script(facts, {{"o`dd", "10.%"}, {{"shop", "items"}}, {}}) ==
        "CREATE USER `o``dd`@`10.%` IDENTIFIED BY '…';\n"
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `o``dd`@`10.%`;\n"
        "GRANT XA_RECOVER_ADMIN ON *.* TO `o``dd`@`10.%`;\n"
        "GRANT SELECT ON `shop`.`items` TO `o``dd`@`10.%`;\n");
}

TEST_CASE("MariaDB is given a hash", "[mysetup]") {
  CHECK(script(bare_facts(true)) ==
        "CREATE USER `tidewire`@`%` IDENTIFIED VIA mysql_native_password USING '…' REQUIRE SSL;\n"
        "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `tidewire`@`%`;\n"
        "GRANT REPLICA MONITOR ON *.* TO `tidewire`@`%`;\n"
        "GRANT SELECT ON `shop`.* TO `tidewire`@`%`;\n");
  for (const setup_step& step : plan_setup(bare_facts(true), {}, password))
    CHECK(step.text.find("pass") == step.text.find("password"));
  CHECK(native_verifier(secret("pw")) == "*D821809F681A40A6E379B50D0463EFAE20BDD122");
}

TEST_CASE("Where nothing is missing there is nothing to do", "[mysetup]") {
  for (bool mariadb : {false, true}) CHECK(plan_setup(good_binlog_facts(mariadb), {}, password).empty());
  setup_wishes wishes;
  wishes.new_password = true;
  CHECK(script(good_binlog_facts(), wishes) == "ALTER USER `tidewire`@`%` IDENTIFIED BY '…';\n");
}

TEST_CASE("Settings of a server that runs, and those that take a restart", "[mysetup]") {
  check_facts facts = good_binlog_facts();
  facts.settings.value->insert_or_assign("binlog_format", "MIXED");
  facts.settings.value->insert_or_assign("binlog_row_metadata", "MINIMAL");
  CHECK(script(facts) == "SET PERSIST binlog_format = ROW;\nSET PERSIST binlog_row_metadata = FULL;\n");
  CHECK(plan_setup(facts, {}, password).front().otherwise == "SET GLOBAL binlog_format = ROW;");
  facts = good_binlog_facts(true);
  facts.settings.value->insert_or_assign("binlog_row_metadata", "NO_LOG");
  CHECK(script(facts) == "SET GLOBAL binlog_row_metadata = FULL;\n");
  REQUIRE(left(facts).size() == 1);
  CHECK(left(facts)[0].optional);
  facts = good_binlog_facts();
  facts.settings.value->insert_or_assign("log_bin", "OFF");
  REQUIRE(left(facts).size() == 1);
  CHECK((left(facts)[0].what == "log_bin" && !left(facts)[0].optional));
  facts = good_binlog_facts();
  facts.settings.value->insert_or_assign("gtid_mode", "OFF");
  REQUIRE(left(facts).size() == 1);
  CHECK(left(facts)[0].optional);
}

TEST_CASE("A hoster's ways", "[mysetup]") {
  check_facts facts = good_binlog_facts();
  facts.hoster_hours.value = "";
  setup_wishes wishes;
  wishes.at = hoster::rds;
  REQUIRE(left(facts, wishes).size() == 1);
  CHECK(left(facts, wishes)[0].text == "CALL mysql.rds_set_configuration('binlog retention hours', 168);");
  CHECK_FALSE(left(facts, wishes)[0].optional);
  facts.settings.value->insert_or_assign("binlog_row_image", "MINIMAL");
  wishes.at = hoster::azure;
  CHECK(script(facts, wishes).empty());
  CHECK(left(facts, wishes).size() == 2);
}

TEST_CASE("A wanted table that is not there, or is none", "[mysetup]") {
  setup_wishes wishes;
  wishes.tables = {{"shop", "gone"}};
  REQUIRE(left(good_binlog_facts(), wishes).size() == 1);
  CHECK(left(good_binlog_facts(), wishes)[0].note == "there is no such table");
}

TEST_CASE("Rules for passwords", "[mysetup]") {
  check_facts facts = good_binlog_facts();
  CHECK(fitting_password(facts, password) == password);
  facts.settings.value->emplace("validate_password.policy", "MEDIUM");
  CHECK(fitting_password(facts, password).reveal() == "pass'word-aA1");
  facts = bare_facts(true);
  CHECK(takes_verifier(facts));
  facts.settings.value->insert(
      {{"simple_password_check_minimal_length", "8"}, {"strict_password_validation", "ON"}});
  CHECK_FALSE(takes_verifier(facts));
  CHECK(script(facts).starts_with("CREATE USER `tidewire`@`%` IDENTIFIED BY '…' REQUIRE SSL;"));
  CHECK(fitting_password(facts, password).reveal() == "pass'word-aA1");
}
