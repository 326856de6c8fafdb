#include "binlog/copy_key.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace tidewire::binlog;

namespace {

std::optional<copy_key> key_of(const std::vector<column_facts>& columns, const key_facts& key) {
  return copy_key_of(definition_of("s", "t", columns, false), columns, key);
}

/// Of one column.
key_column column_of(const std::string& type, const std::string& set = "",
                     const std::string& collation = "") {
  auto key = key_of({{"k", type, set, true}}, {"PRIMARY", {{"k", false, false, collation}}});
  REQUIRE(key);
  return key->columns[0];
}

}  // namespace

TEST_CASE("A copy's ranges are conditions that the server makes ranges of its index of", "[copy]") {
  std::vector<column_facts> columns{
      {"a", "int(11)", "", true}, {"x", "text", "utf8mb4", false}, {"b`", "int unsigned", "", true}};
  auto one = key_of(columns, {"PRIMARY", {{"a"}}});
  CHECK(range_clause(*one, {}) == " FORCE INDEX (`PRIMARY`) ORDER BY `a`");
  CHECK(range_clause(*one, {{"-5"}, {}}) == " FORCE INDEX (`PRIMARY`) WHERE (`a`>-5) ORDER BY `a`");
  CHECK(range_clause(*one, {{}, {"7"}}) == " FORCE INDEX (`PRIMARY`) WHERE (`a`<=7) ORDER BY `a`");
  CHECK(range_clause(*one, {{"1"}, {"7"}}) ==
        " FORCE INDEX (`PRIMARY`) WHERE (`a`>1) AND (`a`<=7) ORDER BY `a`");
  auto two = key_of(columns, {"u", {{"b`", true}, {"a"}}});
  CHECK(
      range_clause(*two, {{"9", "-1"}, {"3", "4"}}) ==
      " FORCE INDEX (`u`) WHERE ((`b```<9) OR (`b```=9 AND `a`>-1)) AND ((`b```>3) OR (`b```=3 AND `a`<=4)) "
      "ORDER BY `b``` DESC,`a`");
  CHECK(selected_key(*two) == "`b```,`a`");
}

TEST_CASE("Literals of a key's values are exact, and nothing else passes for one", "[copy]") {
  key_column number = column_of("decimal(65,30)");
  CHECK(literal_of(number, "-123456789012345678901234567890.000000000000000000000000000001") ==
        "-123456789012345678901234567890.000000000000000000000000000001");
  CHECK(literal_of(number, "18446744073709551615") == "18446744073709551615");
  for (const char* each : {"", "-", "1e5", "1.", ".5", "0x1", "1 OR 1=1", "--1", "NULL", "1;", "+1"})
    CHECK_FALSE(literal_of(number, each));
  key_column time = column_of("time(6)");
  CHECK(literal_of(time, "-838:59:59.000000") == "'-838:59:59.000000'");
  CHECK(literal_of(time, "0000-00-00 00:00:00") == "'0000-00-00 00:00:00'");
  for (const char* each : {"", "x", "1'", "1\\"}) CHECK_FALSE(literal_of(time, each));
  key_column binary = column_of("varbinary(10)");
  CHECK(literal_of(binary, "") == "x''");
  CHECK(literal_of(binary, std::string_view("\0'\xff", 3)) == "x'0027ff'");
  CHECK(literal_of(binary, std::string(max_key_value_bytes, 'x')));
  CHECK_FALSE(literal_of(binary, std::string(max_key_value_bytes + 1, 'x')));
  key_column text = column_of("varchar(10)", "utf8mb4", "utf8mb4_0900_ai_ci");
  CHECK(literal_of(text, "ä'") == "_utf8mb4 x'c3a427' COLLATE utf8mb4_0900_ai_ci");
  CHECK_FALSE(literal_of(text, "\xc3"));  // the server would refuse it
  CHECK(text.selected.empty());
  CHECK(column_of("char(10)", "utf8mb3", "utf8mb3_bin").selected == "CAST(`k` AS BINARY)");
  key_column chinese = column_of("char(10)", "gbk", "gbk_chinese_ci");
  CHECK(literal_of(chinese, "\xd6\xd0") == "_gbk x'd6d0' COLLATE gbk_chinese_ci");
  CHECK_FALSE(literal_of(chinese, "\xd6"));
  CHECK(chinese.selected.empty());  // the row has its bytes
  CHECK_FALSE(literal_of(column_of("char(10)", "ascii", "ascii_bin"), "\x80"));
  CHECK(column_of("enum('b','a')", "latin1", "latin1_swedish_ci").selected == "`k`+0");
  CHECK(column_of("bit(64)").selected == "`k`+0");
  CHECK(column_of("int(5) unsigned zerofill").selected == "`k`");
}

TEST_CASE("A key that can't be paged exactly is none", "[copy]") {
  auto none = [](const std::string& type, const std::string& set, const key_facts::part& part) {
    return !key_of({{"k", type, set, true}}, {"PRIMARY", {part}});
  };
  CHECK(none("double", "", {"k"}));
  CHECK(none("float", "", {"k"}));
  CHECK(none("json", "", {"k"}));
  CHECK(none("varchar(20)", "utf8mb4", {"k", false, true, "utf8mb4_bin"}));  // its first characters
  CHECK(none("varchar(20)", "klingon", {"k", false, false, "klingon_ci"}));
  CHECK(none("varchar(20)", "utf8mb4", {"k", false, false, "utf8mb4_bin OR 1"}));
  CHECK(none("varchar(20)", "utf8mb4", {"k"}));
  CHECK(none("int", "", {"other"}));
  CHECK_FALSE(key_of({{"k", "int", "", true}}, {"PRIMARY", {}}));
  CHECK_FALSE(key_of({{"k", "int", "", true}}, {"PRIMARY", std::vector<key_facts::part>(33, {"k"})}));
  CHECK_FALSE(none("int", "", {"k"}));
  auto labels = key_of({{"k", "set('a')", "latin1", true}}, {"PRIMARY", {{"k"}}});
  CHECK_FALSE(has_literals(*labels, {}));
  CHECK_FALSE(has_literals(*labels, {"1", "2"}));
  CHECK(has_literals(*labels, {"1"}));
}

TEST_CASE("Ranges of labels are lists of their numbers", "[copy]") {
  std::vector<column_facts> columns{{"e", "enum('z','a','m')", "utf8mb4", true},
                                    {"s", "set('x','y')", "utf8mb4", true},
                                    {"n", "int", "", true}};
  auto one = key_of(columns, {"PRIMARY", {{"e"}}});
  CHECK(one->finds_ranges);
  const std::string head = " FORCE INDEX (`PRIMARY`) WHERE ";
  CHECK(range_clause(*one, {{"1"}, {}}) == head + "(`e` IN (2,3)) ORDER BY `e`");
  CHECK(range_clause(*one, {{"0"}, {"2"}}) == head + "(`e` IN (1,2,3)) AND (`e` IN (0,1,2)) ORDER BY `e`");
  CHECK(range_clause(*one, {{"3"}, {}}) == head + "(1=0) ORDER BY `e`");
  CHECK(range_clause(*one, {{}, {"0"}}) == head + "(`e` IN (0,65535)) ORDER BY `e`");
  auto three = key_of(columns, {"PRIMARY", {{"e", true}, {"s"}, {"n"}}});
  CHECK(range_clause(*three, {{"0", "3", "7"}, {"3", "0", "8"}}) ==
        head +
            "((`e` IN (0,65535) AND `s` IN (3,65535) AND `n`>7)) AND ((`e` IN (3,65535) AND `s` IN (0,65535) "
            "AND `n`<=8)) "
            "ORDER BY `e` "
            "DESC,`s`,`n`");
  CHECK(range_clause(*three, {{"2", "1", "7"}, {}}) ==
        head +
            "((`e` IN (0,1)) OR (`e` IN (2,65535) AND `s` IN (2,3)) OR (`e` IN (2,65535) AND `s` IN "
            "(1,65535) AND "
            "`n`>7)) ORDER BY `e` "
            "DESC,`s`,`n`");
  for (const char* each : {"4", "-1", "1.5", "18446744073709551616"})
    CHECK_FALSE(literal_of(one->columns[0], each));
  auto members = [](int count) {
    std::string type = "set(";
    for (int i = 0; i < count; ++i) type += (i ? ",'" : "'") + std::to_string(i) + "'";
    return column_of(type + ")", "latin1").labels;
  };
  CHECK(members(1) == 1);
  CHECK(members(10) == max_listed_labels);
  CHECK(members(64) == 18446744073709551615u);
}
