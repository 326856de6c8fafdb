#include "pgoutput/copy_ranges.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>

using namespace tidewire::pgoutput;

namespace {

using ranges = std::vector<block_range>;
constexpr std::uint32_t all = no_block_end;

}  // namespace

TEST_CASE("Blocks that were copied are remembered as few ranges", "[copy]") {
  block_map map;
  map.set({0, 10, 1});
  map.set({20, 30, 1});
  CHECK(map.ranges() == ranges{{0, 10, 1}, {20, 30, 1}});
  map.set({10, 20, 1});
  CHECK(map.ranges() == ranges{{0, 30, 1}});
  map.set({5, 7, 2});
  CHECK(map.ranges() == ranges{{0, 5, 1}, {5, 7, 2}, {7, 30, 1}});
  map.set({30, all, 2});
  map.set({0, 30, 2});
  CHECK(map.ranges() == ranges{{0, all, 2}});
}

TEST_CASE("What is missing for a snapshot", "[copy]") {
  block_map map;
  CHECK(map.missing(1) == ranges{{0, all, 0}});
  map.set({4, 8, 1});
  CHECK(map.missing(1) == ranges{{0, 4, 0}, {8, all, 0}});
  CHECK(map.missing(2) == ranges{{0, 4, 0}, {4, 8, 1}, {8, all, 0}});
  map.set({0, 4, 2});
  map.set({8, all, 2});
  CHECK(map.missing(2) == ranges{{4, 8, 1}});
  map.set({4, 8, 2});
  CHECK(map.missing(2).empty());
}

TEST_CASE("Any order of chunks gives the same map, and what is missing is what was not set", "[copy]") {
  std::mt19937 random(7);
  for (int run = 0; run < 300; ++run) {
    constexpr std::uint32_t blocks = 40;
    std::vector<std::uint32_t> truth(blocks, 0);
    block_map map;
    for (int i = 0; i < 12; ++i) {
      std::uint32_t begin = random() % blocks, end = begin + 1 + random() % (blocks - begin);
      std::uint32_t snapshot = 1 + random() % 3;
      map.set({begin, end, snapshot});
      std::fill(truth.begin() + begin, truth.begin() + end, snapshot);
    }
    std::vector<std::uint32_t> found(blocks, 0);
    std::uint32_t last = 0;
    for (const block_range& each : map.ranges()) {
      REQUIRE((each.begin >= last && each.begin < each.end && each.end <= blocks));
      last = each.end;
      std::fill(found.begin() + each.begin, found.begin() + each.end, each.snapshot);
    }
    REQUIRE(found == truth);
    std::vector<bool> wanted(blocks);
    for (const block_range& each : map.missing(3)) {
      for (std::uint32_t i = each.begin; i < std::min(each.end, blocks); ++i) {
        REQUIRE(!wanted[i]);
        wanted[i] = true;
        REQUIRE(truth[i] == each.snapshot);
      }
    }
    for (std::uint32_t i = 0; i < blocks; ++i) REQUIRE(wanted[i] == (truth[i] != 3));
  }
}

TEST_CASE("A plan hands out each block once, in pieces of about the size that is asked for", "[copy]") {
  block_plan plan({{0, all, 0}}, 1000);
  CHECK(plan.next(400) == block_range{0, 400, 0});
  CHECK(plan.next(400) == block_range{400, all, 0});  // 600 is not worth two
  CHECK(plan.next(400) == std::nullopt);
  CHECK(plan.empty());

  block_plan resumed({{0, 100, 1}, {100, 120, 0}, {500, all, 0}}, 500);
  CHECK(resumed.next(64) == block_range{0, 64, 1});
  CHECK(resumed.next(64) == block_range{64, 100, 1});
  CHECK(resumed.next(64) == block_range{100, 120, 0});
  CHECK(resumed.next(64) == block_range{500, all, 0});
  CHECK(resumed.empty());

  block_plan whole({{0, all, 2}}, 1u << 30);
  CHECK(whole.next(0) == block_range{0, all, 2});
  CHECK(whole.empty());
  block_plan nothing({{0, all, 0}}, 0);
  CHECK(nothing.next(64) == block_range{0, all, 0});
  CHECK(nothing.next(64) == std::nullopt);
}

TEST_CASE("The condition of a range", "[copy]") {
  CHECK(range_condition({0, all, 0}).empty());
  CHECK(range_condition({0, 5, 0}) == "ctid < '(5,0)'::pg_catalog.tid");
  CHECK(range_condition({5, all, 0}) == "ctid >= '(5,0)'::pg_catalog.tid");
  CHECK(range_condition({4294967290, 4294967294, 0}) ==
        "ctid >= '(4294967290,0)'::pg_catalog.tid AND ctid < '(4294967294,0)'::pg_catalog.tid");
}

namespace {

/// Whether a row whose xmin has these 32 bits fulfils newer_condition(), taken apart as the server would.
bool fulfils(const std::string& condition, std::uint32_t xmin) {
  if (condition.empty()) return true;
  const std::string xid = "xmin::pg_catalog.text::pg_catalog.int8";
  auto bound = [&](const std::string& op, std::size_t from) -> std::pair<std::uint64_t, bool> {
    std::size_t at = condition.find(xid + op, from);
    if (at == condition.npos) return {0, false};
    return {std::stoull(condition.substr(at + xid.size() + op.size())), true};
  };
  REQUIRE(condition.starts_with(xid + " >= 3 AND "));
  std::size_t rest = (xid + " >= 3 AND ").size();
  auto low = bound(" >= ", rest), high = bound(" <= ", rest);
  REQUIRE((low.second && high.second));
  bool either = condition.find(" OR ") != condition.npos;
  bool above = xmin >= low.first, below = xmin <= high.first;
  return xmin >= 3 && (either ? above || below : above && below);
}

}  // namespace

TEST_CASE("Rows that are new since a snapshot are found, across the wrap of the counter", "[copy]") {
  constexpr std::uint64_t epoch = std::uint64_t{1} << 32;
  struct {
    std::uint64_t since, now;
  } cases[] = {{700, 800},
               {epoch - 50, epoch + 50},
               {epoch + 3, epoch + 4},
               {3 * epoch - 1, 3 * epoch + 1'000'000},
               {2 * epoch + 100, 3 * epoch + 99},
               {700, 700},
               {5, 3 * epoch}};
  for (const auto& each : cases) {
    CAPTURE(each.since, each.now);
    std::string condition = newer_condition(each.since, each.now);
    std::vector<std::uint64_t> samples{each.since, each.since + 1, (each.since + each.now) / 2, each.now - 1};
    for (std::uint64_t xid : samples) {
      auto bits = static_cast<std::uint32_t>(xid);
      bool ordinary = bits >= 3;  // the counter leaves these out when it wraps
      if (ordinary && xid >= each.since && xid < each.now) CHECK(fulfils(condition, bits));
    }
    // What was over at the snapshot and not frozen for 2^31 transactions is not read again.
    if (each.now - each.since < epoch / 4)
      for (std::uint64_t before : {1u, 2u, 1000u})
        if (each.since > before + 3 && static_cast<std::uint32_t>(each.since - before) >= 3)
          CHECK(!fulfils(condition, static_cast<std::uint32_t>(each.since - before)));
    if (!condition.empty()) CHECK(!fulfils(condition, 2));
  }
  CHECK(newer_condition(800, 700).empty());  // makes no sense: everything is read
}
