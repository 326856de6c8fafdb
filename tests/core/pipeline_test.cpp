#include "core/pipeline.hpp"

#include <atomic>
#include <catch2/catch_test_macros.hpp>

#include "tests/core/failure_of.hpp"
#include "tests/core/scripted_sink.hpp"
#include "tests/core/temporary_folder.hpp"

using namespace tidewire;
using namespace tidewire::testing;
using namespace std::chrono_literals;

namespace {

checkpoint at(std::uint64_t ack) {
  return {"0/" + std::to_string(ack), ack, ack * 2, ack * 3};
}

stored_position described() {
  stored_position p;
  p.source = "test";
  p.identity = {{"slot", "tidewire"}};
  return p;
}

stored_position stored(std::uint64_t ack, std::uint64_t offset) {
  stored_position p = described();
  p.position = at(ack).position;
  p.sink_offset_bytes = offset;
  p.transactions = at(ack).transactions;
  p.changes = at(ack).changes;
  return p;
}

/// A pipeline with all that belongs to it.
struct bench {
  explicit bench(std::string before = {}, pipeline::limits limits = {1024, 3, 0ms}) : to(std::move(before)) {
    line = std::make_unique<pipeline>(to, &store, described(), limits, [this] {
      ++wakes;
      to.note("wake");
    });
  }

  void submit(std::string_view lines, std::optional<checkpoint> complete = {}, std::size_t bytes = 0) {
    json::buffer* batch = line->acquire();
    REQUIRE(batch);
    batch->text(lines);
    line->submit(batch, std::move(complete), bytes);
  }
  void submit_whole(std::string_view lines, std::uint64_t ack) { submit(lines, at(ack), lines.size()); }

  bool wait_for_durable(std::uint64_t ack) {
    return to.wait([&] { return acknowledged() >= ack; });
  }
  bool wait_for_wakes(int count) {
    return to.wait([&] { return wakes >= count; });
  }
  bool wait_for_error() {
    return to.wait([&] {
      try {
        line->rethrow();
      } catch (...) {
        return true;
      }
      return false;
    });
  }
  /// 0: nothing is durable.
  std::uint64_t acknowledged() const {
    auto durable = line->durable();
    return durable ? durable->ack : 0;
  }

  temporary_folder folder;
  scripted_sink to;
  std::atomic<int> wakes = 0;
  std::atomic<bool> fail_store = false;
  position_store store{folder / "position", [this](std::string_view step) {
                         if (step != "remove") return;
                         if (fail_store)
                           throw failure(failure_kind::transient, "TW-POSITION-FILE", "scripted");
                         to.note("store");
                       }};
  std::unique_ptr<pipeline> line;
};

/// Without the wakes.
std::vector<std::string> work_of(const scripted_sink& to) {
  std::vector<std::string> events = to.events();
  std::erase(events, "wake");
  return events;
}

using events = std::vector<std::string>;

}  // namespace

TEST_CASE("Batches are written in order, and the last position is stored", "[pipeline]") {
  bench b;
  std::string all;
  for (int i = 1; i <= 200; ++i) {
    json::buffer* batch = nullptr;
    REQUIRE(b.to.wait([&] { return (batch = b.line->acquire()) != nullptr; }));
    CHECK(batch->size() == 0);
    std::string lines = "line " + std::to_string(i) + "\n";
    batch->text(lines);
    all += lines;
    b.line->submit(batch, at(static_cast<std::uint64_t>(i)), lines.size());
  }
  b.line->finish();
  CHECK(b.to.data() == all);
  CHECK(b.line->bytes_written() == all.size());
  CHECK(b.line->durable() == at(200));
  CHECK(b.line->settled());
  CHECK(b.store.load() == stored(200, all.size()));
  CHECK(b.to.synced() == all.size());
}

TEST_CASE("When all batches are on their way there is none, until one is written", "[pipeline]") {
  bench b;
  b.to.allow_writes(0);
  CHECK(b.line->batch_bytes() == 1024);
  std::vector<json::buffer*> batches;
  while (json::buffer* batch = b.line->acquire()) batches.push_back(batch);
  CHECK(batches.size() == 3);
  for (json::buffer* batch : batches) {
    batch->text("x\n");
    b.line->submit(batch, {}, 0);
    CHECK(b.line->acquire() == nullptr);
  }
  REQUIRE(b.to.wait_for_held_write());
  CHECK(b.line->acquire() == nullptr);
  CHECK(b.wakes == 0);
  b.to.allow_writes(1);
  REQUIRE(b.wait_for_wakes(1));
  CHECK(b.line->acquire() != nullptr);
  CHECK(b.line->acquire() == nullptr);
  b.to.allow_writes(scripted_sink::unlimited);
  b.line->finish();
  // None of it was a whole transaction.
  CHECK(b.to.data().empty());
}

TEST_CASE("A position is stored after the sync and acknowledged after the storing", "[pipeline]") {
  bench b;
  b.to.allow_writes(0);
  b.to.allow_syncs(0);
  CHECK(b.line->settled());
  b.submit_whole("one\n", 1);
  REQUIRE(b.to.wait_for_held_write());
  CHECK(!b.line->settled());
  b.to.allow_writes(1);
  REQUIRE(b.to.wait_for_held_sync());
  CHECK(b.to.data() == "one\n");
  CHECK(!b.line->durable().has_value());
  CHECK(!b.store.load().has_value());
  CHECK(!b.line->settled());
  b.to.allow_syncs(1);
  REQUIRE(b.wait_for_durable(1));
  CHECK(b.line->durable() == at(1));
  CHECK(b.store.load() == stored(1, 4));
  CHECK(b.line->settled());
  CHECK(work_of(b.to) == events{"write", "sync", "store"});
  REQUIRE(b.wait_for_wakes(1));
}

TEST_CASE("Without a store a checkpoint is durable when the sink is", "[pipeline]") {
  scripted_sink to;
  to.allow_syncs(0);
  pipeline line(to, nullptr, described(), {1024, 2, 0ms}, [&] { to.note("wake"); });
  json::buffer* batch = line.acquire();
  batch->text("one\n");
  line.submit(batch, at(1), 4);
  REQUIRE(to.wait_for_held_sync());
  CHECK(!line.durable().has_value());
  to.allow_syncs(1);
  CHECK(to.wait([&] { return line.durable() == at(1); }));
}

TEST_CASE("What is written while a sync runs is not acknowledged by it", "[pipeline]") {
  bench b;
  b.to.allow_syncs(0);
  b.submit_whole("one\n", 1);
  REQUIRE(b.to.wait_for_held_sync());
  b.submit_whole("two\n", 2);
  REQUIRE(b.to.wait_for_data("one\ntwo\n"));
  b.to.allow_syncs(1);
  REQUIRE(b.wait_for_durable(1));
  CHECK(b.line->durable() == at(1));
  CHECK(b.store.load() == stored(1, 4));
  CHECK(b.to.synced() == 4);
  CHECK(!b.line->settled());
  b.to.allow_syncs(1);
  REQUIRE(b.wait_for_durable(2));
  CHECK(b.store.load() == stored(2, 8));
  CHECK(b.line->settled());
}

TEST_CASE("A position's offset is the end of its transaction, wherever that is in a batch", "[pipeline]") {
  bench b("before\n");
  b.submit("one\ntwo\nthr", at(1), 8);
  REQUIRE(b.wait_for_durable(1));
  CHECK(b.store.load() == stored(1, 7 + 8));
  CHECK(!b.line->settled());
  b.submit("ee\nfo");
  b.submit("ur\nfive\n", at(2), 3);
  REQUIRE(b.wait_for_durable(2));
  CHECK(b.store.load() == stored(2, 7 + 19));
  CHECK(!b.line->settled());
  // The end of a transaction may stand at the very start of a batch, or in one without lines.
  b.submit("six\n", at(3), 0);
  REQUIRE(b.wait_for_durable(3));
  CHECK(b.store.load() == stored(3, 7 + 24));
  b.submit("", at(4), 0);
  REQUIRE(b.wait_for_durable(4));
  CHECK(b.store.load() == stored(4, 7 + 28));
  CHECK(b.line->settled());
  b.line->finish();
  CHECK(b.to.data() == "before\none\ntwo\nthree\nfour\nfive\nsix\n");
}

TEST_CASE("A batch given back empty is free again", "[pipeline]") {
  bench b;
  for (int i = 0; i < 10; ++i) {
    json::buffer* batch = nullptr;
    REQUIRE(b.to.wait([&] { return (batch = b.line->acquire()) != nullptr; }));
    b.line->submit(batch, {}, 0);
  }
  b.line->finish();
  CHECK(b.line->settled());
  CHECK(work_of(b.to).empty());
}

TEST_CASE("A batch that had grown for one value is small again", "[pipeline]") {
  bench b("", {1024, 1, 0ms});
  b.submit_whole(std::string(100'000, 'x'), 1);
  json::buffer* batch = nullptr;
  REQUIRE(b.to.wait([&] { return (batch = b.line->acquire()) != nullptr; }));
  CHECK(batch->size() == 0);
  CHECK(batch->capacity() <= 8 * 1024);
}

TEST_CASE("An incomplete transaction is cut off at the end", "[pipeline]") {
  SECTION("behind what became durable now") {
    bench b("before\n");
    b.submit("one\nha", at(1), 4);
    b.submit("lf\n");
    b.line->finish();
    CHECK(b.to.data() == "before\none\n");
    CHECK(b.store.load() == stored(1, 11));
    CHECK(work_of(b.to).back() == "cut 11");
  }
  SECTION("where nothing became durable since the start") {
    bench b("before\n");
    b.submit("half\n");
    b.line->finish();
    CHECK(b.to.data() == "before\n");
    CHECK(!b.store.load().has_value());
    CHECK(work_of(b.to) == events{"write", "cut 7"});
  }
  SECTION("and nothing else is") {
    bench b("before\n");
    b.submit_whole("one\n", 1);
    b.line->finish();
    b.line->finish();
    CHECK(work_of(b.to) == events{"write", "sync", "store"});
    CHECK(b.to.data() == "before\none\n");
  }
}

TEST_CASE("Finishing makes what was handed over durable, without waiting for the interval", "[pipeline]") {
  bench b("", {1024, 3, 1h});
  b.submit_whole("one\n", 1);
  // The first is not made to wait.
  REQUIRE(b.wait_for_durable(1));
  b.to.allow_writes(0);
  b.submit_whole("two\n", 2);
  b.submit_whole("three\n", 3);
  b.to.allow_writes(scripted_sink::unlimited);
  b.line->finish();
  CHECK(b.line->durable() == at(3));
  CHECK(b.store.load() == stored(3, 14));
  CHECK(b.to.count("sync") == 2);
}

TEST_CASE("Many checkpoints share one sync within an interval", "[pipeline]") {
  bench b("", {1024, 3, 1h});
  b.submit_whole("0\n", 1);
  REQUIRE(b.wait_for_durable(1));
  std::string all = "0\n";
  for (std::uint64_t i = 2; i <= 50; ++i) {
    json::buffer* batch = nullptr;
    REQUIRE(b.to.wait([&] { return (batch = b.line->acquire()) != nullptr; }));
    batch->text("0\n");
    all += "0\n";
    b.line->submit(batch, at(i), 2);
  }
  REQUIRE(b.to.wait_for_data(all));
  CHECK(b.acknowledged() == 1);
  b.line->finish();
  CHECK(b.acknowledged() == 50);
  CHECK(b.to.count("sync") == 2);
}

TEST_CASE("A busy stream is synced once an interval", "[pipeline]") {
  bench b("", {1024, 3, 30ms});
  for (std::uint64_t i = 1; i <= 4; ++i) {
    b.submit_whole("x\n", i);
    REQUIRE(b.wait_for_durable(i));
  }
  auto times = b.to.sync_times();
  REQUIRE(times.size() == 4);
  for (std::size_t i = 1; i < times.size(); ++i) CHECK(times[i] - times[i - 1] >= 30ms);
}

TEST_CASE("An idle source's position moves on without lines", "[pipeline]") {
  bench b("before\n");
  b.line->advance(at(1));
  REQUIRE(b.wait_for_durable(1));
  CHECK(b.store.load() == stored(1, 7));
  CHECK(b.line->settled());
  CHECK(work_of(b.to) == events{"sync", "store"});
  // The same again is no news.
  b.line->advance(at(1));
  CHECK(b.line->settled());
  b.submit_whole("one\n", 2);
  b.line->advance(at(3));
  REQUIRE(b.wait_for_durable(3));
  CHECK(b.store.load() == stored(3, 11));
  b.line->finish();
  CHECK(b.to.data() == "before\none\n");
}

TEST_CASE("Within a transaction the position does not move on", "[pipeline]") {
  bench b;
  b.submit("ha");
  b.line->advance(at(5));
  b.submit("lf\nmore\n", at(1), 3);
  b.line->advance(at(6));
  REQUIRE(b.wait_for_durable(1));
  b.line->finish();
  CHECK(b.line->durable() == at(1));
  CHECK(b.store.load() == stored(1, 5));
  CHECK(b.to.data() == "half\n");
}

TEST_CASE("An idle source and a stuck sink pile up nothing", "[pipeline]") {
  bench b;
  b.to.allow_writes(0);
  b.submit_whole("one\n", 1);
  REQUIRE(b.to.wait_for_held_write());
  for (std::uint64_t i = 2; i <= 1000; ++i) b.line->advance(at(i));
  CHECK(!b.line->settled());
  b.to.allow_writes(1);
  REQUIRE(b.wait_for_durable(1000));
  CHECK(b.store.load() == stored(1000, 4));
  CHECK(b.line->settled());
  CHECK(b.to.count("sync") <= 2);
}

TEST_CASE("A sink that fails to write ends it all", "[pipeline]") {
  bench b;
  b.submit_whole("one\n", 1);
  REQUIRE(b.wait_for_durable(1));
  b.to.allow_writes(0);
  b.submit_whole("two\n", 2);
  b.submit_whole("three\n", 3);
  REQUIRE(b.to.wait_for_held_write());
  b.line->rethrow();
  int wakes = b.wakes;
  b.to.fail_writes();
  b.to.allow_writes(scripted_sink::unlimited);
  // Whoever waits for a batch hears of it.
  REQUIRE(b.wait_for_wakes(wakes + 1));
  REQUIRE(b.wait_for_error());
  CHECK(failure_of([&] { b.line->rethrow(); }).code == "TW-SINK-WRITE");
  CHECK(failure_of([&] { b.line->finish(); }).code == "TW-SINK-WRITE");
  CHECK(b.line->durable() == at(1));
  CHECK(b.store.load() == stored(1, 4));
  CHECK(work_of(b.to) == events{"write", "sync", "store", "write"});
  CHECK(!b.line->settled());
  // What is handed over now goes nowhere.
  b.line->advance(at(4));
  b.submit_whole("four\n", 4);
  CHECK(failure_of([&] { b.line->finish(); }).code == "TW-SINK-WRITE");
  CHECK(b.to.data() == "one\n");
}

TEST_CASE("A sink that fails to sync ends it all", "[pipeline]") {
  bench b;
  b.submit_whole("one\n", 1);
  REQUIRE(b.wait_for_durable(1));
  b.to.fail_syncs();
  b.submit_whole("two\n", 2);
  REQUIRE(b.wait_for_error());
  CHECK(failure_of([&] { b.line->rethrow(); }).code == "TW-SINK-WRITE");
  CHECK(failure_of([&] { b.line->finish(); }).code == "TW-SINK-WRITE");
  CHECK(b.line->durable() == at(1));
  CHECK(b.store.load() == stored(1, 4));
  CHECK(b.to.data() == "one\ntwo\n");
  CHECK(b.to.count("store") == 1);
  CHECK(!b.line->settled());
}

TEST_CASE("A position that can't be stored is not acknowledged", "[pipeline]") {
  bench b;
  b.submit_whole("one\n", 1);
  REQUIRE(b.wait_for_durable(1));
  b.fail_store = true;
  b.submit_whole("two\n", 2);
  REQUIRE(b.wait_for_error());
  CHECK(failure_of([&] { b.line->finish(); }).code == "TW-POSITION-FILE");
  CHECK(b.line->durable() == at(1));
  CHECK(b.store.load() == stored(1, 4));
}

TEST_CASE("The first error stays", "[pipeline]") {
  bench b;
  b.fail_store = true;
  b.to.allow_syncs(0);
  b.submit_whole("one\n", 1);
  REQUIRE(b.to.wait_for_held_sync());
  b.to.fail_writes();
  b.submit_whole("two\n", 2);
  REQUIRE(b.wait_for_error());
  CHECK(failure_of([&] { b.line->rethrow(); }).code == "TW-SINK-WRITE");
  b.to.allow_syncs(scripted_sink::unlimited);
  CHECK(failure_of([&] { b.line->finish(); }).code == "TW-SINK-WRITE");
  CHECK(!b.line->durable().has_value());
}

TEST_CASE("A pipeline that is dropped leaves at once and nothing half done", "[pipeline]") {
  SECTION("idle") {
    bench b;
    b.line.reset();
    CHECK(work_of(b.to).empty());
  }
  SECTION("with a batch in somebody's hands") {
    bench b;
    REQUIRE(b.line->acquire());
    b.line.reset();
  }
  SECTION("while it waits for the interval") {
    bench b("", {1024, 3, 1h});
    b.submit_whole("one\n", 1);
    REQUIRE(b.wait_for_durable(1));
    b.submit_whole("two\n", 2);
    REQUIRE(b.to.wait_for_data("one\ntwo\n"));
    b.line.reset();
    CHECK(b.store.load() == stored(1, 4));
    CHECK(b.to.count("sync") == 1);
  }
  SECTION("while it writes and syncs") {
    bench b;
    b.to.allow_syncs(0);
    b.submit_whole("one\n", 1);
    REQUIRE(b.to.wait_for_held_sync());
    b.to.allow_writes(0);
    b.submit_whole("two\n", 2);
    b.submit_whole("three\n", 3);
    REQUIRE(b.to.wait_for_held_write());
    std::thread dropper([&] { b.line.reset(); });
    b.to.allow_writes(scripted_sink::unlimited);
    b.to.allow_syncs(scripted_sink::unlimited);
    dropper.join();
    std::string data = b.to.data();
    CHECK(std::string("one\ntwo\nthree\n").starts_with(data));
    CHECK(data.ends_with("\n"));
    auto position = b.store.load();
    REQUIRE(position.has_value());
    CHECK(position->sink_offset_bytes <= b.to.synced());
  }
  SECTION("after an error") {
    bench b;
    b.to.fail_writes();
    b.submit_whole("one\n", 1);
    REQUIRE(b.wait_for_error());
    b.line.reset();
    CHECK(!b.store.load().has_value());
  }
}

TEST_CASE("Under load what is acknowledged is always durable before", "[pipeline]") {
  scripted_sink to;
  std::atomic<pipeline*> line_of_wake = nullptr;
  std::atomic<std::uint64_t> wrong = 0;
  // Transaction n ends at byte 10 n.
  auto on_wake = [&] {
    pipeline* line = line_of_wake;
    auto durable = line ? line->durable() : std::nullopt;
    if (durable && durable->ack * 10 > to.synced()) ++wrong;
    to.note("wake");
  };
  pipeline line(to, nullptr, described(), {1024, 4, 0ms}, on_wake);
  line_of_wake = &line;
  std::string all;
  std::uint64_t transactions = 0, acknowledged = 0;
  std::size_t part = 0;
  while (transactions < 3000) {
    json::buffer* batch = nullptr;
    REQUIRE(to.wait([&] { return (batch = line.acquire()) != nullptr; }));
    // From 1 to 41 bytes, so that transactions begin and end anywhere.
    std::size_t size = 1 + (part++ * 7) % 41;
    std::string lines;
    for (std::size_t i = 0; i < size; ++i) lines += (all.size() + i) % 10 == 9 ? '\n' : 'x';
    batch->text(lines);
    all += lines;
    std::uint64_t ended = all.size() / 10;
    if (ended > transactions)
      line.submit(batch, at(ended), size - all.size() % 10);
    else
      line.submit(batch, {}, 0);
    transactions = ended;
    auto durable = line.durable();
    if (durable && durable->ack < acknowledged) ++wrong;
    if (durable) acknowledged = durable->ack;
  }
  line.finish();
  CHECK(wrong == 0);
  CHECK(line.durable() == at(transactions));
  CHECK(to.data() == all.substr(0, transactions * 10));
}
