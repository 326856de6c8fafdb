// A copy by several workers that take turns as chance will have it, and that is cut off again and again.
#include "binlog/copy_round.hpp"

#include <catch2/catch_test_macros.hpp>
#include <map>
#include <random>
#include <thread>

using namespace tidewire;
using namespace tidewire::binlog;

namespace {

class memory_sink : public sink {
 public:
  void write(std::string_view lines) override { text += lines; }
  std::uint64_t offset() const override { return text.size(); }
  void sync() override {}
  void cut(std::uint64_t offset) override { text.resize(offset); }
  std::string text;
};

/// With the numbers from 0 up to its rows as its key.
copy_table table_of(const std::string& name, std::uint64_t rows, bool keyed = true) {
  copy_table made;
  made.schema = "d";
  made.name = name;
  made.columns = {{"id", "int", "", keyed}};
  made.rows = rows;
  made.bytes = rows * 100;
  if (keyed)
    made.key =
        copy_key_of(definition_of("d", name, made.columns, false), made.columns, {"PRIMARY", {{"id"}}});
  return made;
}

std::uint64_t number_behind(const key_values& key) {
  return key.empty() ? 0 : std::stoull(key[0]) + 1;
}

/// One worker, a step at a time.
class reader {
 public:
  reader(copy_round& round, int number) : round_(round), into_(round, "log:" + std::to_string(number)) {}

  /// False: there is nothing left for it.
  bool step(link::clock::time_point now) {
    if (!chunk_) {
      chunk_ = round_.next();
      begun_ = false;
      return chunk_ || round_.waits();
    }
    while (!into_.has_room()) std::this_thread::yield();
    if (!begun_) {
      begin();
    } else if (at_ < end_) {
      row(now);
    } else {
      into_.finish(described_, now);
      chunk_.reset();
    }
    return true;
  }

 private:
  void begin() {
    const copy_table& of = round_.table_of(*chunk_);
    described_ = {};
    described_.schema = of.schema;
    described_.name = of.name;
    into_.begin(*chunk_, described_);
    key_range range = round_.range_of(*chunk_);
    if (chunk_->splits) {
      std::uint64_t last = number_behind(range.after) + round_.chunk_rows(*chunk_) - 1;
      round_.split(*chunk_, last < of.rows ? key_values{std::to_string(last)} : key_values{});
      range = round_.range_of(*chunk_);
    }
    at_ = number_behind(range.after);
    end_ = range.up_to.empty() ? of.rows : number_behind(range.up_to);
    begun_ = true;
  }
  void row(link::clock::time_point now) {
    into_.buffer().text(described_.name + " " + std::to_string(at_) + "\n");
    into_.wrote(5);
    bool keyed = round_.table_of(*chunk_).key.has_value();
    if (into_.full()) into_.hand_over(keyed ? key_values{std::to_string(at_)} : key_values{}, now);
    ++at_;
  }

  copy_round& round_;
  copy_round::worker into_;
  std::optional<copy_chunk> chunk_;
  tidewire::table described_;
  bool begun_ = false;
  std::uint64_t at_ = 0, end_ = 0;
};

struct simulation {
  std::vector<copy_table> tables;
  std::size_t workers = 3;
  memory_sink sink{};
  copy_progress progress{"log:0", true, {}};
  int rounds = 0;
  std::uint64_t rows_told = 0;

  /// So many steps, or to the end: then it is true.
  bool run(std::mt19937& chance, int steps) {
    pipeline::limits limits;
    limits.batch_bytes = 60;
    limits.batches = 2 * workers + 1;
    pipeline lines(sink, nullptr, {}, limits, [] {});
    copy_round round(tables, progress, rounds++ > 0, "log:0", lines, checkpoint{"gtid:", 0, 0, 0},
                     {workers, 1, false}, [] {});
    round.begin();
    std::vector<std::unique_ptr<reader>> readers;
    for (std::size_t i = 0; i < workers; ++i) readers.push_back(std::make_unique<reader>(round, i));
    link::clock::time_point now{};
    bool complete = false;
    while (steps-- > 0 && !complete) {
      now += std::chrono::milliseconds{chance() % 30};
      readers[chance() % workers]->step(now);
      complete = round.complete();
    }
    if (complete)
      while (!round.end()) std::this_thread::yield();
    else if (chance() % 2)
      round.pause();
    lines.finish();
    std::vector<std::string> kept;
    std::optional<checkpoint> durable = lines.durable();
    for (const auto& each : durable->copy) kept.push_back(*each);
    auto parsed = parse_copy(kept);
    REQUIRE(parsed);
    REQUIRE(kept.empty() == complete);
    if (!complete) progress = *parsed;
    rows_told = round.totals().rows;
    return complete;
  }

  /// The rows that count, by table, and how often each is there.
  std::map<std::string, std::map<std::uint64_t, int>> rows() const {
    std::map<std::string, std::map<std::uint64_t, int>> found;
    std::map<std::string, bool> open;
    std::size_t at = 0;
    while (at < sink.text.size()) {
      std::size_t end = sink.text.find('\n', at);
      std::string line = sink.text.substr(at, end - at);
      at = end + 1;
      for (const copy_table& each : tables) {
        bool of_it = line.contains(R"("table":")" + each.name + '"');
        if (of_it && (line.contains(R"("stage":"begin")") || line.contains(R"("stage":"restart")")))
          found[each.name].clear(), open[each.name] = true;
      }
      if (line.starts_with('{')) continue;
      std::size_t space = line.find(' ');
      std::string name = line.substr(0, space);
      REQUIRE(open[name]);
      ++found[name][std::stoull(line.substr(space + 1))];
    }
    return found;
  }
};

}  // namespace

TEST_CASE("Each row is copied once, however often the copy is cut off", "[copy]") {
  std::mt19937 chance(7);
  for (int run = 0; run < 60; ++run) {
    simulation of;
    of.workers = 1 + chance() % 4;
    of.tables = {table_of("big", 100 + chance() % 900), table_of("none", 0),
                 table_of("bare", chance() % 60, false), table_of("small", chance() % 5)};
    int left = 1000;
    while (!of.run(chance, 1 + static_cast<int>(chance() % 400))) REQUIRE(--left > 0);
    auto found = of.rows();
    std::uint64_t all = 0;
    for (const copy_table& each : of.tables) {
      INFO(each.name << " with " << of.workers << " workers, " << of.rounds << " rounds");
      REQUIRE(found[each.name].size() == each.rows);
      for (const auto& [id, times] : found[each.name]) REQUIRE(times == 1);
      all += each.rows;
    }
    CHECK(of.rows_told == all);
    CHECK(of.sink.text.ends_with(R"("tables":4,"rows":)" + std::to_string(all) + "}\n"));
  }
}

TEST_CASE("A table whose columns or key are others than before is read again", "[copy]") {
  std::mt19937 chance(1);
  simulation of;
  of.workers = 1;
  of.tables = {table_of("t", 500)};
  REQUIRE_FALSE(of.run(chance, 300));
  REQUIRE_FALSE(of.progress.tables.at({"d", "t"}).ranges.empty());
  SECTION("another column") {
    of.tables[0].columns.push_back({"more", "int", "", false});
  }
  SECTION("no key any more") {
    of.tables[0].key.reset();
  }
  SECTION("a key that is none of the column's values") {
    of.progress.tables.at({"d", "t"}).ranges.back().up_to = {"x"};
  }
  SECTION("of too many columns") {
    of.progress.tables.at({"d", "t"}).ranges.back().up_to = {"1", "2"};
  }
  while (!of.run(chance, 1000)) {
  }
  CHECK(of.sink.text.contains(R"("stage":"restart","schema":"d","table":"t")"));
  CHECK(of.rows()["t"].size() == 500);
}

TEST_CASE("A table that was copied whole stays so, whatever becomes of it", "[copy]") {
  std::mt19937 chance(1);
  simulation of;
  of.tables = {table_of("a", 3, false), table_of("b", 1000, false)};
  of.workers = 1;
  REQUIRE_FALSE(of.run(chance, 200));
  REQUIRE(of.progress.tables.at({"d", "a"}).done());
  of.tables[0].columns.push_back({"more", "int", "", false});
  of.tables.pop_back();
  of.tables.push_back(table_of("c", 2));
  REQUIRE(of.run(chance, 1000));
  CHECK_FALSE(of.sink.text.contains(R"("stage":"restart","schema":"d","table":"a")"));
  CHECK(of.rows()["a"].size() == 3);
  CHECK(of.rows()["c"].size() == 2);
}
