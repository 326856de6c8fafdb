#include "mongo_wire/copy.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/core/failure_of.hpp"
#include "tests/core/scripted_sink.hpp"
#include "tests/mongo_wire/scripted_server.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using tidewire::testing::failure_of;
using tidewire::testing::for_each_failure;
using tidewire::testing::scripted_sink;

namespace {

const std::string token = "82000003E900000001";

collection_facts facts(const std::string& name, std::uint8_t number,
                       collection_kind kind = collection_kind::plain) {
  return {"shop", name, kind, collection_id{number}, false, false};
}

std::string found(const std::string& documents, int at = 2000) {
  return R"({"ok":1,"cursor":{"id":{"$numberLong":"0"},"ns":"shop.c","firstBatch":[)" + documents +
         R"(],"atClusterTime":{"$timestamp":{"t":)" + std::to_string(at) + R"(,"i":1}}}})";
}

void expect_position_check(script& steps, const std::string& error = "") {
  expect(steps, R"({"aggregate")",
         R"({"ok":1,"cursor":{"id":{"$numberLong":"5"},"ns":"shop.$cmd.aggregate","firstBatch":[]}})");
  expect(steps, R"({"getMore")",
         error.empty()
             ? R"({"ok":1,"cursor":{"id":{"$numberLong":"5"},"ns":"shop.$cmd.aggregate","nextBatch":[]}})"
             : error);
  if (error.empty()) expect(steps, R"({"killCursors")", R"({"ok":1})");
}

struct bench {
  scripted_sink to;
  pipeline lines{to, nullptr, {}, {}, [] {}};
  copy_progress before;
  copy_control control;
  copy_plan plan;
  std::unique_ptr<copy_feed> feed;

  explicit bench(const std::vector<collection_facts>& listed, copy_progress from = {})
      : before(std::move(from)) {
    if (before.since == bson_timestamp{}) before.since = before.newest = {1000, 7};
    plan = plan_copy(listed, before, {});
    feed = std::make_unique<copy_feed>(lines, before, checkpoint{token, 0, 0, 0}, extended_json_options{});
  }

  bool run(const script& steps) {
    cluster_clock clock;
    tidewire::link over(message_size);
    session with(over, clock);
    tidewire::testing::player other(steps, over);
    stream_settings settings;
    settings.database = "shop";
    return other.play(all(with, settings));
  }
  conversation<bool> all(session& with, stream_settings settings) {
    bool going = co_await begin_copy(with, *feed, plan, control);
    if (!going) co_return false;
    going = co_await copy_some(with, *feed, plan, control, settings, token);
    if (!going) co_return false;
    going = co_await end_copy(with, *feed, plan, control, settings, token);
    co_return going;
  }
  std::string written() {
    lines.finish();
    return to.data();
  }
};

std::string mark(const std::string& stage, const std::string& more) {
  return R"({"v":1,"op":"snapshot","stage":")" + stage + '"' + more + "}\n";
}

std::string table_mark(const std::string& stage, const std::string& table, const std::string& more = "") {
  return mark(stage, R"(,"schema":"shop","table":")" + table + R"(","pos":")" + token + '"' + more);
}

std::string read(const std::string& table, int id, int at = 2000) {
  std::string document = R"({"_id":)" + std::to_string(id) + "}";
  return R"({"v":1,"op":"read","schema":"shop","table":")" + table + R"(","cluster_time":{"t":)" +
         std::to_string(at) + R"(,"i":1},"key":)" + document + R"(,"after":)" + document + "}\n";
}

std::string ends(int tables, int rows, const std::string& from = R"({"t":2000,"i":1})") {
  return mark("end", R"(,"pos":")" + token + R"(","consistent_from":)" + from + R"(,"tables":)" +
                         std::to_string(tables) + R"(,"rows":)" + std::to_string(rows));
}

}  // namespace

TEST_CASE("copy: chunks in the order of the _ids, of any type, as of a snapshot", "[mongo_copy]") {
  bench b({facts("c", 1)});
  script steps;
  expect(steps,
         R"({"find":"c","sort":{"_id":{"$numberInt":"1"}},"hint":{"_id":{"$numberInt":"1"}},)"
         R"("limit":{"$numberInt":"1000"},"batchSize":{"$numberInt":"1000"},"singleBatch":true,)"
         R"("collectionUUID":{"$binary":{"base64":"AQAAAAAAAAAAAAAAAAAAAA==","subType":"04"}},)"
         R"("readConcern":{"level":"snapshot","afterClusterTime":{"$timestamp":{"t":1000,"i":7}}})",
         found(R"({"_id":1},{"_id":2})"));
  expect(steps, R"({"find":"c","filter":{"$expr":{"$gt":["$_id",{"$literal":{"$numberInt":"2"}}]}},"sort")",
         found(R"({"_id":3})", 2001));
  expect(steps, R"({"find":"c","filter":{"$expr":{"$gt":["$_id",{"$literal":{"$numberInt":"3"}}]}},"sort")",
         found("", 2002));
  expect_position_check(steps);
  CHECK(b.run(steps));
  CHECK(b.written() == mark("begin", R"(,"pos":")" + token + R"(","tables":1)") + table_mark("begin", "c") +
                           read("c", 1) + read("c", 2) + read("c", 3, 2001) +
                           table_mark("end", "c", R"(,"rows":3)") + ends(1, 3, R"({"t":2001,"i":1})"));
  CHECK(b.lines.durable()->copy.empty());
  CHECK(b.lines.durable()->position == token);
}

TEST_CASE("copy: capped collections are read with majority", "[mongo_copy]") {
  collection_facts capped = facts("c", 1);
  capped.capped = true;
  bench b({capped});
  script steps;
  expect(steps, [](const std::string& command) {
    if (command.find(R"("level":"majority")") == command.npos) throw script_mismatch(command);
    return R"({"ok":1,"cursor":{"id":{"$numberLong":"0"},"ns":"shop.c","firstBatch":[{"_id":1}]}})";
  });
  expect(steps, R"({"find")", found(""));
  expect_position_check(steps);
  CHECK(b.run(steps));
  // As of no later time than is sure.
  CHECK(b.written().find(R"("cluster_time":{"t":1000,"i":7},"key":{"_id":1})") != std::string::npos);
}

TEST_CASE("copy: goes on from what is stored", "[mongo_copy]") {
  std::vector<std::string> kept;
  {
    bench b({facts("a", 1), facts("c", 2)});
    script steps;
    expect(steps, R"({"find":"a")", found(""));
    expect(steps, [&](const std::string&) {
      b.control.stop = true;
      return found(R"({"_id":1},{"_id":{"x":"y"}})");
    });
    CHECK_FALSE(b.run(steps));
    b.written();
    auto durable = b.lines.durable();
    for (const auto& each : durable->copy) kept.push_back(*each);
  }
  CHECK(kept[0] == "times @1000.7 @2000.1");
  CHECK(kept[1] == "collection 01000000000000000000000000000000 0 done - shop.a");
  REQUIRE(kept.size() == 3);
  CHECK(kept[2].starts_with("collection 02000000000000000000000000000000 2 open "));
  auto progress = parse_copy(kept);
  REQUIRE(progress);
  bench b({facts("a", 1), facts("c", 2), facts("new", 3)}, *progress);
  CHECK(b.plan.collections == 3);
  script steps;
  expect(steps, R"({"find":"c","filter":{"$expr":{"$gt":["$_id",{"$literal":{"x":"y"}}]}})",
         found(R"({"_id":4})", 3000));
  expect(steps, R"({"find":"c")", found(""));
  expect(steps, R"({"find":"new")", found(""));
  expect_position_check(steps);
  CHECK(b.run(steps));
  CHECK(b.written() == mark("resume", R"(,"pos":")" + token + R"(","tables":3)") + read("c", 4, 3000) +
                           table_mark("end", "c", R"(,"rows":3)") + table_mark("begin", "new") +
                           table_mark("end", "new", R"(,"rows":0)") + ends(3, 3, R"({"t":3000,"i":1})"));
}

TEST_CASE("copy: dropped and renamed in the middle", "[mongo_copy]") {
  bench b({facts("a", 1), facts("b", 2), facts("c", 3)});
  script steps;
  expect(steps, R"({"find":"a")", found(R"({"_id":1})"));
  expect(steps, R"({"find":"a")", R"({"ok":0,"code":361,"actualCollection":null})");
  expect(steps, R"({"find":"b")", found(R"({"_id":1})"));
  expect(steps, R"({"find":"b")", R"({"ok":0,"code":361,"actualCollection":"c"})");
  expect(steps,
         R"({"find":"c","sort":{"_id":{"$numberInt":"1"}},"hint":{"_id":{"$numberInt":"1"}},)"
         R"("limit":{"$numberInt":"1000"},"batchSize":{"$numberInt":"1000"},"singleBatch":true,)"
         R"("collectionUUID":{"$binary":{"base64":"AgAAAAAAAAAAAAAAAAAAAA==")",
         found(R"({"_id":1})", 2005));
  expect(steps, R"({"find":"c")", found(""));
  expect_position_check(steps);
  CHECK(b.run(steps));
  CHECK(b.written() == mark("begin", R"(,"pos":")" + token + R"(","tables":3)") + table_mark("begin", "a") +
                           read("a", 1) + table_mark("gone", "a") + table_mark("begin", "b") + read("b", 1) +
                           table_mark("gone", "b") + table_mark("begin", "c") + read("c", 1, 2005) +
                           table_mark("end", "c", R"(,"rows":1)") + ends(1, 1, R"({"t":2005,"i":1})"));
}

TEST_CASE("copy: a position that was lost meanwhile, and other errors", "[mongo_copy]") {
  bench b({facts("c", 1)});
  script steps;
  expect(steps, R"({"find")", found(""));
  expect_position_check(steps, R"({"ok":0,"code":286})");
  CHECK(failure_of([&] { b.run(steps); }).code == "TW-MONGO-HISTORY-LOST");
  CHECK(b.written().find("consistent_from") == std::string::npos);

  auto failing = [](const std::string& reply) {
    bench of({facts("c", 1)});
    script one;
    expect(one, R"({"find")", reply);
    one.answers([](byte_view) { return bytes(); });
    failure why = failure_of([&] { of.run(one); });
    of.lines.finish();
    return why.code + (why.kind == failure_kind::transient ? " transient" : "");
  };
  CHECK(failing(R"({"ok":0,"code":13})") == "TW-MONGO-PRIVILEGE");
  CHECK(failing(R"({"ok":0,"code":246})") == "TW-MONGO-UNAVAILABLE transient");
  CHECK(failing(R"({"ok":0,"code":175})") == "TW-MONGO-UNAVAILABLE transient");
  CHECK(failing(R"({"ok":1})") == "TW-MONGO-MALFORMED");
  CHECK(failing(found("1")) == "TW-MONGO-MALFORMED");
  CHECK(failing(found(R"({"a":1})")) == "TW-MONGO-DOCUMENT");
}

TEST_CASE("copy: a server that does not get further is refused", "[mongo_copy]") {
  bench b({facts("c", 1)});
  script steps;
  expect(steps, R"({"find")", found(R"({"_id":1})"));
  expect(steps, R"({"find")", found(R"({"_id":0},{"_id":1})"));
  CHECK(failure_of([&] { b.run(steps); }).code == "TW-MONGO-MALFORMED");
  CHECK(b.written().find(R"("_id":0)") == std::string::npos);
}

TEST_CASE("copy: large _ids are not kept, and those before them are", "[mongo_copy]") {
  bench b({facts("c", 1)});
  script steps;
  expect(steps, R"({"find")", found(R"({"_id":1})"));
  expect(steps, [&](const std::string&) {
    return found(R"({"_id":")" + std::string(max_kept_id_bytes, 'x') + R"("})");
  });
  steps.answers([](byte_view) { return bytes(); });
  steps.closes();
  CHECK(failure_of([&] { b.run(steps); }).code == "TW-NET-CLOSED");
  CHECK(b.feed->handed_over().collections.at({"shop", "c"}).documents == 1);
  b.written();
  CHECK(b.lines.durable()->copy.back()->find(" 1 open ") != std::string::npos);
}

TEST_CASE("copy: what there is to do, after an earlier round", "[mongo_copy]") {
  copy_progress before;
  auto had = [&](const std::string& name, std::uint8_t number, bool done) {
    copied_collection of{"shop", name, collection_id{number}, 5, done, {}};
    before.collections[of.key()] = of;
  };
  had("whole", 1, true);
  had("half", 2, false);
  had("whole_renamed", 3, true);
  had("half_renamed", 4, false);
  had("whole_dropped", 5, true);
  had("half_dropped", 6, false);
  copy_plan plan = plan_copy({facts("a", 3), facts("b", 4), facts("half", 2), facts("new", 7),
                              facts("whole", 1), facts("view", 0, collection_kind::view)},
                             before, {});
  std::vector<std::string> work, gone;
  for (const copy_work& each : plan.work) work.push_back(each.of.name + (each.begun ? " begun" : ""));
  for (const copied_collection& each : plan.gone) gone.push_back(each.name);
  CHECK(work == std::vector<std::string>{"b", "half begun", "new"});
  CHECK(gone == std::vector<std::string>{"half_dropped", "half_renamed", "whole_dropped"});
  CHECK(plan.left_out == std::vector<std::string>{"shop.view (a view)"});
  CHECK(plan.collections == 5);
  CHECK(failure_of([] { plan_copy({facts("a", 1)}, {}, {"shop.b"}); }).code == "TW-USAGE-OPTION");
  CHECK(failure_of([] { plan_copy({facts("v", 0, collection_kind::view)}, {}, {"shop.v"}); }).code ==
        "TW-USAGE-OPTION");
}

TEST_CASE("copy: a failure at every step of it, and it goes on from there", "[mongo_copy]") {
  script steps;
  expect(steps, R"({"find":"a")", found(R"({"_id":1},{"_id":2})"));
  expect(steps, R"({"find":"a")", found(R"({"_id":3})"));
  expect(steps, R"({"find":"a")", found(""));
  expect(steps, R"({"find":"b")", found(R"({"_id":1})"));
  expect(steps, R"({"find":"b")", found(""));
  expect_position_check(steps);
  std::unique_ptr<bench> now;
  std::unique_ptr<session> with;
  cluster_clock clock;
  stream_settings settings;
  settings.database = "shop";
  auto check = [&] {
    if (!now) return;
    // The lines are those up to a place to go on from, and what that says.
    std::string lines = now->written();
    auto durable = now->lines.durable();
    std::vector<std::string> kept;
    for (const auto& each : durable ? durable->copy : std::vector<std::shared_ptr<const std::string>>{})
      kept.push_back(*each);
    bool whole = lines.find("consistent_from") != lines.npos;
    CHECK(whole == (durable && durable->copy.empty()));
    if (whole || !durable) return;
    auto progress = parse_copy(kept);
    REQUIRE(progress);
    std::size_t documents = 0, reads = 0;
    for (const auto& [key, each] : progress->collections) documents += each.documents;
    for (std::size_t at = 0; (at = lines.find(R"("op":"read")", at)) != lines.npos; ++at) ++reads;
    CHECK(reads == documents);
  };
  auto make = [&](tidewire::link& over) {
    check();
    now = std::make_unique<bench>(std::vector{facts("a", 1), facts("b", 2)});
    with = std::make_unique<session>(over, clock);
    return now->all(*with, settings);
  };
  std::size_t failures = for_each_failure(steps, message_size, make, nullptr, [](const failure& why) {
    CHECK((why.code == "TW-NET-CLOSED" || why.code == tidewire::testing::injected_code));
  });
  check();
  CHECK(failures >= 20);
}

TEST_CASE("copy: several workers, and a name that is overwritten while it is read", "[mongo_copy]") {
  copy_plan plan = plan_copy({facts("a", 1), facts("b", 2), facts("c", 3)}, {}, {});
  auto a = plan.take(), b = plan.take();
  REQUIRE((a && b));
  CHECK((a->of.name == "a" && b->of.name == "b"));
  // b becomes a, whose worker does not know yet; and what it had is in the progress.
  copy_progress progress;
  progress.collections[a->of.key()] = a->of;
  plan.give_back(*b);
  CHECK_FALSE(plan_renamed(plan, progress, *b, "a"));
  auto c = plan.take();
  REQUIRE(c);
  CHECK(c->of.name == "c");
  plan.give_back(*c);
  CHECK_FALSE(plan.take());
  CHECK_FALSE(plan.over());
  plan.give_back(*a);
  auto renamed = plan.take();
  REQUIRE(renamed);
  CHECK((renamed->of.name == "a" && renamed->of.id == collection_id{2} && !renamed->begun));
  plan.give_back(*renamed);
  CHECK(plan.over());
}

TEST_CASE("copy: turns, and no place to go on from while one of several lags behind", "[mongo_copy]") {
  bench b({facts("a", 1), facts("b", 2)});
  int freed = 0;
  copy_feed feed(b.lines, b.before, checkpoint{token, 0, 0, 0}, {}, [&freed] { ++freed; });
  int first = 0, second = 0;
  CHECK(feed.take_turn(&first));
  CHECK(feed.take_turn(&first));
  CHECK_FALSE(feed.take_turn(&second));
  feed.give_turn_back();
  CHECK(freed == 1);
  CHECK(feed.take_turn(&second));
  auto chunk = [&](const std::string& name, std::uint8_t number, const std::string& id) {
    copied_collection of{"shop", name, collection_id{number}, 1, false, bson_of("{\"\":" + id + "}")};
    REQUIRE(feed.has_room());
    feed.enter(of, {2000, 1}, {2000, 1});
    bytes document = bson_of("{\"_id\":" + id + "}");
    feed.take(view_of(document));
    feed.chunk_done(of, link::clock::now());
  };
  chunk("a", 1, '"' + std::string(max_kept_id_bytes, 'x') + '"');
  chunk("b", 2, "1");
  CHECK(feed.handed_over().collections.empty());
  CHECK(feed.progress().collections.size() == 1);
  chunk("a", 1, "\"y\"");
  CHECK(feed.handed_over().collections.size() == 2);
  b.written();
}

TEST_CASE("copy: lines of the position file that are not legal", "[mongo_copy]") {
  const std::string times = "times @1000.7 @2000.1";
  const std::string id = "01000000000000000000000000000000";
  // {"": 3}
  const std::string last =
      "0b000000100003000000"
      "00";
  CHECK(parse_copy({}).has_value());
  CHECK(parse_copy({times}).has_value());
  CHECK(parse_copy({times, "collection " + id + " 3 open " + last + " shop.with space.and dot"}).has_value());
  for (const std::string& bad : std::vector<std::string>{
           "collection " + id + " 3 open 00 shop.c", "collection " + id + " 3 shut - shop.c",
           "collection " + id + " x open - shop.c", "collection 00 3 open - shop.c",
           "collection " + id + " 3 open - shop", "collection " + id + " 3 open - .c",
           "collection " + id + " 3 open 0500000000 shop.c",
           // {"": {"a": 7}} with a length inside that is wrong
           "collection " + id + " 3 open 1300000003000d0000001061000700000000" + "00 shop.c", "table 3",
           times, ""})
    CHECK_FALSE(parse_copy({times, bad}).has_value());
  CHECK_FALSE(parse_copy({"times @1000.7 @999.1"}).has_value());
  CHECK_FALSE(parse_copy({"times @1000.7"}).has_value());
  std::string twice = "collection " + id + " 3 open - shop.c";
  CHECK_FALSE(parse_copy({times, twice, twice}).has_value());
}
