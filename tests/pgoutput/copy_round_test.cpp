#include "pgoutput/copy_round.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <thread>

#include "core/encoder.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

class memory_sink : public sink {
 public:
  void write(std::string_view lines) override { text += lines; }
  std::uint64_t offset() const override { return text.size(); }
  void sync() override {}
  void cut(std::uint64_t offset) override { text.resize(offset); }
  std::string text;
};

listed_table table_of(std::uint32_t oid, std::string name, std::uint32_t blocks, bool keyed = true) {
  listed_table made;
  made.described.oid = oid;
  made.described.version = 1;
  made.described.schema = "public";
  made.described.name = name;
  made.described.columns = {{"id", 25, -1, static_cast<std::uint8_t>(keyed)}};
  made.forms = {copy_form::bytes};
  made.select_list = "\"id\"";
  stored_part part;
  part.oid = oid;
  part.name = "\"public\".\"" + name + "\"";
  part.file = oid + 1;
  part.blocks = blocks;
  part.bytes = std::uint64_t{blocks} * 8192;
  made.parts = {part};
  return made;
}

/// A round over tables, and workers that read rows which the test makes up.
struct fixture {
  explicit fixture(memory_sink& to, std::vector<listed_table> tables, copy_progress before = {},
                   copy_snapshot now = {wire::lsn{0x100}, "700:700:"}, std::uint64_t chunk_blocks = 10)
      : lines(to, nullptr, {}, limits(), [] {}),
        round(std::move(tables), std::move(before), std::move(now), lines, checkpoint{"0/100", 256, 0, 0},
              {150'000, true, 2, 2, chunk_blocks * 8192}, [this] { ++turns_free; }) {
    round.begin();
  }

  static pipeline::limits limits() {
    pipeline::limits bounds;
    bounds.batch_bytes = 200;
    bounds.batches = 2 * 3 + 1;
    return bounds;
  }

  struct reader {
    explicit reader(copy_round& round) : into(round) {}
    copy_round::worker into;
    copy_rows rows;
    std::optional<copy_chunk> chunk;
  };

  void start(reader& with, const copy_chunk& chunk) {
    with.chunk = chunk;
    with.into.begin(chunk);
    with.rows.begin(round.lines_of(chunk), round.position());
    payload.clear();
    encoder out(payload);
    wire::encode_copy_header(out, {});
    give(with);
  }

  /// False when there is no room for the row.
  bool row(reader& with, std::string_view text) {
    if (!with.into.has_room()) return false;
    payload.clear();
    encoder out(payload);
    value one{text.data(), static_cast<std::uint32_t>(text.size()), value_kind::binary};
    wire::encode_copy_row(out, std::span<const value>(&one, 1));
    give(with);
    with.into.wrote();
    return true;
  }

  void trailer(reader& with) {
    payload.clear();
    encoder out(payload);
    wire::encode_copy_trailer(out);
    give(with);
    with.rows.end();
  }

  void give(reader& with) {
    std::size_t size = payload.size();
    payload.resize(size + json::input_padding);
    if (with.into.has_room()) with.rows.write_to(with.into.buffer());
    with.rows.take(byte_view(payload).first(size));
  }

  /// A whole chunk of one row; batches come back from the writer's thread.
  void whole(reader& with, const copy_chunk& chunk, std::string_view text) {
    eventually([&] {
      with.into.begin(chunk);
      return with.into.has_room();
    });
    with.rows.begin(round.lines_of(chunk), round.position());
    payload.clear();
    encoder out(payload);
    wire::encode_copy_header(out, {});
    give(with);
    eventually([&] { return row(with, text); });
    trailer(with);
    eventually([&] { return with.into.finish(with.rows.rows()); });
  }

  template <class F>
  static void eventually(F condition) {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!condition()) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      std::this_thread::yield();
    }
  }

  pipeline lines;
  std::vector<std::uint8_t> payload;
  int turns_free = 0;
  copy_round round;
};

std::string read_line(std::string_view table, std::string_view id, std::string_view at = "0/100") {
  return R"({"v":1,"op":"read","schema":"public","table":")" + std::string(table) + R"(","lsn":")" +
         std::string(at) + R"(","after":{"id":")" + std::string(id) + "\"}}\n";
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("A copy is told from its beginning to its end", "[copy]") {
  memory_sink to;
  fixture f(to, {table_of(10, "a", 5), table_of(20, "b", 0)});
  fixture::reader one(f.round);
  auto chunk = f.round.next(std::nullopt);
  REQUIRE(chunk);
  CHECK(f.round.query_of(*chunk) ==
        "COPY (SELECT \"id\" FROM ONLY \"public\".\"a\") TO STDOUT (FORMAT binary)");
  f.whole(one, *chunk, "x");
  chunk = f.round.next(chunk);
  REQUIRE(chunk);
  f.whole(one, *chunk, "y");
  CHECK(!f.round.next(chunk));
  CHECK(f.round.complete());
  fixture::eventually([&] { return f.round.end(); });
  f.lines.finish();
  auto mark = [](const char* stage, const char* table, const char* more) {
    std::string name = *table ? R"(,"schema":"public","table":")" + std::string(table) + '"' : "";
    return R"({"v":1,"op":"snapshot","stage":")" + std::string(stage) + '"' + name +
           R"(,"lsn":"0/100","snapshot":"700:700:")" + more + "}\n";
  };
  auto schema = [](int oid, const char* table) {
    return R"({"v":1,"op":"schema","schema":"public","table":")" + std::string(table) + R"(","oid":)" +
           std::to_string(oid) +
           R"(,"identity":"default","columns":[{"name":"id","type":"text","type_oid":25,"typmod":-1,)" +
           R"("key":true}]})" + "\n";
  };
  CHECK(to.text == mark("begin", "", R"(,"tables":2)") + mark("begin", "a", "") + schema(10, "a") +
                       read_line("a", "x") + mark("end", "a", R"(,"rows":1)") + mark("begin", "b", "") +
                       schema(20, "b") + read_line("b", "y") + mark("end", "b", R"(,"rows":1)") +
                       mark("end", "", R"(,"tables":2,"rows":2)"));
  auto last = f.lines.durable();
  REQUIRE(last);
  CHECK(last->copy.empty());
}

TEST_CASE("Chunks of several workers stand in one piece each, and none waits for ever", "[copy]") {
  memory_sink to;
  fixture f(to, {table_of(10, "a", 100)});
  fixture::reader one(f.round), two(f.round);
  auto first = f.round.next(std::nullopt), second = f.round.next(std::nullopt);
  REQUIRE((first && second));
  CHECK(first->opens);
  CHECK(!second->opens);
  f.start(one, *first);
  f.start(two, *second);
  // The second fills its share, and has to wait: its table's first lines are not there yet.
  int rows_of_two = 0;
  while (f.row(two, "two")) REQUIRE(++rows_of_two < 100);
  CHECK(rows_of_two > 2);
  f.trailer(two);
  CHECK(!two.into.finish(two.rows.rows()));
  // The first has more than its share, and then the turn.
  for (int i = 0; i < 50; ++i) fixture::eventually([&] { return f.row(one, "one"); });
  f.trailer(one);
  CHECK(!two.into.finish(two.rows.rows()));
  int before = f.turns_free;
  fixture::eventually([&] { return one.into.finish(one.rows.rows()); });
  CHECK(f.turns_free == before + 1);
  fixture::eventually([&] { return two.into.finish(two.rows.rows()); });
  f.lines.finish();
  CHECK(count(to.text, "\"one\"") == 50);
  CHECK(count(to.text, "\"two\"") == static_cast<std::size_t>(rows_of_two));
  CHECK(to.text.rfind("\"one\"") < to.text.find("\"two\""));
  CHECK(f.round.totals().rows == 50u + static_cast<unsigned>(rows_of_two));
}

TEST_CASE("A copy that was cut off goes on with what is missing and what is new", "[copy]") {
  memory_sink to;
  copy_progress progress;
  {
    fixture f(to,
              {table_of(10, "a", 40), table_of(20, "keyless", 40, false), table_of(30, "done", 0, false)});
    fixture::reader one(f.round);
    auto first = f.round.next(std::nullopt);  // blocks 0 to 10 of a
    f.whole(one, *first, "a1");
    auto second = f.round.next(first);
    f.whole(one, *second, "a2");
    copy_chunk other{1, 0, {0, 10, 0}, true};
    while (true) {
      auto next = f.round.next(std::nullopt);
      REQUIRE(next);
      if (next->table == 0) continue;  // read by somebody who is cut off
      other = *next;
      break;
    }
    f.whole(one, other, "k1");
    copy_chunk last = other;
    while (last.table != 2) last = *f.round.next(std::nullopt);
    f.whole(one, last, "d1");
    f.lines.finish();
    progress = f.round.progress();
  }
  // As if read from the position file.
  std::vector<std::string> lines;
  for (const auto& each : progress.snapshots) lines.push_back(line_of(each));
  for (const auto& [oid, table] : progress.tables) lines.push_back(line_of(table));
  auto again = parse_copy(lines);
  REQUIRE(again);
  fixture f(to, {table_of(10, "a", 50), table_of(20, "keyless", 40, false), table_of(30, "done", 0, false)},
            *again, {wire::lsn{0x200}, "800:800:"}, 100);
  CHECK(f.round.totals().tables_done == 1);
  std::vector<std::string> queries;
  fixture::reader one(f.round);
  std::optional<copy_chunk> chunk;
  while ((chunk = f.round.next(chunk))) {
    queries.push_back(f.round.query_of(*chunk));
    f.whole(one, *chunk, "again");
  }
  const std::string xid = "xmin::pg_catalog.text::pg_catalog.int8";
  CHECK(queries ==
        std::vector<std::string>{
            "COPY (SELECT \"id\" FROM ONLY \"public\".\"a\" WHERE ctid < '(20,0)'::pg_catalog.tid AND (" +
                xid + " >= 3 AND " + xid + " >= 700 AND " + xid + " <= 800)) TO STDOUT (FORMAT binary)",
            "COPY (SELECT \"id\" FROM ONLY \"public\".\"a\" WHERE ctid >= '(20,0)'::pg_catalog.tid) "
            "TO STDOUT (FORMAT binary)",
            "COPY (SELECT \"id\" FROM ONLY \"public\".\"keyless\") TO STDOUT (FORMAT binary)"});
  CHECK(f.round.complete());
  fixture::eventually([&] { return f.round.end(); });
  f.lines.finish();
  CHECK(count(to.text, R"("stage":"resume","lsn":"0/200")") == 1);
  CHECK(count(to.text, R"("stage":"restart","schema":"public","table":"keyless")") == 1);
  CHECK(count(to.text, R"("stage":"restart")") == 1);
  CHECK(count(to.text, R"("stage":"begin")") == 4);
  CHECK(count(to.text, read_line("a", "again", "0/200")) == 2);
  // Rows: 2 + 2 of a, 1 of the one that was read anew, 1 of what was done.
  CHECK(count(to.text, R"("tables":3,"rows":6})") == 1);
}

TEST_CASE("A table that was rewritten or altered is read again from its beginning", "[copy]") {
  for (const char* what : {"file", "column"}) {
    memory_sink to;
    copy_progress progress;
    {
      fixture f(to, {table_of(10, "a", 40)});
      fixture::reader one(f.round);
      f.whole(one, *f.round.next(std::nullopt), "old");
      f.lines.finish();
      progress = f.round.progress();
    }
    listed_table changed = table_of(10, "a", 40);
    if (what == std::string_view("file"))
      changed.parts[0].file = 99;
    else
      changed.described.columns[0].type_id = 1043;
    fixture f(to, {changed}, progress, {wire::lsn{0x200}, "800:800:"}, 100);
    auto chunk = f.round.next(std::nullopt);
    REQUIRE(chunk);
    CHECK(chunk->blocks == block_range{0, no_block_end, 0});
    // What was known of it stays known until the line that makes it void is safe.
    CHECK(f.round.progress().tables.at(10).rows == 1);
    fixture::reader one(f.round);
    f.whole(one, *chunk, "new");
    CHECK(f.round.progress().tables.at(10).rows == 1);
    f.lines.finish();
    CHECK(count(to.text, R"("stage":"restart")") == 1);
  }
}

TEST_CASE("A COPY that is not what was asked for is refused", "[copy]") {
  memory_sink to;
  fixture f(to, {table_of(10, "a", 40)});
  fixture::reader one(f.round);
  auto chunk = f.round.next(std::nullopt);
  f.start(one, *chunk);
  REQUIRE(one.into.has_room());
  one.rows.write_to(one.into.buffer());
  std::vector<std::uint8_t> two_values(64);
  two_values[1] = 2;
  CHECK_THROWS_AS(one.rows.take(byte_view(two_values).first(10)), failure);
  CHECK_THROWS_AS(one.rows.end(), failure);
}
