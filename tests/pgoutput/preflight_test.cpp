#include "pgoutput/preflight.hpp"

#include "pgoutput/open_transaction.hpp"
#include "pgoutput/slot_record.hpp"
#include "tests/wire/variations.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::wire::testing;
using wire::backend_tag;
using wire::frame_size;
using wire::lsn;
using wire::session;

namespace {

using names = std::vector<std::string_view>;
using cells = std::vector<std::optional<std::string_view>>;

constexpr const char* more_facts =
    "SELECT current_setting('server_version_num'), pg_is_in_recovery(), "
    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END, "
    "(SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout')";
constexpr const char* limits_of_creation =
    "SET lock_timeout = 10000; SET idle_in_transaction_session_timeout = 0";
const std::string slot_query = slots_sql("slot_name = 'tide'");
const names slot_columns{"name",     "plugin",   "type",     "database",  "temporary", "active",
                         "retained", "wal",      "safe",     "two_phase", "failover",  "synced",
                         "reason",   "conflict", "inactive", "confirmed"};
const cells good_slot{"tide",       "pgoutput",   "logical",    "shop",       "f",          "f",
                      "100",        std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt,
                      std::nullopt, std::nullopt, std::nullopt, "0/3000100"};

/// A query and its answer, a message at a time.
void answer(script& steps, std::string_view text, const names& columns, const std::vector<cells>& rows) {
  steps.expects(sql(text));
  if (!columns.empty()) steps.gives(described(columns));
  for (const cells& each : rows) steps.gives(row(each));
  steps.gives(complete("DONE")).gives(ready());
}

void refuse(script& steps, std::string_view text, std::string_view sqlstate) {
  steps.expects(sql(text)).gives(error(sqlstate, "refused here")).gives(ready());
}

server_facts server_of(int version) {
  server_facts server;
  server.version = version;
  server.system_identifier = "7300000000000000001";
  server.timeline = 3;
  server.database = "shop";
  server.now = lsn{0x5000100};
  return server;
}

source_settings settings_of_tide() {
  source_settings settings;
  settings.slot = "tide";
  settings.publications = {"all"};
  return settings;
}

conversation<std::string> facts_of(tidewire::link& to, std::string encoding) {
  session with{to};
  if (!encoding.empty()) with.parameters["server_encoding"] = encoding;
  server_facts server = co_await ask_server(with);
  co_return std::to_string(server.version) + " " + server.system_identifier + " " +
      std::to_string(server.timeline) + " " + server.database + (server.in_recovery ? " standby " : " ") +
      to_string(server.now) + " " + std::to_string(server.wal_sender_timeout.count());
}

auto facts(std::string encoding = {}) {
  return [encoding](tidewire::link& to) { return facts_of(to, encoding); };
}

conversation<> check_of(tidewire::link& to, server_facts server, source_settings settings) {
  session with{to};
  co_await check_server(with, server, settings);
}

auto checking(server_facts server, source_settings settings) {
  return [=](tidewire::link& to) { return check_of(to, server, settings); };
}

conversation<std::string> slot_of(tidewire::link& to, server_facts server, source_settings settings,
                                  bool may) {
  session with{to};
  slot_facts slot = co_await find_slot(with, server, settings, may);
  co_return std::string(slot.exists ? "exists" : "none") + (slot.made_now ? " new " : " ") +
      to_string(slot.confirmed);
}

auto finding(server_facts server, source_settings settings, bool may_create = true) {
  return [=](tidewire::link& to) { return slot_of(to, server, settings, may_create); };
}

conversation<> position_of(tidewire::link& to, server_facts server, lsn confirmed, lsn at,
                           std::uint32_t timeline) {
  session with{to};
  slot_facts slot;
  slot.exists = true;
  slot.confirmed = confirmed;
  co_await check_position(with, server, slot, at, timeline);
}

auto going_on(lsn confirmed, lsn at, std::uint32_t timeline) {
  return [=](tidewire::link& to) { return position_of(to, server_of(150018), confirmed, at, timeline); };
}

conversation<> start_of(tidewire::link& to, server_facts server, source_settings settings, lsn from) {
  session with{to};
  co_await start_replication(with, server, settings, from);
}

auto starting(server_facts server, source_settings settings, lsn from) {
  return [=](tidewire::link& to) { return start_of(to, server, settings, from); };
}

script facts_script(const cells& system, const cells& more) {
  script steps;
  answer(steps, "IDENTIFY_SYSTEM", {"systemid", "timeline", "xlogpos", "dbname"}, {system});
  answer(steps, more_facts, {"a", "b", "c", "d"}, {more});
  return steps;
}

const cells good_system{"7300000000000000001", "3", "0/5000100", "shop"};
const cells good_more{"150018", "f", "0/5000100", "60000"};

}  // namespace

TEST_CASE("Preflight: what the server is", "[preflight]") {
  script steps = facts_script(good_system, good_more);
  std::string known = "150018 7300000000000000001 3 shop 0/5000100 60000";
  CHECK(play(steps, frame_size, facts()) == known);
  CHECK(play(steps, frame_size, facts("UTF8")) == known);
  CHECK(play(interrupted(steps), frame_size, facts()) == known);
  CHECK(for_each_failure(steps, frame_size, facts()) == 10 + 8 + 2);
  check_cuts(steps, facts());
  check_lengths(steps, facts());
  script ascii;
  answer(ascii, "SET client_encoding = 'SQL_ASCII'", {}, {});
  for (const script::step& each : steps.steps()) ascii.add(each);
  CHECK(play(ascii, frame_size, facts("SQL_ASCII")) == known);
  CHECK(for_each_failure(ascii, frame_size, facts("SQL_ASCII")) == 13 + 10 + 3);
}

TEST_CASE("Preflight: right after a page's header the server has nothing to send", "[preflight]") {
  script steps = facts_script(good_system, {"150018", "t", "0/5000028", "0"});
  CHECK(play(steps, frame_size, facts()) == "150018 7300000000000000001 3 shop standby 0/5000000 0");
}

TEST_CASE("Preflight: an answer that is none is refused", "[preflight]") {
  const std::vector<cells> systems{{std::nullopt, "3", "0/1", "shop"}, {"", "3", "0/1", "shop"},
                                   {"7", std::nullopt, "0/1", "shop"}, {"7", "x", "0/1", "shop"},
                                   {"7", "-1", "0/1", "shop"},         {"7", "99999999999", "0/1", "shop"},
                                   {"7", "3 ", "0/1", "shop"},         {"7", "3", "0/1", std::nullopt}};
  const std::vector<cells> mores{{std::nullopt, "f", "0/1", "0"},     {"fifteen", "f", "0/1", "0"},
                                 {"150018", "f", std::nullopt, "0"},  {"150018", "f", "0", "0"},
                                 {"150018", "f", "0/123456789", "0"}, {"150018", "f", "0/1", std::nullopt},
                                 {"150018", "f", "0/1", "60s"}};
  for (const cells& each : systems) {
    script steps;
    answer(steps, "IDENTIFY_SYSTEM", {"systemid", "timeline", "xlogpos", "dbname"}, {each});
    check_refused(outcome_of(steps, facts()), "TW-PG-UNEXPECTED");
  }
  for (const cells& each : mores)
    check_refused(outcome_of(facts_script(good_system, each), facts()), "TW-PG-UNEXPECTED");
  script nothing, no_columns;
  answer(nothing, "IDENTIFY_SYSTEM", {"systemid", "timeline", "xlogpos", "dbname"}, {});
  check_refused(outcome_of(nothing, facts()), "TW-PG-UNEXPECTED");
  no_columns.expects(sql("IDENTIFY_SYSTEM"))
      .gives(described({}))
      .gives(row({}))
      .gives(complete("X"))
      .gives(ready());
  check_refused(outcome_of(no_columns, facts()), "TW-PG-UNEXPECTED");
}

TEST_CASE("Preflight: can this server be followed?", "[preflight]") {
  script steps;
  answer(steps, "SHOW wal_level", {"wal_level"}, {{"logical"}});
  answer(steps, "SELECT pubname FROM pg_publication WHERE pubname IN ('all')", {"pubname"}, {{"all"}});
  auto make = checking(server_of(150018), settings_of_tide());
  play(steps, frame_size, make);
  play(interrupted(steps), frame_size, make);
  CHECK(for_each_failure(steps, frame_size, make) == 10 + 8 + 2);
  check_cuts(steps, make);
  check_lengths(steps, make);
}

TEST_CASE("Preflight: a server that can't be followed", "[preflight]") {
  source_settings binary = settings_of_tide(), messages = binary, two_phase = binary, origin = binary,
                  failover = binary, protocol = binary;
  binary.binary = messages.messages = two_phase.two_phase = failover.failover = true;
  origin.origin = "none";
  protocol.protocol = 3;
  auto code = [](int version, const source_settings& settings) {
    outcome found = outcome_of(script{}, checking(server_of(version), settings));
    CHECK(found.kind == failure_kind::refused);
    return found.code;
  };
  CHECK(code(100023, settings_of_tide()) == "TW-PG-VERSION");
  CHECK(code(130000, binary) == "TW-PG-OPTION-VERSION");
  CHECK(code(130000, messages) == "TW-PG-OPTION-VERSION");
  CHECK(code(140000, two_phase) == "TW-PG-OPTION-VERSION");
  CHECK(code(150000, origin) == "TW-PG-OPTION-VERSION");
  CHECK(code(160000, failover) == "TW-PG-OPTION-VERSION");
  CHECK(code(140000, protocol) == "TW-PG-OPTION-VERSION");
  script replica;
  answer(replica, "SHOW wal_level", {"wal_level"}, {{"replica"}});
  check_refused(outcome_of(replica, checking(server_of(150018), settings_of_tide())), "TW-PG-WAL-LEVEL");
}

TEST_CASE("Preflight: publications that are not there", "[preflight]") {
  source_settings two = settings_of_tide();
  two.publications = {"all", "O'Brien"};
  const std::vector<std::vector<cells>> answers{{}, {{"all"}}, {{std::nullopt}}, {{"O'Brien"}, {"other"}}};
  for (const auto& rows : answers) {
    script steps;
    answer(steps, "SHOW wal_level", {"wal_level"}, {{"logical"}});
    answer(steps, "SELECT pubname FROM pg_publication WHERE pubname IN ('all', 'O''Brien')", {"pubname"},
           rows);
    outcome found = outcome_of(steps, checking(server_of(150018), two));
    check_refused(found, "TW-PG-PUBLICATION-MISSING");
  }
  // A row without a column is a row without a name.
  script hollow;
  answer(hollow, "SHOW wal_level", {"wal_level"}, {{"logical"}});
  hollow.expects(sql("SELECT pubname FROM pg_publication WHERE pubname IN ('all')"));
  hollow.gives(described({}) + row({}) + complete("SELECT 1") + ready());
  check_refused(outcome_of(hollow, checking(server_of(150018), settings_of_tide())),
                "TW-PG-PUBLICATION-MISSING");
}

TEST_CASE("Preflight: the slot as it is", "[preflight]") {
  script steps;
  answer(steps, slot_query, slot_columns, {good_slot});
  auto make = finding(server_of(150018), settings_of_tide());
  CHECK(play(steps, frame_size, make) == "exists 0/3000100");
  CHECK(play(interrupted(steps), frame_size, make) == "exists 0/3000100");
  CHECK(for_each_failure(steps, frame_size, make) == 5 + 4 + 1);
  check_cuts(steps, make);
  check_lengths(steps, make);
}

TEST_CASE("Preflight: a slot that can't be used", "[preflight]") {
  struct {
    std::size_t column;
    std::optional<std::string_view> value;
    const char* code;
  } cases[] = {{2, "physical", "TW-PG-SLOT-KIND"},      {2, std::nullopt, "TW-PG-SLOT-KIND"},
               {1, "test_decoding", "TW-PG-SLOT-KIND"}, {3, "other", "TW-PG-SLOT-DATABASE"},
               {15, "nowhere", "TW-PG-UNEXPECTED"},     {7, "lost", "TW-PG-SLOT-LOST"},
               {12, "idle_timeout", "TW-PG-SLOT-LOST"}, {13, "true", "TW-PG-SLOT-LOST"}};
  for (const auto& each : cases) {
    INFO(each.column);
    cells slot = good_slot;
    slot[each.column] = each.value;
    script steps;
    answer(steps, slot_query, slot_columns, {slot});
    check_refused(outcome_of(steps, finding(server_of(150018), settings_of_tide())), each.code);
  }
  cells synced = good_slot;
  synced[11] = "true";
  script steps;
  answer(steps, slot_query, slot_columns, {synced});
  server_facts standby = server_of(170000);
  standby.in_recovery = true;
  check_refused(outcome_of(steps, finding(standby, settings_of_tide())), "TW-PG-SLOT-SYNCED");
  CHECK(play(steps, frame_size, finding(server_of(170000), settings_of_tide())) == "exists 0/3000100");
}

TEST_CASE("Preflight: a slot that is not there", "[preflight]") {
  script steps;
  answer(steps, slot_query, slot_columns, {});
  source_settings create = settings_of_tide();
  create.create_slot = true;
  check_refused(outcome_of(steps, finding(server_of(150018), settings_of_tide())), "TW-PG-SLOT-MISSING");
  // There is a stored position: a new slot would leave a gap.
  check_refused(outcome_of(steps, finding(server_of(150018), create, false)), "TW-PG-SLOT-MISSING");
}

namespace {

constexpr const char* create_15 = "CREATE_REPLICATION_SLOT \"tide\" LOGICAL pgoutput (SNAPSHOT 'nothing')";

source_settings creating() {
  source_settings create = settings_of_tide();
  create.create_slot = true;
  return create;
}

script before_creation() {
  script steps;
  answer(steps, slot_query, slot_columns, {});
  answer(steps, limits_of_creation, {}, {});
  return steps;
}

}  // namespace

TEST_CASE("Preflight: a slot is made", "[preflight]") {
  script steps = before_creation();
  answer(steps, create_15, {"slot_name", "consistent_point", "snapshot_name", "output_plugin"},
         {{"tide", "0/4000200", std::nullopt, "pgoutput"}});
  answer(steps, "SET lock_timeout = 0", {}, {});
  auto make = finding(server_of(150018), creating());
  CHECK(play(steps, frame_size, make) == "exists new 0/4000200");
  CHECK(for_each_failure(steps, frame_size, make) == 15 + 11 + 4);
  check_cuts(steps, make);
  check_lengths(steps, make);
}

TEST_CASE("Preflight: how each version is asked for a slot", "[preflight]") {
  source_settings temporary = creating(), two_phase = creating(), failover = creating();
  temporary.temporary_slot = true;
  two_phase.two_phase = true;
  failover.failover = true;
  struct {
    int version;
    source_settings settings;
    const char* command;
  } cases[] = {
      {110000, creating(), "CREATE_REPLICATION_SLOT \"tide\" LOGICAL pgoutput NOEXPORT_SNAPSHOT"},
      {150018, temporary, "CREATE_REPLICATION_SLOT \"tide\" TEMPORARY LOGICAL pgoutput (SNAPSHOT 'nothing')"},
      {150018, two_phase,
       "CREATE_REPLICATION_SLOT \"tide\" LOGICAL pgoutput (SNAPSHOT 'nothing', TWO_PHASE true)"},
      {170000, failover,
       "CREATE_REPLICATION_SLOT \"tide\" LOGICAL pgoutput (SNAPSHOT 'nothing', FAILOVER true)"}};
  for (const auto& each : cases) {
    script steps;
    // A temporary slot is made anew without a look.
    if (!each.settings.temporary_slot) answer(steps, slot_query, slot_columns, {});
    answer(steps, limits_of_creation, {}, {});
    answer(steps, each.command, {"slot_name", "consistent_point"}, {{"tide", "0/4000200"}});
    answer(steps, "SET lock_timeout = 0", {}, {});
    CHECK(play(steps, frame_size, finding(server_of(each.version), each.settings)) == "exists new 0/4000200");
  }
}

TEST_CASE("Preflight: a slot that can't be made", "[preflight]") {
  struct {
    const char* sqlstate;
    const char* code;
    failure_kind kind;
  } cases[] = {{"53400", "TW-PG-NO-FREE-SLOT", failure_kind::refused},
               {"42501", "TW-PG-PRIVILEGE", failure_kind::refused},
               {"42710", "TW-PG-ERROR", failure_kind::refused},
               {"57P01", "TW-PG-UNAVAILABLE", failure_kind::transient}};
  for (const auto& each : cases) {
    script steps = before_creation();
    refuse(steps, create_15, each.sqlstate);
    outcome found = outcome_of(steps, finding(server_of(150018), creating()));
    CHECK(found.code == each.code);
    CHECK(found.kind == each.kind);
    CHECK(found.text.starts_with("could not create the slot tide: "));
  }
  for (const cells& odd : {cells{"tide", std::nullopt}, cells{"tide", "somewhere"}}) {
    script steps = before_creation();
    answer(steps, create_15, {"slot_name", "consistent_point"}, {odd});
    check_refused(outcome_of(steps, finding(server_of(150018), creating())), "TW-PG-UNEXPECTED");
  }
}

TEST_CASE("Preflight: open transactions are in the new slot's way", "[preflight]") {
  const std::string who(open_transactions_sql);
  const names columns{"pid", "gid", "usename", "application_name", "state", "since", "age"};
  script steps = before_creation();
  refuse(steps, create_15, "55P03");
  answer(steps, who, columns,
         {{"42", std::nullopt, "ada", "psql", "idle in transaction", "today", "5"},
          {std::nullopt, "g1", std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt}});
  auto make = finding(server_of(150018), creating());
  outcome found = outcome_of(steps, make);
  CHECK(found.code == "TW-PG-SLOT-BLOCKED");
  CHECK(found.kind == failure_kind::transient);
  CHECK(found.text.find("PID 42 (ada, psql, idle in transaction, since today)") != found.text.npos);
  CHECK(found.text.find("prepared transaction 'g1'") != found.text.npos);
  script odd = before_creation();
  refuse(odd, create_15, "55P03");
  answer(odd, who, {"x"}, {{"1"}});
  CHECK(outcome_of(odd, make).code == "TW-PG-SLOT-BLOCKED");
}

TEST_CASE("Preflight: where the stream goes on", "[preflight]") {
  play(script{}, frame_size, going_on(lsn{0x3000100}, lsn{0x4000100}, 3));
  play(script{}, frame_size, going_on(lsn{0x3000100}, lsn{0x3000100}, 0));
  // A slot that was made after `now` was asked for shows that the server has come further.
  play(script{}, frame_size, going_on(lsn{0x6000100}, lsn{0x6000100}, 3));
  check_refused(outcome_of(script{}, going_on(lsn{0x4000101}, lsn{0x4000100}, 3)), "TW-PG-SLOT-AHEAD");
  check_refused(outcome_of(script{}, going_on(lsn{0x3000100}, lsn{0x5000101}, 3)), "TW-PG-HISTORY");
}

TEST_CASE("Preflight: the timelines between the position and the server", "[preflight]") {
  auto history_of = [](std::string_view text) {
    script steps;
    answer(steps, "TIMELINE_HISTORY 3", {"filename", "content"}, {{"00000003.history", text}});
    return steps;
  };
  script good = history_of("1\t0/2000000\tno recovery target\n2\t0/4000100\tno recovery target\n");
  auto before_switch = going_on(lsn{0x3000100}, lsn{0x4000100}, 2);
  play(good, frame_size, before_switch);
  play(interrupted(good), frame_size, before_switch);
  CHECK(for_each_failure(good, frame_size, before_switch) == 5 + 4 + 1);
  check_cuts(good, before_switch);
  check_lengths(good, before_switch);
  check_refused(outcome_of(good, going_on(lsn{0x3000100}, lsn{0x4000101}, 2)), "TW-PG-HISTORY");
  check_refused(outcome_of(good, going_on(lsn{0x3000100}, lsn{0x3000100}, 1)), "TW-PG-HISTORY");
  check_refused(outcome_of(good, going_on(lsn{0x3000100}, lsn{0x3000100}, 7)), "TW-PG-HISTORY");
  for (std::string_view odd : {"", "\n\n", "2", "2\t", "2\tx\t", "2\t\n", "two\t0/9000000\t", "\xff\xfe"}) {
    INFO(odd);
    check_refused(outcome_of(history_of(odd), before_switch), "TW-PG-HISTORY");
  }
  script none;
  refuse(none, "TIMELINE_HISTORY 3", "58P01");
  outcome found = outcome_of(none, before_switch);
  CHECK(found.code == "TW-PG-UNAVAILABLE");
  CHECK(found.kind == failure_kind::transient);
}

namespace {

script started(std::string_view command) {
  script steps;
  steps.expects(sql(command)).gives(copy_response(backend_tag::copy_both_response));
  return steps;
}

constexpr const char* start_15 =
    "START_REPLICATION SLOT \"tide\" LOGICAL 0/4000100 (proto_version '3', publication_names '\"all\"', "
    "streaming 'on')";

}  // namespace

TEST_CASE("Preflight: the stream starts at the position", "[preflight]") {
  script steps = started(start_15);
  auto make = starting(server_of(150018), settings_of_tide(), lsn{0x4000100});
  play(steps, frame_size, make);
  play(interrupted(steps), frame_size, make);
  CHECK(for_each_failure(steps, frame_size, make) == 2 + 1 + 1);
  check_cuts(steps, make);
  check_lengths(steps, make);
  CHECK(welcome_at(steps, 1, make) == "AENSW");
}

TEST_CASE("Preflight: what each version is told at the start", "[preflight]") {
  source_settings all = settings_of_tide(), plain = all;
  all.publications = {"a\"b", "O'Brien"};
  all.binary = all.messages = all.two_phase = true;
  all.origin = "none";
  plain.streaming = false;
  play(started("START_REPLICATION SLOT \"tide\" LOGICAL 1/2 (proto_version '4', publication_names "
               "'\"a\"\"b\", \"O''Brien\"', binary 'true', messages 'true', streaming 'on', two_phase 'on', "
               "origin 'none')"),
       frame_size, starting(server_of(160000), all, lsn{0x100000002}));
  play(
      started("START_REPLICATION SLOT \"tide\" LOGICAL 0/0 (proto_version '2', publication_names '\"all\"')"),
      frame_size, starting(server_of(140000), plain, lsn{}));
  play(
      started("START_REPLICATION SLOT \"tide\" LOGICAL 0/0 (proto_version '1', publication_names '\"all\"')"),
      frame_size, starting(server_of(110000), settings_of_tide(), lsn{}));
}

TEST_CASE("Preflight: the start is refused", "[preflight]") {
  struct {
    const char* sqlstate;
    const char* text;
    const char* code;
    failure_kind kind;
  } cases[] = {
      {"55006", "replication slot \"tide\" is active for PID 42", "TW-PG-SLOT-ACTIVE",
       failure_kind::transient},
      {"55000", "can no longer get changes from replication slot", "TW-PG-SLOT-LOST", failure_kind::refused},
      {"58P01", "requested WAL segment has already been removed", "TW-PG-SLOT-LOST", failure_kind::refused},
      {"42704", "replication slot \"tide\" does not exist", "TW-PG-MISSING", failure_kind::refused},
      {"57P03", "the database system is starting up", "TW-PG-UNAVAILABLE", failure_kind::transient},
      {"53300", "too many walsenders", "TW-PG-CONNECTIONS", failure_kind::transient}};
  for (const auto& each : cases) {
    script steps;
    steps.expects(sql(start_15)).gives(error(each.sqlstate, each.text));
    outcome found = outcome_of(steps, starting(server_of(150018), settings_of_tide(), lsn{0x4000100}));
    CHECK(found.code == each.code);
    CHECK(found.kind == each.kind);
    CHECK(found.text.find(each.text) != found.text.npos);
    CHECK(!found.hint.empty());
  }
}

TEST_CASE("Preflight: settings that no server would take", "[preflight]") {
  auto code = [](auto change) {
    source_settings settings = settings_of_tide();
    change(settings);
    try {
      check_settings(settings);
    } catch (const failure& why) {
      CHECK(why.kind == failure_kind::usage);
      return why.code;
    }
    return std::string("none");
  };
  CHECK(code([](auto&) {}) == "none");
  CHECK(code([](auto& s) { s.slot = ""; }) == "TW-USAGE-SLOT-NAME");
  CHECK(code([](auto& s) { s.slot = "Tide"; }) == "TW-USAGE-SLOT-NAME");
  CHECK(code([](auto& s) { s.slot = std::string(64, 'a'); }) == "TW-USAGE-SLOT-NAME");
  CHECK(code([](auto& s) { s.slot = std::string(63, 'a'); }) == "none");
  CHECK(code([](auto& s) { s.publications.clear(); }) == "TW-USAGE-OPTION");
  CHECK(code([](auto& s) { s.publications.push_back(""); }) == "TW-USAGE-OPTION");
  CHECK(code([](auto& s) { s.publications.push_back(std::string(64, 'a')); }) == "TW-USAGE-OPTION");
}
