#include "wire/pgpass.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace tidewire;
using namespace tidewire::wire;

namespace {

std::string matched(std::string_view file, const password_key& key) {
  auto found = match_password(file, key);
  return found ? std::string(found->reveal()) : "(none)";
}

/// A folder that goes with the test.
struct scratch {
  std::filesystem::path path;
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "tidewire-pgpass-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()));
    path = name;
  }
  ~scratch() { std::filesystem::remove_all(path); }

  std::string file(std::string_view text, mode_t mode) const {
    std::string name = (path / "pgpass").string();
    std::ofstream(name) << text;
    REQUIRE(::chmod(name.c_str(), mode) == 0);
    return name;
  }
};

}  // namespace

TEST_CASE("Lines of a password file", "[pgpass]") {
  struct line_case {
    std::string_view file;
    std::string_view wanted;
  };
  const line_case cases[] = {
      {"db:5432:shop:ann:pw", "pw"},
      {"db:5432:shop:ann:pw\n", "pw"},
      {"db:5432:shop:ann:pw\r\n", "pw"},
      {"*:*:*:*:pw", "pw"},
      {"*:5432:*:ann:pw", "pw"},
      {"db:5432:shop:ann:", ""},
      {"db:5432:shop:ann:a\\:b\\\\c", "a:b\\c"},
      {"db:5432:shop:ann:a b # c", "a b # c"},
      {"db:5432:shop:ann:pw:rest", "pw"},
      {"db:5432:shop:ann:end\\", "end\\"},
      {"d\\b:5432:shop:ann:pw", "pw"},
      {"# db:5432:shop:ann:no\n\ndb:5432:shop:ann:yes", "yes"},
      {"db:5432:shop:bob:no\ndb:5432:shop:ann:first\ndb:5432:shop:ann:second", "first"},
      {"", "(none)"},
      {"\n\n", "(none)"},
      {"db:5432:shop:ann", "(none)"},
      {"db:5432:shop", "(none)"},
      {"db", "(none)"},
      {"dbx:5432:shop:ann:pw", "(none)"},
      {"d:5432:shop:ann:pw", "(none)"},
      {" db:5432:shop:ann:pw", "(none)"},
      {"d*:5432:shop:ann:pw", "(none)"},
      {"\\*:5432:shop:ann:pw", "(none)"},
      {"DB:5432:shop:ann:pw", "(none)"},
      {"db\\", "(none)"},
  };
  for (const auto& c : cases) {
    INFO(c.file);
    CHECK(matched(c.file, {"db", "5432", "shop", "ann"}) == c.wanted);
  }
  // An address with colons, escaped as the manual wants it and not.
  CHECK(matched("\\:\\:1:5432:shop:ann:pw", {"::1", "5432", "shop", "ann"}) == "pw");
  CHECK(matched("::1:5432:shop:ann:pw", {"::1", "5432", "shop", "ann"}) == "pw");
  CHECK(matched("*:*:*:*:pw", {"*", "5432", "a:b", "c\\d"}) == "pw");
  CHECK(matched("db:1:a\\:b:c\\\\d:pw", {"db", "1", "a:b", "c\\d"}) == "pw");
  std::string_view whole = "d\\b:5432:shop:ann:p\\:w";
  for (std::size_t n = 0; n + 4 < whole.size(); ++n)
    CHECK(matched(whole.substr(0, n), {"db", "5432", "shop", "ann"}) == "(none)");
}

TEST_CASE("A password file on disk", "[pgpass]") {
  scratch dir;
  connection_options options;
  options.user = "ann";
  options.dbname = "shop";
  options.passfile = dir.file(
      "localhost:5432:shop:ann:local\n/other:*:*:*:other\n192.0.2.1:*:*:*:addr\nn:7:*:*:named\n", 0600);
  auto found = [&](const host_port& host) {
    auto lookup = find_password(options, host);
    CHECK(lookup.warning.empty());
    return lookup.password ? std::string(lookup.password->reveal()) : "(none)";
  };
  CHECK(found({"localhost", "", 5432, false}) == "local");
  CHECK(found({"/var/run/postgresql", "", 5432, true}) == "local");
  CHECK(found({"", "", 5432, false}) == "local");
  CHECK(found({"/tmp", "", 5432, true}) == "(none)");
  CHECK(found({"/other", "", 5432, true}) == "other");
  CHECK(found({"", "192.0.2.1", 1, false}) == "addr");
  CHECK(found({"n", "192.0.2.1", 7, false}) == "named");
  CHECK(found({"n", "192.0.2.1", 8, false}) == "(none)");
}

TEST_CASE("A password file that is not used", "[pgpass]") {
  scratch dir;
  connection_options options;
  options.user = options.dbname = "ann";
  host_port host{"db", "", 5432, false};
  for (mode_t mode : {0640, 0604, 0660, 0610}) {
    options.passfile = dir.file("*:*:*:*:hunter2", mode);
    auto lookup = find_password(options, host);
    CHECK(!lookup.password);
    CHECK(lookup.warning.contains("open to its group or to everyone"));
    CHECK(lookup.warning.contains(options.passfile));
    CHECK(!lookup.warning.contains("hunter2"));
  }
  options.passfile = dir.file("*:*:*:*:x", 0400);
  CHECK(find_password(options, host).password);
  options.passfile = dir.file(std::string((1 << 20) + 1, 'x'), 0600);
  CHECK(find_password(options, host).warning.contains("larger than"));

  options.passfile = dir.path.string();
  CHECK(find_password(options, host).warning.contains("not a plain file"));
  std::string pipe = (dir.path / "pipe").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  options.passfile = pipe;
  CHECK(find_password(options, host).warning.contains("not a plain file"));

  for (std::string missing : {std::string(), (dir.path / "none").string(), pipe + "/x"}) {
    options.passfile = missing;
    auto lookup = find_password(options, host);
    CHECK(!lookup.password);
    CHECK(lookup.warning.empty());
  }
}
