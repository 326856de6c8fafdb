#include <catch2/catch_test_macros.hpp>

#include "binlog/grants.hpp"
#include "binlog/sql_text.hpp"

using namespace tidewire::binlog;
using kind = grant_line::kind;
using scope = grant_line::scope;

namespace {

grant_line parsed(std::string_view line) {
  INFO(line);
  auto found = parse_grant(line);
  REQUIRE(found.has_value());
  return *found;
}

grant_list list_of(std::initializer_list<std::string_view> lines) {
  grant_list list;
  for (std::string_view line : lines) list.add(line);
  return list;
}

using names = std::vector<std::string>;

// As servers of every kind print them.
const std::vector<std::string_view> known{
    "GRANT USAGE ON *.* TO `u`@`%`",
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION",
    "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'u'@'10.%'",
    "GRANT BACKUP_ADMIN,BINLOG_ADMIN ON *.* TO `pr`@`%` WITH GRANT OPTION",
    "GRANT SELECT ON `a\\_b%`.* TO `u`@`%` WITH GRANT OPTION",
    "GRANT SELECT (`id`, `we``ird`), INSERT ON `d`.`t` TO `u`@`%`",
    "GRANT EXECUTE ON FUNCTION `d`.`f` TO `u`@`%`",
    "GRANT EXECUTE ON PACKAGE BODY `d`.`p` TO `u`@`%`",
    "GRANT `r1`@`%`,`r2`@`%` TO `u`@`%` WITH ADMIN OPTION",
    "GRANT `r2` TO `u`@`%`",
    "GRANT r2 TO u@%",
    "SET DEFAULT ROLE `r1` FOR `u`@`%`",
    "GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION",
    "REVOKE SELECT ON `d`.* FROM `pr`@`%`",
    "GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*D8' REQUIRE SSL WITH GRANT OPTION "
    "MAX_QUERIES_PER_HOUR 10",
    "GRANT SELECT ON d.t TO u@localhost",
    "GRANT SELECT ON \"d\"\"q\".\"t\" TO \"u\"@\"%\"",
    "GRANT INSERT ON `d`.* TO `o``d'd`@`127.%`",
    "GRANT DELETE HISTORY, SLAVE MONITOR, BINLOG MONITOR ON *.* TO `u`@`%` IDENTIFIED VIA ed25519 USING "
    "'x/y+z' "
    "OR unix_socket",
};

}  // namespace

TEST_CASE("Lines of SHOW GRANTS", "[grants]") {
  for (std::string_view line : known) parsed(line);
  grant_line one = parsed("GRANT SELECT (`id`, `we``ird`), INSERT ON `d`.`t` TO `u`@`%`");
  CHECK((one.is == kind::privileges && one.on == scope::table && one.schema == "d" && one.table == "t"));
  CHECK(one.column_privileges == names{"SELECT"});
  CHECK(one.privileges == names{"INSERT"});
  CHECK(one.grantee == "u");
  one = parsed("grant  replication\tslave , Select on *.* to `o``d'd`@`127.%` with grant option");
  CHECK(one.privileges == names{"REPLICATION SLAVE", "SELECT"});
  CHECK((one.on == scope::global && one.grant_option && one.grantee == "o`d'd" && !one.requires_tls));
  one = parsed("GRANT `r1`@`%`,`r2`@`%` TO `u`@`%`");
  CHECK((one.is == kind::roles && one.roles == names{"r1", "r2"}));
  one = parsed("REVOKE SELECT ON `d`.* FROM `pr`@`%`");
  CHECK((one.is == kind::revoked && one.on == scope::schema && one.schema == "d"));
  one = parsed("GRANT EXECUTE ON FUNCTION `d`.`f` TO `u`@`%`");
  CHECK((one.is == kind::privileges && one.on == scope::other));
  CHECK(parsed("GRANT SELECT ON `a\\_b%`.* TO `u`@`%`").schema == "a\\_b%");
  CHECK(parsed("GRANT SELECT ON `a``.``b`.`.*` TO `u`@`%`").schema == "a`.`b");
}

TEST_CASE("What an account must do to log in", "[grants]") {
  for (const char* rest : {"SSL", "X509", "ISSUER '/CN=a'", "SUBJECT 'x' AND CIPHER 'y'"}) {
    INFO(rest);
    CHECK(parsed("GRANT USAGE ON *.* TO `u`@`%` REQUIRE " + std::string(rest)).requires_tls);
  }
  for (const char* rest : {"REQUIRE NONE", "PASSWORD REQUIRE CURRENT DEFAULT", "IDENTIFIED BY 'REQUIRE SSL'"})
    CHECK_FALSE(parsed("GRANT USAGE ON *.* TO `u`@`%` " + std::string(rest)).requires_tls);
}

TEST_CASE("A line that is cut off never gives more rights than the whole", "[grants]") {
  for (std::string_view line : known) {
    grant_line whole = parsed(line);
    for (std::size_t size = 0; size < line.size(); ++size) {
      auto cut = parse_grant(line.substr(0, size));
      if (!cut) continue;
      INFO(line.substr(0, size));
      CHECK((cut->is == whole.is && cut->on == whole.on && cut->schema == whole.schema));
      CHECK((cut->table == whole.table && cut->privileges == whole.privileges));
      CHECK((cut->column_privileges == whole.column_privileges && cut->roles == whole.roles));
    }
  }
}

TEST_CASE("What is none of the known forms is not guessed at", "[grants]") {
  for (std::string_view line : {"",
                                " ",
                                "GRANT",
                                "GRANT SELECT",
                                "GRANT SELECT ON",
                                "GRANT SELECT ON *",
                                "GRANT SELECT ON *.t TO `u`",
                                "GRANT SELECT ON *.* TO",
                                "GRANT SELECT ON *.* FROM `u`",
                                "REVOKE SELECT ON *.* TO `u`",
                                "GRANT , ON *.* TO `u`",
                                "GRANT SELECT, ON *.* TO `u`",
                                "GRANT SELECT () ON `d`.`t` TO `u`",
                                "GRANT SELECT (`a` ON `d`.`t` TO `u`",
                                "GRANT `SELECT` ON *.* TO `u`",
                                "GRANT SELECT ON `d TO `u`",
                                "GRANT SELECT ON `d` TO `u`",
                                "GRANT SELECT ON `d`.`t`.`x` TO `u`",
                                "GRANT SELECT ON *.* TO `u`@",
                                "GRANT SELECT ON *.* TO `u`@`h",
                                "DENY SELECT ON *.* TO `u`",
                                "SET ROLE `r`",
                                "GRANT PROXY",
                                "GRANT SELECT ON *.* TO `u`@`%` IDENTIFIED BY 'x",
                                "GRANT SELECT ON FUNCTION *.* TO",
                                "GRANT SELECT ON FUNCTION `d`.* TO `u`"}) {
    INFO(line);
    CHECK_FALSE(parse_grant(line).has_value());
  }
  grant_list list = list_of({"GRANT SELECT ON *.* TO `u`@`%`", "HOLD SELECT"});
  CHECK(list.not_understood == 1);
}

TEST_CASE("Patterns of schemas", "[grants]") {
  struct row {
    const char *pattern, *name;
    bool fits, literal;
  };
  for (const row& each :
       {row{"shop", "shop", true, true}, row{"shop", "shops", false, false},
        row{"shops", "shop", false, false}, row{"sh_p", "shop", true, false},
        row{"sh\\_p", "shop", false, false}, row{"sh\\_p", "sh_p", true, true}, row{"%", "", true, false},
        row{"%", "any", true, false}, row{"a%", "a", true, false}, row{"a%b", "aXbXb", true, false},
        row{"a%b", "aXbX", false, false}, row{"%a%b%", "xxaxxbxx", true, false}, row{"_", "", false, false},
        row{"a\\", "a\\", true, true}, row{"a\\%", "a%", true, true}, row{"a\\%", "ab", false, false},
        row{"", "", true, true}, row{"", "a", false, false}}) {
    INFO(each.pattern << " and " << each.name);
    CHECK(schema_matches(each.pattern, each.name, false) == each.fits);
    CHECK(schema_matches(each.pattern, each.name, true) == each.literal);
  }
}

TEST_CASE("What grants amount to", "[grants]") {
  grant_list list = list_of({"GRANT REPLICATION SLAVE ON *.* TO `u`@`%`", "GRANT SELECT ON `a%`.* TO `u`@`%`",
                             "GRANT INSERT ON `abc`.* TO `u`@`%`", "GRANT SELECT ON `d`.`t` TO `u`@`%`",
                             "GRANT SELECT (`c`) ON `d`.`u` TO `u`@`%`"});
  CHECK(list.global("REPLICATION SLAVE"));
  CHECK_FALSE(list.global("SELECT"));
  CHECK(list.on_table("ax", "t", "SELECT"));
  // The server looks at the name alone where there is one.
  CHECK_FALSE(list.on_table("abc", "t", "SELECT"));
  CHECK(list.on_table("abc", "t", "INSERT"));
  CHECK(list.on_table("d", "t", "SELECT"));
  CHECK_FALSE(list.on_table("d", "u", "SELECT"));
  CHECK_FALSE(list.on_table("d", "T", "SELECT"));
  CHECK(list.anywhere("SELECT"));
  CHECK_FALSE(list.anywhere("DELETE"));
  grant_list folding;
  folding.fold_case = true;
  folding.add("GRANT SELECT ON `D`.`t` TO `u`@`%`");
  CHECK(folding.on_table("d", "T", "SELECT"));
}

TEST_CASE("Which of several patterns counts is not known", "[grants]") {
  grant_list list = list_of({"GRANT SELECT ON `sh%`.* TO `u`@`%`", "GRANT INSERT ON `sh_p`.* TO `u`@`%`",
                             "GRANT SELECT ON `%q`.* TO `r`@`%`"});
  CHECK_FALSE(list.on_schema("shop", "SELECT"));
  CHECK(list.unclear_on_schema("shop", "SELECT"));
  CHECK(list.on_schema("shops", "SELECT"));
  CHECK(list.on_schema("shoq", "SELECT"));
  CHECK_FALSE(list.unclear_on_schema("shops", "SELECT"));
  CHECK_FALSE(list.unclear_on_schema("other", "SELECT"));
  list.add("GRANT SELECT ON `shop`.* TO `u`@`%`");
  CHECK(list.on_schema("shop", "SELECT"));
}

TEST_CASE("Rights of a role add to the account's own", "[grants]") {
  grant_list list = list_of(
      {"GRANT `r` TO `u`@`%`", "GRANT INSERT ON `shop`.* TO `u`@`%`", "GRANT SELECT ON `sh%`.* TO `r`"});
  CHECK(list.on_schema("shop", "SELECT"));
  CHECK(list.roles() == names{"r"});
}

TEST_CASE("Partial revokes", "[grants]") {
  grant_list list = list_of({"GRANT SELECT ON *.* TO `u`@`%`", "REVOKE SELECT ON `shop`.* FROM `u`@`%`",
                             "GRANT SELECT ON `shop`.`items` TO `u`@`%`"});
  list.literal_schemas = true;
  CHECK(list.on_schema("other", "SELECT"));
  CHECK_FALSE(list.on_schema("shop", "SELECT"));
  CHECK(list.on_table("shop", "items", "SELECT"));
  CHECK_FALSE(list.on_table("shop", "orders", "SELECT"));
}

TEST_CASE("ALL PRIVILEGES is every privilege", "[grants]") {
  grant_list list = list_of({"GRANT ALL PRIVILEGES ON `d`.* TO `u`@`%`"});
  CHECK(list.on_schema("d", "SELECT"));
  CHECK_FALSE(list.global("SELECT"));
}

TEST_CASE("Names and texts in SQL", "[grants]") {
  CHECK(sql_name("we`ird") == "`we``ird`");
  CHECK(sql_text("it's\\") == "'it''s\\\\'");
  CHECK(sql_schema_pattern("a_b%c\\`") == "`a\\_b\\%c\\\\```");
  CHECK(account_of("u").sql() == "`u`@`%`");
  CHECK(account_of("a@b@10.%").sql() == "`a@b`@`10.%`");
}
