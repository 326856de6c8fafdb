#include "wire/service_file.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/core.h>
#include <map>

#include "core/failure.hpp"

using namespace tidewire;
using namespace tidewire::wire;

namespace {

using texts = std::map<std::string, std::string, std::less<>>;

std::optional<std::string> look_up(const texts& in, std::string_view name) {
  auto found = in.find(name);
  return found == in.end() ? std::nullopt : std::optional(found->second);
}

template <class F>
std::string failure_of(F&& action) {
  try {
    action();
  } catch (const failure& f) {
    CHECK(f.code == "TW-USAGE-CONNECTION-STRING");
    return f.what();
  }
  return "no failure";
}

/// host, port and where the host came from.
std::string found(std::string_view string, const texts& env, const texts& files) {
  auto settings = read_connection_string(string);
  add_service_files(
      settings, [&](std::string_view name) { return look_up(env, name); },
      [&](const std::string& path) { return look_up(files, path); }, "/sys");
  const auto& host = settings[parameter::host];
  return fmt::format("{} {} {}", settings.text(parameter::host), settings.text(parameter::port),
                     host ? host->origin : "-");
}

}  // namespace

TEST_CASE("Groups of a service file", "[service_file]") {
  constexpr std::string_view file =
      "# comment\n"
      "host=outside\n"
      "[ab]\nhost=wrong\n"
      "  [a]  \r\n"
      "\t host=one \n"
      "  # another comment\n"
      "\n"
      "port=6000\n"
      "host=two\n"
      "options=-c a=b\n"
      "password= spaced\n"
      "[a]\nuser=second\n"
      "[empty]\n"
      "[last]\nhost=end";
  auto read = [&](std::string_view service, connection_settings settings = {}) {
    if (!add_service(settings, file, service, "F")) return std::string("no such group");
    return fmt::format("{}|{}|{}|{}|{}", settings.text(parameter::host), settings.text(parameter::port),
                       settings.text(parameter::options), settings.text(parameter::password),
                       settings.text(parameter::user));
  };
  CHECK(read("a") == "one|6000|-c a=b| spaced|");
  CHECK(read("a", read_connection_string("host=given user=u")) == "given|6000|-c a=b| spaced|u");
  CHECK(read("ab") == "wrong||||");
  CHECK(read("empty") == "||||");
  CHECK(read("last") == "end||||");
  CHECK(read("b") == "no such group");
  CHECK(read("A") == "no such group");

  connection_settings settings;
  REQUIRE(add_service(settings, file, "a", "F"));
  CHECK(settings[parameter::host]->origin == "F, line 6");
  CHECK(!settings.secret_in_string);
}

TEST_CASE("Lines of a service file that are refused", "[service_file]") {
  struct line_case {
    std::string_view line;
    std::string_view wanted;
  };
  const line_case cases[] = {
      {"host", "F, line 3: expected name=value"},
      {"hots=a", "F, line 3: unknown parameter \"hots\""},
      {"host =a", "F, line 3: a parameter's name was expected here"},
      {"service=b", "F, line 3: \"service\" inside of a service"},
      {"servicefile=b", "F, line 3: \"servicefile\" inside of a service"},
      {"ldap://x/y?z", "F, line 3: services from LDAP are not supported"},
  };
  for (const auto& c : cases) {
    INFO(c.line);
    connection_settings settings;
    std::string file = fmt::format("[s]\n\n{}\n[other]\nnonsense\n", c.line);
    CHECK(failure_of([&] { add_service(settings, file, "s", "F"); }) == c.wanted);
    // Other groups are nobody's business.
    CHECK(add_service(settings, file + "[t]\nport=1\n", "t", "F"));
  }
}

TEST_CASE("Where service files are looked for", "[service_file]") {
  texts files{{"/h/.pg_service.conf", "[s]\nhost=home\n"},
              {"/named", "[s]\nhost=named\n"},
              {"/conf/pg_service.conf", "[s]\nhost=conf\n[c]\nhost=conf-only\n"},
              {"/sys/pg_service.conf", "[s]\nhost=sys\n[y]\nhost=sys-only\n"}};
  texts home{{"HOME", "/h"}};
  CHECK(found("service=s", home, files) == "home  /h/.pg_service.conf, line 2");
  CHECK(found("postgresql://?service=s", home, files) == "home  /h/.pg_service.conf, line 2");
  CHECK(found("service=s host=x", home, files) == "x  connection string, position 11");
  CHECK(found("", home, files) == "  -");
  CHECK(found("", {{"HOME", "/h"}, {"PGSERVICE", "s"}}, files) == "home  /h/.pg_service.conf, line 2");
  CHECK(found("", {{"HOME", "/h"}, {"PGSERVICE", ""}}, files) == "  -");
  CHECK(found("service=''", {{"HOME", "/h"}, {"PGSERVICE", "s"}}, files) == "  -");
  CHECK(found("service=s", {{"HOME", "/h"}, {"PGSERVICEFILE", "/named"}}, files) == "named  /named, line 2");
  CHECK(found("service=s servicefile=/named", {{"PGSERVICEFILE", "/none"}}, files) ==
        "named  /named, line 2");
  CHECK(found("service=s", {}, files) == "sys  /sys/pg_service.conf, line 2");
  CHECK(found("service=y", home, files) == "sys-only  /sys/pg_service.conf, line 4");
  CHECK(found("service=c", {{"PGSYSCONFDIR", "/conf"}, {"PGSERVICEFILE", "/named"}}, files) ==
        "conf-only  /conf/pg_service.conf, line 4");
  CHECK(failure_of([&] { found("service=y", {{"PGSYSCONFDIR", "/conf"}}, files); }) ==
        "no service \"y\" in any service file");
  CHECK(failure_of([&] { found("service=s", {{"PGSERVICEFILE", "/none"}}, files); }) ==
        "service file /none cannot be read");
  CHECK(failure_of([&] { found("service=s", home, {}); }).contains("no service \"s\""));
}
