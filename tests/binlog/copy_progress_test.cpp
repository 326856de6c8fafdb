#include "binlog/copy_progress.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace tidewire::binlog;

namespace {

const std::string rows = "rows exact binlog.000001:4";
const std::string table = "table 0123456789abcdef 7 ";
const std::string name = " `d`.`t`";

bool is_legal(const std::string& line) {
  return parse_copy({rows, line}).has_value();
}

}  // namespace

TEST_CASE("How far a copy has come is kept as lines", "[copy]") {
  copy_progress progress;
  progress.place = "log with space.000001:4";
  progress.tables[{"d", "t"}] = {"d",
                                 "t",
                                 "0123456789abcdef",
                                 7,
                                 {{{}, {"1"}}, {{"5", ""}, {"9", std::string("\0\xff", 2)}}, {{"10"}, {}}}};
  progress.tables[{"d`.`", " x,"}] = {"d`.`", " x,", "ffffffffffffffff", 0, {}};
  progress.tables[{"d", "whole"}] = {"d", "whole", "ffffffffffffffff", 18446744073709551615u, {{}}};
  std::vector<std::string> lines{rows_line(progress)};
  for (const auto& [key, each] : progress.tables) lines.push_back(line_of(each));
  CHECK(lines == std::vector<std::string>{"rows later log with space.000001:4",
                                          "table 0123456789abcdef 7 -..x31,x35+x..x39+x00ff,x3130..- `d`.`t`",
                                          "table ffffffffffffffff 18446744073709551615 -..- `d`.`whole`",
                                          "table ffffffffffffffff 0 none `d``.```.` x,`"});
  auto again = parse_copy(lines);
  REQUIRE(again);
  CHECK(again->place == progress.place);
  CHECK_FALSE(again->exact);
  REQUIRE(again->tables.size() == 3);
  for (const auto& [key, each] : progress.tables) {
    CHECK(again->tables.at(key).ranges == each.ranges);
    CHECK(line_of(again->tables.at(key)) == line_of(each));
  }
  CHECK(again->tables.at({"d", "whole"}).done());
  CHECK_FALSE(again->tables.at({"d", "t"}).done());
  CHECK(parse_copy({})->place.empty());
  CHECK(parse_copy({rows})->exact);
}

TEST_CASE("Lines of a copy that are not legal are refused", "[copy]") {
  for (const char* first :
       {"", "rows", "rows ", "rows exact", "rows exact ", "rows other x:4", "begun", "table"})
    CHECK_FALSE(parse_copy({first}));
  CHECK_FALSE(parse_copy({"rows exact " + std::string(1001, 'x')}));
  CHECK_FALSE(parse_copy({rows, rows}));
  CHECK(is_legal(table + "-..-" + name));
  CHECK_FALSE(parse_copy({rows, table + "none" + name, table + "none" + name}));  // twice
  for (const char* ranges : {"", "-", "..", "-..", "..-", "x31", "31..-", "x3..-", "xgg..-", "x31+..-",
                             "x31..-,", "x31..x31", "-..-,-..-", "-..x31,-..x32", "-..x31,x31..x32",
                             "-..-,x31..-", "-..x31,,x32..-", "NONE", "x31+32..-"})
    CHECK_FALSE(is_legal(table + ranges + name));
  std::string long_value = "x" + std::string(2 * (max_key_value_bytes + 1), '0'), many = "x";
  for (std::size_t i = 0; i < max_key_columns; ++i) many += "+x";
  CHECK_FALSE(is_legal(table + "-.." + long_value + name));
  CHECK(is_legal(table + "-.." + "x" + long_value.substr(3) + name));
  CHECK_FALSE(is_legal(table + "-.." + many + name));
  CHECK(is_legal(table + "-.." + many.substr(2) + name));
  for (const char* names :
       {"", "d.t", "`d`", "`d`.", "`d`.`", "`d`.`t", "`d`.`t`x", "``.`t`", "`d`.``", "`d` .`t`", "`d`.`t``"})
    CHECK_FALSE(is_legal(table + "none " + names));
  CHECK_FALSE(is_legal(table + "none `d`.`" + std::string(257, 't') + "`"));
  for (const char* head :
       {"table ", "table 0123456789abcde 7 ", "table 0123456789abcdeg 7 ", "table 0123456789abcdef x ",
        "table 0123456789abcdef -1 ", "table 0123456789abcdef 18446744073709551616 "})
    CHECK_FALSE(is_legal(head + ("none" + name)));
}

TEST_CASE("A line of a copy that is cut short is refused", "[copy]") {
  std::string whole = table + "-..x31,x35+x..x39+x00" + name;
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(is_legal(whole.substr(0, size)));
}
