#include "pgoutput/copy_progress.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

std::vector<std::string> lines_of(const copy_progress& of) {
  std::vector<std::string> lines;
  for (const copy_snapshot& each : of.snapshots) lines.push_back(line_of(each));
  for (const auto& [oid, table] : of.tables) lines.push_back(line_of(table));
  return lines;
}

copy_progress example() {
  copy_progress progress;
  progress.snapshots = {{wire::lsn{0x16b3748}, "731:735:731,733"},
                        {wire::lsn{0x2000000}, "5000000000:5000000000:"}};
  copied_table table{16385, "0123456789abcdef", 1000, {}};
  copied_part part{16385, 16390, {}};
  part.done.set({0, 512, 1});
  part.done.set({512, 600, 2});
  part.done.set({700, no_block_end, 1});
  table.parts.push_back(part);
  table.parts.push_back({16400, 16401, {}});
  progress.tables.emplace(table.oid, table);
  progress.tables.emplace(4294967295, copied_table{4294967295, "f", 0, {}});
  return progress;
}

}  // namespace

TEST_CASE("How far a copy has come, as lines and back", "[copy]") {
  std::vector<std::string> lines = lines_of(example());
  CHECK(lines == std::vector<std::string>{
                     "snapshot 0/16B3748 731:735:731,733",
                     "snapshot 0/2000000 5000000000:5000000000:",
                     "table 16385 0123456789abcdef 1000 16385:16390:0-512@1,512-600@2,700-@1 16400:16401:",
                     "table 4294967295 f 0",
                 });
  auto again = parse_copy(lines);
  REQUIRE(again);
  CHECK(again->snapshots == example().snapshots);
  CHECK(lines_of(*again) == lines);
  CHECK(again->tables.at(16385).parts.at(0).done.ranges().size() == 3);
  CHECK(parse_copy({}).has_value());
}

TEST_CASE("A line of a copy that is cut or not legal is refused", "[copy]") {
  const std::string snapshot = "snapshot 0/16B3748 731:731:";
  const std::vector<std::string> bad{
      "",
      "table",
      "table 1",
      "table 1 f",
      "table 1 f x",
      "table 1  5",
      "table 4294967296 f 0",
      "table 1 f 0 1:2:0-5@0",
      "table 1 f 0 1:2:0-5@2",
      "table 1 f 0 1:2:0-5",
      "table 1 f 0 1:2:5-5@1",
      "table 1 f 0 1:2:0-5@1,4-6@1",
      "table 1 f 0 1:2:0-@1,5-6@1",
      "table 1 f 0 1:2:0-5@1x",
      "table 1 f 0 1:x:",
      "table 1 f 0 1",
      "table -1 f 0",
      "tables 1 f 0",
      "snapshot",
      "snapshot 0/1",
      "snapshot 0/1 a:b:",
      "snapshot 01 1:2:",
      "snapshot 0/1 5:4:",
  };
  for (const std::string& line : bad) {
    CAPTURE(line);
    CHECK(!parse_copy({snapshot, line}));
  }
  CHECK(!parse_copy({"table 1 f 0"}));                      // as of no snapshot
  CHECK(!parse_copy({snapshot, "table 1 f 0", snapshot}));  // their numbers have been used
  CHECK(!parse_copy({snapshot, "table 1 f 0", "table 1 f 0"}));
  CHECK(parse_copy({snapshot, "table 1 f 0 1:2:0-5@1,5-6@1"}));
}

TEST_CASE("A table with very many ranges is read in a time that fits its length", "[copy]") {
  std::string line = "table 1 f 0 1:2:";
  const std::size_t many = 300'000;
  for (std::size_t i = 0; i < many; ++i)
    line += (i == 0 ? "" : ",") + std::to_string(2 * i) + "-" + std::to_string(2 * i + 1) + "@1";
  auto progress = parse_copy({"snapshot 0/1 1:1:", line});
  REQUIRE(progress);
  CHECK(progress->tables.at(1).parts.at(0).done.ranges().size() == many);
  CHECK(line_of(progress->tables.at(1)) == line);
}

TEST_CASE("Snapshots that nothing is as of are forgotten", "[copy]") {
  copy_progress progress = example();
  progress.snapshots.insert(progress.snapshots.begin(), {wire::lsn{1}, "1:1:"});
  for (auto& [oid, table] : progress.tables)
    for (copied_part& part : table.parts) {
      block_map later;
      for (const block_range& each : part.done.ranges()) later.set({each.begin, each.end, each.snapshot + 1});
      part.done = later;
    }
  progress.snapshots.push_back({wire::lsn{2}, "2:2:"});
  prune(progress);
  CHECK(lines_of(progress) == lines_of(example()));
  copy_progress nothing;
  nothing.snapshots = {{wire::lsn{1}, "1:1:"}};
  prune(nothing);
  CHECK(nothing.snapshots.empty());
}

TEST_CASE("The bounds of a snapshot", "[copy]") {
  auto bounds = bounds_of("10:20:10,14,15");
  REQUIRE(bounds);
  CHECK(bounds->xmin == 10);
  CHECK(bounds->xmax == 20);
  CHECK(bounds_of("10:10:"));
  CHECK(!bounds_of("10:9:"));
  CHECK(!bounds_of("10"));
  CHECK(!bounds_of(""));
}
