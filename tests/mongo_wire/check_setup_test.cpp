#include "mongo_wire/setup_apply.hpp"
#include "mongo_wire/setup_plan.hpp"
#include "tests/mongo_wire/check_case.hpp"
#include "tests/mongo_wire/scripted_server.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using tidewire::testing::play;
using state = setup_step::state;

namespace {

const secret password("Pa55word");

check_facts bare_facts() {
  check_facts facts = good_facts();
  facts.user.value = target_user{};
  facts.role.value = target_role{};
  return facts;
}

std::vector<privilege> everything() {
  std::vector<privilege> held = stream_privileges("shop");
  for (auto more : {listing_privileges("shop"), sight_privileges()})
    held.insert(held.end(), more.begin(), more.end());
  return held;
}

std::string script_of(const std::vector<planned_step>& steps) {
  std::string text;
  for (const planned_step& each : steps)
    text += std::string(to_string(each.step.is)) + ": " + each.step.shown_text() + '\n';
  return text;
}

conversation<std::vector<planned_step>> apply(tidewire::link& over, std::vector<planned_step> steps,
                                              cluster_clock& clock, std::string& traced) {
  session with(over, clock);
  with.on_trace = [&](const std::string& line) { traced += line + '\n'; };
  co_await apply_setup(with, steps);
  co_return steps;
}

std::vector<planned_step> applied(const script& server, const std::vector<planned_step>& plan,
                                  std::string& traced) {
  cluster_clock clock;
  return play(server, message_size, [&](tidewire::link& over) { return apply(over, plan, clock, traced); });
}

}  // namespace

TEST_CASE("mongo setup: from nothing a role, and a user with it", "[mongo_check]") {
  CHECK(script_of(plan_setup(bare_facts(), {}, password)) ==
        "sql: db.getSiblingDB(\"admin\").createRole({role: \"tidewire\", privileges: [{resource: {db: "
        "\"shop\", "
        "collection: \"\"}, actions: [\"changeStream\", \"find\", \"listCollections\"]}, {resource: "
        "{cluster: true}, "
        "actions: [\"getClusterParameter\", \"getParameter\", \"replSetGetConfig\", \"replSetGetStatus\", "
        "\"serverStatus\"]}], "
        "roles: []});\n"
        "sql: db.getSiblingDB(\"admin\").createUser({user: \"tidewire\", pwd: \"…\", roles: [{role: "
        "\"tidewire\", db: "
        "\"admin\"}]});\n");
}

TEST_CASE("mongo setup: where nothing is missing there is nothing to do", "[mongo_check]") {
  check_facts facts = bare_facts();
  facts.user.value = target_user{true, {{"root", "admin"}}, {{{"", "", false, true}, {"anyAction"}}}};
  CHECK(plan_setup(facts, {}, password).empty());
  facts.user.value = target_user{true, {{"tidewire", "admin"}}, everything()};
  CHECK(plan_setup(facts, {}, password).empty());
  setup_wishes wishes;
  wishes.new_password = true;
  std::vector<planned_step> plan = plan_setup(facts, wishes, password);
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].step.has_password);
  CHECK_FALSE(contains(plan[0].step.shown_text(), "Pa55word"));
}

TEST_CASE("mongo setup: a user or role that lacks something gets just that", "[mongo_check]") {
  check_facts facts = bare_facts();
  facts.role.value = target_role{true, {{resource::of_database("shop"), {"find", "listCollections"}}}};
  facts.user.value = target_user{true, {{"tidewire", "admin"}}, facts.role->privileges};
  std::vector<planned_step> plan = plan_setup(facts, {}, password);
  REQUIRE(plan.size() == 1);
  CHECK(contains(plan[0].step.text,
                 "grantPrivilegesToRole(\"tidewire\", [{resource: {db: \"shop\", collection: \"\"}, "
                 "actions: [\"changeStream\"]}"));
  CHECK_FALSE(plan[0].step.optional);
  facts.user.value = target_user{true, {{"read", "shop"}}, {}};
  plan = plan_setup(facts, {}, password);
  REQUIRE(plan.size() == 2);
  CHECK(contains(plan[1].step.text, "grantRolesToUser(\"tidewire\", [{role: \"tidewire\""));
  // A stream works; only the look at the server's state is missing.
  facts.user.value->privileges = {{resource::of_database(""), {"find", "changeStream", "listCollections"}}};
  for (const planned_step& each : plan_setup(facts, {}, password)) CHECK(each.step.optional);
}

TEST_CASE("mongo setup: images", "[mongo_check]") {
  check_facts facts = bare_facts();
  facts.user.value = target_user{true, {}, everything()};
  facts.collections.value->at(0).images = false;
  facts.collections.value->push_back({"shop", "v", collection_info::kind::view, false});
  CHECK(plan_setup(facts, {}, password).empty());
  setup_wishes wishes;
  wishes.images = post_images::read_only;
  std::vector<planned_step> plan = plan_setup(facts, wishes, password);
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].step.text == images_command({"shop", "items"}));
  CHECK(canonical(plan[0].command) ==
        R"({"collMod":"items","changeStreamPreAndPostImages":{"enabled":true}})");
  CHECK(plan[0].database == "shop");
  // Who is to switch them on later needs the right.
  wishes.images = post_images::auto_configure;
  plan = plan_setup(facts, wishes, password);
  REQUIRE(plan.size() == 3);
  CHECK(contains(plan[0].step.text, "collMod"));
}

TEST_CASE("mongo setup: Atlas makes users in its pages", "[mongo_check]") {
  check_facts facts = good_facts();
  facts.connection.named = {"c.abcde.mongodb.net:27017"};
  facts.collections.value->at(0).images = false;
  setup_wishes wishes;
  wishes.images = post_images::auto_configure;
  std::vector<planned_step> plan = plan_setup(facts, wishes, password);
  REQUIRE(plan.size() == 2);
  CHECK(plan[0].step.is == check_fix::kind::console);
  CHECK(plan[0].step.at == state::left);
  CHECK(contains(plan[0].step.text, "read@shop, dbAdmin@shop"));
  CHECK(contains(plan[0].step.note, "Atlas does not tell"));
  CHECK(plan[1].step.can_apply());
  // The user itself asks, and has what it needs.
  facts.login.value->users = {{"tidewire", "admin"}};
  CHECK(plan_setup(facts, {}, password).empty());
}

TEST_CASE("mongo setup: a standalone server's set is for a person", "[mongo_check]") {
  check_facts facts = bare_facts();
  facts.hello.kind = server_kind::standalone;
  std::vector<planned_step> plan = plan_setup(facts, {}, password);
  REQUIRE(plan.size() == 4);
  CHECK(plan[0].step.at == state::left);
  CHECK(plan[1].step.text == "rs.initiate();");
  CHECK_FALSE(plan[1].step.can_apply());
}

TEST_CASE("mongo setup: applied, and the password is in no trace", "[mongo_check]") {
  script server;
  expect(server, R"({"createRole":"tidewire","privileges":[{"resource":{"db":"shop","collection":""})",
         R"({"ok":1})");
  expect(server,
         R"({"createUser":"tidewire","pwd":"Pa55word","roles":[{"role":"tidewire","db":"admin"}],)"
         R"("$db":"admin"})",
         R"({"ok":1})");
  std::string traced;
  for (const planned_step& each : applied(server, plan_setup(bare_facts(), {}, password), traced))
    CHECK(each.step.at == state::done);
  CHECK(contains(traced, "createRole"));
  CHECK_FALSE(contains(traced, "Pa55word"));
}

TEST_CASE("mongo setup: what fails, and what depends on it", "[mongo_check]") {
  check_facts facts = bare_facts();
  facts.collections.value->at(0).images = false;
  setup_wishes wishes;
  wishes.images = post_images::read_only;
  const std::string no =
      R"({"ok":0,"code":13,"codeName":"Unauthorized","errmsg":"not authorized { pwd: \"Pa55word\" }"})";
  script server;
  expect(server, R"({"createRole")", no);
  expect(server, R"({"collMod")", R"({"ok":1})");
  std::string traced;
  std::vector<planned_step> steps = applied(server, plan_setup(facts, wishes, password), traced);
  REQUIRE(steps.size() == 3);
  CHECK(steps[0].step.at == state::failed);
  CHECK(steps[0].step.note == "not authorized (13 Unauthorized)");
  CHECK(steps[1].step.at == state::left);
  CHECK(steps[2].step.at == state::done);
  script second;
  expect(second, R"({"createRole")", R"({"ok":1})");
  expect(second, R"({"createUser")", no);
  expect(second, R"({"collMod")", R"({"ok":1})");
  steps = applied(second, plan_setup(facts, wishes, password), traced);
  CHECK(steps[1].step.at == state::failed);
  CHECK_FALSE(contains(steps[1].step.note, "Pa55word"));
}
