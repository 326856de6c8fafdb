#include "pgoutput/check_ask.hpp"

#include <catch2/catch_test_macros.hpp>

#include "pgoutput/check.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/wire/server_says.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::testing;

namespace {

constexpr int questions = 15;
constexpr int questions_again = 2;

conversation<check_facts> ask(tidewire::link& to, std::string version) {
  wire::session with(to);
  with.parameters["server_version"] = version;
  with.process_id = 17;
  check_facts facts;
  ask_settings what;
  what.publications = {"it's"};
  co_await ask_facts(with, what, facts);
  co_await ask_again(with, facts);
  co_return facts;
}

/// A server that answers every question of both rounds with this.
check_facts answered(const std::function<void(server_says&)>& answer, const std::string& version = "15.18") {
  server_says first, second;
  for (int i = 0; i < questions; ++i) answer(first);
  for (int i = 0; i < questions_again; ++i) answer(second);
  script steps;
  steps.answers([&](byte_view) { return first.all(); }).answers([&](byte_view) { return second.all(); });
  return play(steps, wire::frame_size, [&](tidewire::link& to) { return ask(to, version); });
}

}  // namespace

TEST_CASE("A server that denies everything leaves everything unknown", "[check]") {
  check_facts facts =
      answered([](server_says& server) { server.error("42501", "permission denied").ready(); });
  CHECK(facts.version == 150'018);
  CHECK_FALSE(facts.server);
  CHECK(facts.slots.missing == "permission denied");
  for (const check_finding& each : judge(facts, {})) {
    INFO(each.code);
    CHECK(each.status != check_status::fail);
  }
}

TEST_CASE("Answers without rows, without columns and of the wrong kind are survived", "[check]") {
  auto judged = [](const check_facts& facts) { return judge(facts, {}).size(); };
  CHECK(judged(answered([](server_says& server) { server.columns({}).done("SELECT 0").ready(); })) > 20);
  CHECK(judged(answered([](server_says& server) { server.columns({}).row({}).done("SELECT 1").ready(); })) >
        20);
  CHECK(judged(answered([](server_says& server) { server.done("SET").ready(); })) > 20);
  CHECK(judged(answered([](server_says& server) {
          server.columns({"a", "b", "c"})
              .row({"x", "-9999999999999999999999", "1e999"})
              .done("SELECT 1")
              .ready();
        })) > 20);
}

TEST_CASE("Columns that a version does not have are not asked for there", "[check]") {
  std::string sent;
  auto ask_of = [&](const std::string& version) {
    server_says first, second;
    for (int i = 0; i < questions; ++i) first.done("SELECT 0").ready();
    for (int i = 0; i < questions_again; ++i) second.done("SELECT 0").ready();
    script steps;
    steps
        .answers([&](byte_view bytes) {
          sent = as_text(bytes);
          return first.all();
        })
        .answers([&](byte_view) { return second.all(); });
    play(steps, wire::frame_size, [&](tidewire::link& to) { return ask(to, version); });
  };
  auto asks_for = [&](const char* what) { return sent.find(what) != sent.npos; };
  ask_of("11.22");
  CHECK_FALSE(asks_for("attgenerated"));
  CHECK_FALSE(asks_for("pg_stat_wal"));
  CHECK_FALSE(asks_for("prattrs"));
  ask_of("18.4");
  CHECK(asks_for("attgenerated"));
  CHECK(asks_for("pg_stat_wal"));
  CHECK(asks_for("prattrs"));
  CHECK(asks_for("'it''s'"));
  CHECK(sent.size() < 32'000);
}
