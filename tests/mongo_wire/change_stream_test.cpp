#include "mongo_wire/change_stream.hpp"

#include <algorithm>
#include <set>

#include "tests/core/failure_of.hpp"
#include "tests/core/scripted_sink.hpp"
#include "tests/mongo_wire/scripted_server.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using tidewire::testing::failure_of;
using tidewire::testing::for_each_failure;
using tidewire::testing::play;
using tidewire::testing::scripted_sink;

namespace {

/// A token of mongod's layout at that second.
std::string token(unsigned second) {
  char hex[64];
  std::snprintf(hex, sizeof hex, "82%08X00000001", 1000 + second);
  return hex;
}

std::string token_document(unsigned second) {
  return R"({"_data":")" + token(second) + R"("})";
}

std::string event(unsigned second, const std::string& fields = R"("operationType":"insert")") {
  return R"({"_id":)" + token_document(second) + "," + fields + "}";
}

std::string batch(const std::string& kind, const std::string& events, std::int64_t id,
                  const std::string& token) {
  return R"({"ok":1,"cursor":{")" + kind + R"(":[)" + events + R"(],"id":{"$numberLong":")" +
         std::to_string(id) + R"("},"ns":"shop.$cmd.aggregate")" +
         (token.empty() ? "" : R"(,"postBatchResumeToken":)" + token) + "}}";
}

constexpr const char* first_get_more = R"({"getMore":{"$numberLong":"5"},"collection":"$cmd.aggregate")";

struct bench {
  scripted_sink to;
  pipeline lines{to, nullptr, {}, {}, [] {}};
  event_feed feed;
  stream_settings settings;
  stream_state state;

  explicit bench(const std::string& after = token(0)) : feed(lines, {after, 0, 0, 0}, {}) {
    settings.database = "shop";
  }

  stream_end run(const script& steps) {
    return play(steps, message_size, [this](tidewire::link& over) { return talk(over); });
  }
  std::string written() {
    lines.finish();
    return to.data();
  }

  conversation<stream_end> talk(tidewire::link& over) {
    cluster_clock clock;
    session with(over, clock);
    stream_end end = co_await follow(with, feed, settings, state);
    co_return end;
  }
};

}  // namespace

TEST_CASE("change stream: opened after the position, tokens of every batch kept", "[mongo_stream]") {
  bench b;
  b.settings.full_document = "required";
  b.settings.before = "whenAvailable";
  b.settings.split = true;
  b.settings.until = bson_timestamp{1004, 1};
  script steps;
  expect(steps,
         R"({"aggregate":{"$numberInt":"1"},"pipeline":[{"$changeStream":{"fullDocument":"required",)"
         R"("fullDocumentBeforeChange":"whenAvailable","showExpandedEvents":true,"startAfter":{"_data":")" +
             token(0) +
             R"("}}},{"$changeStreamSplitLargeEvent":{}}],"cursor":{"batchSize":{"$numberInt":"0"}})",
         batch("firstBatch", "", 5, token_document(1)));
  expect(steps, first_get_more, batch("nextBatch", event(2), 5, token_document(2)));
  // Nothing came, and the position moves.
  expect(steps, first_get_more, batch("nextBatch", "", 5, token_document(3)));
  expect(steps, first_get_more, batch("nextBatch", event(4), 5, token_document(4)));
  // The next one was asked for already: nobody waits for its answer.
  steps.answers([](byte_view) { return bytes(); });
  CHECK(b.run(steps) == stream_end::until);
  CHECK(b.feed.next() == token(4));
  CHECK(b.feed.events() == 2);
  std::string written = b.written();
  CHECK(written.find(token(2)) != written.npos);
  CHECK(written.find(token(5)) == written.npos);
  CHECK(b.lines.durable()->position == token(4));
  CHECK(b.lines.durable()->changes == 2);
}

TEST_CASE("change stream: until now, with tokens that tell no time", "[mongo_stream]") {
  auto other = [](const char* name) { return R"({"_data":")" + std::string(name) + R"("})"; };
  auto at = [&](const char* name, int second) {
    return R"({"_id":)" + other(name) + R"(,"operationType":"insert","clusterTime":{"$timestamp":{"t":)" +
           std::to_string(second) + R"(,"i":1}}})";
  };
  bench b("@1000.1");
  b.settings.until = bson_timestamp{1004, 1};
  script steps;
  SECTION("the newest event is old, and nothing more comes") {
    expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, other("61")));
    expect(steps, first_get_more, batch("nextBatch", at("62", 1003), 5, other("62")));
    // It has looked at more, and may not be at the end.
    expect(steps, first_get_more, batch("nextBatch", "", 5, other("63")));
    expect(steps, first_get_more, batch("nextBatch", "", 5, other("63")));
    steps.answers([](byte_view) { return bytes(); });
  }
  SECTION("an event is as late as the bound") {
    expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, other("61")));
    expect(steps, first_get_more, batch("nextBatch", at("63", 1004), 5, other("63")));
    steps.answers([](byte_view) { return bytes(); });
  }
  CHECK(b.run(steps) == stream_end::until);
  CHECK(b.feed.next() == "63");
  CHECK(b.feed.events() == 1);
}

TEST_CASE("change stream: after a token that tells no time, the opening's token is not trusted",
          "[mongo_stream]") {
  bench b("62");
  b.state.stop = true;
  script steps;
  expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, R"({"_data":"61"})"));
  expect(steps, first_get_more, batch("nextBatch", "", 5, ""));
  expect(steps, R"({"killCursors")", R"({"ok":1})");
  CHECK(b.run(steps) == stream_end::asked);
  CHECK(b.feed.next() == "62");
}

TEST_CASE("change stream: a time to begin at, the whole cluster", "[mongo_stream]") {
  scripted_sink to;
  pipeline lines(to, nullptr, {}, {}, [] {});
  event_feed feed(lines, {"@1700000000.5", 0, 0, 0}, {});
  stream_settings settings;
  settings.expanded = false;
  stream_state state;
  state.stop = true;
  script steps;
  expect(steps, [](const std::string& command) {
    for (const char* part : {R"("allChangesForCluster":true)", R"("$db":"admin")",
                             R"("startAtOperationTime":{"$timestamp":{"t":1700000000,"i":5}})"})
      if (command.find(part) == command.npos) throw script_mismatch(command);
    return batch("firstBatch", "", 5, token_document(1));
  });
  expect(steps, first_get_more, batch("nextBatch", "", 5, token_document(1)));
  expect(steps, R"({"killCursors")", R"({"ok":1})");
  cluster_clock clock;
  tidewire::link over(message_size);
  session with(over, clock);
  tidewire::testing::player other(steps, over);
  CHECK(other.play(follow(with, feed, settings, state)) == stream_end::asked);
  CHECK(feed.next() == token(1));
  lines.finish();
}

TEST_CASE("change stream: an invalidate event closes it, and the place is kept", "[mongo_stream]") {
  bench b;
  script steps;
  expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, token_document(1)));
  expect(
      steps, first_get_more,
      batch("nextBatch",
            event(2, R"("operationType":"dropDatabase")") + "," + event(3, R"("operationType":"invalidate")"),
            0, token_document(3)));
  CHECK(b.run(steps) == stream_end::closed);
  CHECK(b.feed.next() == token(3));
  CHECK(b.written().find(R"("op":"invalidate")") != std::string::npos);
}

TEST_CASE("change stream: a number of events ends it in the middle of a batch", "[mongo_stream]") {
  bench b;
  b.settings.until_events = 2;
  script steps;
  expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, token_document(1)));
  expect(steps, first_get_more,
         batch("nextBatch", event(2) + "," + event(3) + "," + event(4), 5, token_document(4)));
  expect(steps, R"({"killCursors")", R"({"ok":1})");
  CHECK(b.run(steps) == stream_end::until);
  CHECK(b.feed.next() == token(3));
  CHECK(b.written().find(token(4)) == std::string::npos);
}

TEST_CASE("change stream: split events, and no position between their fragments", "[mongo_stream]") {
  bench b;
  auto fragment = [](unsigned second, int number, const std::string& fields) {
    return event(second, R"("splitEvent":{"fragment":)" + std::to_string(number) + R"(,"of":3})" + fields);
  };
  script cut;
  expect(cut, R"({"aggregate")", batch("firstBatch", "", 5, token_document(1)));
  expect(cut, first_get_more,
         batch("nextBatch", fragment(2, 1, R"(,"operationType":"update")"), 5, token_document(2)));
  cut.answers([](byte_view) { return bytes(); });
  cut.closes();
  CHECK(failure_of([&] { b.run(cut); }).code == "TW-NET-CLOSED");
  CHECK(b.feed.next() == token(1));
  // The fragments come again, from the first.
  b.settings.until = bson_timestamp{1004, 1};
  script again;
  expect(again, [](const std::string& command) {
    if (command.find(token(1)) == command.npos) throw script_mismatch(command);
    return batch("firstBatch", "", 5, token_document(1));
  });
  expect(again, first_get_more,
         batch("nextBatch",
               fragment(2, 1, R"(,"operationType":"update")") + "," +
                   fragment(3, 2, R"(,"fullDocument":{"a":1})"),
               5, token_document(3)));
  expect(again, first_get_more,
         batch("nextBatch", fragment(4, 3, R"(,"documentKey":{"_id":1})"), 5, token_document(4)));
  again.answers([](byte_view) { return bytes(); });
  CHECK(b.run(again) == stream_end::until);
  CHECK(b.written() ==
        R"({"v":1,"op":"update","pos":")" + token(4) + R"(","key":{"_id":1},"after":{"a":1}})" + "\n");
}

TEST_CASE("change stream: a sink that takes nothing stops the reading, and a stop is heard all the same",
          "[mongo_stream]") {
  scripted_sink to;
  to.allow_writes(0);
  pipeline::limits small;
  small.batch_bytes = 64;
  small.batches = 2;
  pipeline lines(to, nullptr, {}, small, [] {});
  event_feed feed(lines, {token(0), 0, 0, 0}, {});
  stream_settings settings;
  stream_state state;
  std::string events = event(2);
  for (unsigned second = 3; second < 50; ++second) events += "," + event(second);
  script steps;
  expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, token_document(1)));
  expect(steps, first_get_more, batch("nextBatch", events, 5, token_document(50)));
  steps.answers([&](byte_view) {
    state.stop = true;
    return bytes();
  });
  cluster_clock clock;
  tidewire::link over(message_size);
  session with(over, clock);
  tidewire::testing::player other(steps, over);
  CHECK(other.play(follow(with, feed, settings, state)) == stream_end::asked);
  // What was written so far is all that is counted.
  CHECK(feed.events() >= 2);
  CHECK(feed.events() < 48);
  CHECK(feed.next() == token(1 + static_cast<unsigned>(feed.events())));
  to.allow_writes(scripted_sink::unlimited);
  lines.finish();
  CHECK(static_cast<std::uint64_t>(std::ranges::count(to.data(), '\n')) == feed.events());
  CHECK(lines.durable()->position == feed.next());
}

TEST_CASE("change stream: errors told apart", "[mongo_stream]") {
  auto failing = [](const std::string& error, bool at_open = false) {
    bench b;
    script steps;
    if (!at_open) expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, token_document(1)));
    expect(steps, "", error);
    steps.answers([](byte_view) { return bytes(); });  // the next getMore, which may be on its way already
    failure why = failure_of([&] { b.run(steps); });
    CHECK(b.feed.next() == token(at_open ? 0 : 1));
    b.lines.finish();
    return why.code + (why.kind == failure_kind::transient ? " transient" : "");
  };
  CHECK(failing(R"({"ok":0,"code":43})") == "TW-MONGO-CURSOR-GONE transient");
  CHECK(failing(R"({"ok":0,"code":237})") == "TW-MONGO-CURSOR-GONE transient");
  CHECK(failing(R"({"ok":0,"code":11601})") == "TW-MONGO-CURSOR-GONE transient");
  CHECK(failing(R"({"ok":0,"code":136})") == "TW-MONGO-HISTORY-LOST");
  CHECK(failing(R"({"ok":0,"code":286})") == "TW-MONGO-HISTORY-LOST");
  CHECK(failing(R"({"ok":0,"code":280})", true) == "TW-MONGO-TOKEN");
  CHECK(failing(R"({"ok":0,"code":10334})") == "TW-MONGO-EVENT-TOO-LARGE");
  CHECK(failing(R"({"ok":0,"code":13})", true) == "TW-MONGO-PRIVILEGE");
  CHECK(failing(R"({"ok":0,"code":40573})", true) == "TW-MONGO-NOT-REPLICA-SET");
  CHECK(failing(R"({"ok":0,"code":189})", true) == "TW-MONGO-NOT-PRIMARY transient");
  for (const char* code : {"63", "133", "150", "202", "234", "13388"})
    CHECK(failing(R"({"ok":0,"code":)" + std::string(code) + "}", true) == "TW-MONGO-UNAVAILABLE transient");
  // The label decides, whatever the code.
  CHECK(failing(R"({"ok":0,"code":123456,"errorLabels":["ResumableChangeStreamError"]})") ==
        "TW-MONGO-ERROR transient");
  CHECK(failing(R"({"ok":0,"code":123456})") == "TW-MONGO-ERROR");
  CHECK(failing(R"({"ok":1})") == "TW-MONGO-MALFORMED");
  CHECK(failing(R"({"ok":1,"cursor":{"id":1,"ns":"x","nextBatch":[1]}})") == "TW-MONGO-MALFORMED");
  CHECK(failing(R"({"ok":1,"cursor":{"id":1,"ns":"x.y","nextBatch":[{}]}})") == "TW-MONGO-EVENT");
}

TEST_CASE("change stream: what comes before a missing image is not lost with it", "[mongo_stream]") {
  bench b;
  script steps;
  const std::string missing = R"({"ok":0,"code":47})";
  expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, token_document(1)));
  expect(steps, first_get_more, missing);
  expect(steps,
         R"({"aggregate":{"$numberInt":"1"},"pipeline":[{"$changeStream":{"showExpandedEvents":true,)"
         R"("startAfter":{"_data":")" +
             token(1) + R"("})",
         batch("firstBatch", "", 6, token_document(1)));
  const std::string one =
      R"({"getMore":{"$numberLong":"6"},"collection":"$cmd.aggregate","batchSize":{"$numberInt":"1"})";
  expect(steps, one, batch("nextBatch", event(2), 6, token_document(2)));
  expect(steps, one, batch("nextBatch", event(3), 6, token_document(3)));
  expect(steps, one, missing);
  CHECK(failure_of([&] { b.run(steps); }).code == "TW-MONGO-IMAGE-MISSING");
  CHECK(b.feed.next() == token(3));
  CHECK(b.feed.events() == 2);
  CHECK(std::ranges::count(b.written(), '\n') == 2);
}

TEST_CASE("change stream: back in time is refused", "[mongo_stream]") {
  bench b;
  script steps;
  expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, token_document(7)));
  expect(steps, first_get_more, batch("nextBatch", event(6), 5, token_document(7)));
  steps.answers([](byte_view) { return bytes(); });
  CHECK(failure_of([&] { b.run(steps); }).code == "TW-MONGO-TOKEN-ORDER");
  b.lines.finish();
}

TEST_CASE("change stream: a failure at every step of it", "[mongo_stream]") {
  bench b;
  b.settings.split = true;
  b.settings.still_wanted = [](const hello_reply& said) { return said.kind == server_kind::primary; };
  b.settings.look_interval = std::chrono::milliseconds{0};
  b.settings.until = bson_timestamp{1003, 1};
  const std::string primary = R"({"ok":1,"isWritablePrimary":true,"setName":"rs","maxWireVersion":17})";
  script steps;
  expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, token_document(1)));
  expect(steps, first_get_more, batch("nextBatch", event(2), 5, token_document(2)));
  expect(steps, R"({"hello")", primary);
  expect(steps, first_get_more, batch("nextBatch", "", 5, token_document(3)));
  expect(steps, R"({"killCursors")", R"({"ok":1})");
  std::size_t failures = 0;
  std::set<std::string> places;
  std::unique_ptr<bench> now;
  auto make = [&](tidewire::link& over) {
    if (now) {
      // Wherever it ended: at one of the places that the server has told, or where it began.
      places.insert(now->feed.next());
      CHECK(std::ranges::count(now->written(), '\n') == (now->feed.next() >= token(2) ? 1 : 0));
    }
    now = std::make_unique<bench>();
    now->settings = b.settings;
    return now->talk(over);
  };
  failures = for_each_failure(steps, message_size, make, nullptr, [](const failure& why) {
    CHECK((why.code == "TW-NET-CLOSED" || why.code == tidewire::testing::injected_code));
    CHECK(why.kind == failure_kind::transient);
  });
  CHECK(failures >= 20);
  CHECK(places == std::set<std::string>{token(0), token(1), token(2), token(3)});
}

TEST_CASE("change stream: a step-down in the middle, told by the server or found out", "[mongo_stream]") {
  auto ended_with = [](const std::string& reply) {
    bench b;
    script steps;
    expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, token_document(1)));
    expect(steps, first_get_more, batch("nextBatch", event(2), 5, token_document(3)));
    expect(steps, first_get_more, reply);
    failure why = failure_of([&] { b.run(steps); });
    CHECK(b.feed.next() == token(3));
    CHECK(b.written().find(token(2)) != std::string::npos);
    return why.code + (why.kind == failure_kind::transient ? " transient" : "");
  };
  const std::string label = R"(,"errorLabels":["ResumableChangeStreamError"]})";
  for (const char* code : {"10107", "11602", "13436", "189", "91", "11600"})
    CHECK(ended_with(R"({"ok":0,"code":)" + std::string(code) + label) == "TW-MONGO-NOT-PRIMARY transient");
  CHECK(ended_with(R"({"ok":0,"code":10107,"errorLabels":["NonResumableChangeStreamError"]})") ==
        "TW-MONGO-NOT-PRIMARY transient");
  // Of a mongos whose shard has gone.
  for (const char* code : {"6", "7", "89", "9001", "133", "150", "13388", "234", "63", "262", "13435"}) {
    std::string told = ended_with(R"({"ok":0,"code":)" + std::string(code) + label);
    CAPTURE(code, told);
    CHECK(told.ends_with(" transient"));
  }
  // The server says nothing: its cursor lives on.
  bench b;
  b.settings.still_wanted = [](const hello_reply& said) { return said.kind == server_kind::primary; };
  b.settings.look_interval = std::chrono::milliseconds{0};
  script steps;
  expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, token_document(1)));
  expect(steps, first_get_more, batch("nextBatch", event(2), 5, token_document(3)));
  expect(steps, R"({"hello":{"$numberInt":"1"},"$db":"admin"})",
         R"({"ok":1,"isWritablePrimary":false,"secondary":true,"setName":"rs","maxWireVersion":17})");
  failure why = failure_of([&] { b.run(steps); });
  CHECK(why.code == "TW-MONGO-NOT-PRIMARY");
  CHECK(why.kind == failure_kind::transient);
  CHECK(b.feed.next() == token(3));
}

TEST_CASE("change stream: a server that does not wait is not asked all the time", "[mongo_stream]") {
  using std::chrono::milliseconds;
  bench b;
  b.settings.least_wait = milliseconds{100};
  script steps;
  expect(steps, R"({"aggregate")", batch("firstBatch", "", 5, token_document(1)));
  expect(steps, first_get_more, batch("nextBatch", "", 5, token_document(2)));
  steps.wakes(milliseconds{60}).wakes(milliseconds{60});
  expect(steps, first_get_more, batch("nextBatch", event(3), 5, token_document(3)));
  // After events there may be more.
  expect(steps, first_get_more, batch("nextBatch", "", 5, token_document(4)));
  steps.wakes(milliseconds{100});
  // A stop is heard meanwhile.
  expect(steps, first_get_more, batch("nextBatch", "", 5, token_document(5)));
  steps.wakes(milliseconds{10});
  steps.wakes(milliseconds{90});
  expect(steps, [&b](const std::string&) {
    b.state.stop = true;
    return batch("nextBatch", "", 5, token_document(6));
  });
  expect(steps, R"({"killCursors")", R"({"ok":1})");
  CHECK(b.run(steps) == stream_end::asked);
  CHECK(b.feed.next() == token(6));
  b.lines.finish();
}

TEST_CASE("change stream: of a sharded cluster, its time sent back and its tokens without events",
          "[mongo_stream]") {
  // As a mongos makes them: version 1 or 2, and the end of a high-water mark.
  const std::string mark = "826553F5A0000000052B0429296E1404";
  const std::string older = "826553F59F000000012B0229296E04";
  auto with_time = [](std::string reply, int seconds) {
    reply.pop_back();
    return reply + R"(,"$clusterTime":{"clusterTime":{"$timestamp":{"t":)" + std::to_string(seconds) +
           R"(,"i":1}},"signature":{"keyId":{"$numberLong":"7"}}}})";
  };
  auto told = [](int seconds) {
    return R"("$clusterTime":{"clusterTime":{"$timestamp":{"t":)" + std::to_string(seconds) +
           R"(,"i":1}},"signature":{"keyId":{"$numberLong":"7"}}})";
  };
  auto expect_time = [&](script& of, const std::string& time, const std::string& reply) {
    expect(of, [=](const std::string& command) {
      if ((command.find("$clusterTime") != command.npos) != !time.empty() ||
          command.find(time) == command.npos)
        throw script_mismatch(command + "\nlacks " + time);
      return reply;
    });
  };
  bench b;
  script steps;
  expect_time(steps, "", with_time(batch("firstBatch", "", 5, R"({"_data":")" + older + "\"}"), 100));
  expect_time(steps, told(100), with_time(batch("nextBatch", "", 5, R"({"_data":")" + mark + "\"}"), 300));
  // Of two times the later one, also when the earlier comes last.
  expect_time(steps, told(300), with_time(batch("nextBatch", "", 5, R"({"_data":")" + mark + "\"}"), 200));
  expect_time(steps, told(300), with_time(batch("nextBatch", "", 0, R"({"_data":")" + mark + "\"}"), 200));
  CHECK(b.run(steps) == stream_end::closed);
  CHECK(b.feed.next() == mark);
  CHECK(b.feed.time() == bson_timestamp{0x6553f5a0, 5});
}

TEST_CASE("change stream: what the server is", "[mongo_stream]") {
  server_facts facts;
  facts.version = {6, 0, 5, 0};
  CHECK(facts.text() == "6.0.5");
  CHECK_FALSE(facts.can_split());
  facts.version = {6, 0, 9};
  CHECK(facts.can_split());
  facts.version = {6, 3, 9};
  CHECK_FALSE(facts.can_split());
  facts.version = {8, 2, 0};
  CHECK(facts.can_split());
  facts.version = {};
  CHECK_FALSE(facts.can_split());
}
