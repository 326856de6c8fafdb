#include "core/check_report.hpp"

#include <catch2/catch_test_macros.hpp>

#include "core/json_text.hpp"

using namespace tidewire;

namespace {

check_finding finding(std::string code, check_status status, std::string found) {
  check_finding made;
  made.code = std::move(code);
  made.title = "title";
  made.status = status;
  made.found = std::move(found);
  return made;
}

check_report sample() {
  check_report report;
  report.source = "Postgres";
  report.target = "postgresql://me@db/shop";
  report.version = "15.18";
  report.hoster = "Neon";
  report.findings = {finding("A", check_status::ok, "fine"), finding("B", check_status::unknown, "denied"),
                     finding("C", check_status::warn, "odd"), finding("D", check_status::fail, "bad")};
  report.findings[3].why = "because";
  report.findings[3].fixes = {{check_fix::kind::sql, "SELECT 1;", true},
                              {check_fix::kind::console, "press it", false}};
  report.findings[3].objects = {"a", "b"};
  report.findings[3].object_count = 7;
  return report;
}

}  // namespace

TEST_CASE("A report's text has what failed first and the summary last", "[check]") {
  CHECK(report_text(sample(), false) ==
        "postgresql://me@db/shop\n"
        "Postgres 15.18, Neon\n"
        "\n"
        "fail    title: bad  D\n"
        "        because\n"
        "        -> sql: SELECT 1;\n"
        "        -> console: press it\n"
        "\n"
        "warn    title: odd  C\n"
        "\n"
        "unknown title: denied  B\n"
        "\n"
        "ok      title: fine  A\n"
        "\n"
        "not ready: 1 failed, 1 to look at, 1 unknown, 1 ok\n");
}

TEST_CASE("Without failures the source is ready", "[check]") {
  check_report report = sample();
  report.findings.pop_back();
  CHECK_FALSE(report.failed());
  CHECK(report_text(report, false).ends_with("\nready: 1 to look at, 1 unknown, 1 ok\n"));
}

TEST_CASE("Colour is added only where it is wanted, and nothing from the server can add any", "[check]") {
  check_report report = sample();
  report.findings[3].found = "a\x1b[2J\nb";
  report.findings[3].fixes[0].text = "DROP \x1b]0;x\x07";
  std::string plain = report_text(report, false);
  CHECK(plain.find('\x1b') == plain.npos);
  CHECK(plain.find('\x07') == plain.npos);
  CHECK(plain.find("a [2J b") != plain.npos);
  CHECK(report_text(report, true).find("\x1b[1;31mfail\x1b[0m") != std::string::npos);
}

TEST_CASE("A report as JSON", "[check]") {
  check_report report = sample();
  report.findings.erase(report.findings.begin(), report.findings.begin() + 3);
  CHECK(report_json(report) ==
        R"({"v":1,"source":"Postgres","target":"postgresql://me@db/shop","version":"15.18","hoster":"Neon",)"
        R"("ready":false,"counts":{"ok":0,"warn":0,"fail":1,"unknown":0},"findings":[{"code":"D",)"
        R"("status":"fail","title":"title","found":"bad","why":"because","fixes":[{"kind":"sql",)"
        R"("text":"SELECT 1;","can_apply":true},{"kind":"console","text":"press it","can_apply":false}],)"
        R"("objects":["a","b"],"object_count":7}]})"
        "\n");
}

TEST_CASE("The first of many are named, and how many there are", "[check]") {
  CHECK(first_of({"a"}, 1) == "a");
  CHECK(first_of({"a", "b", "c", "d", "e"}, 5) == "a, b, c, d, e");
  CHECK(first_of({"a", "b", "c", "d", "e", "f"}, 100) == "a, b, c, d, e and 95 more");
  CHECK(first_of({}, 0).empty());
}

TEST_CASE("A JSON string of what is not UTF-8 is its bytes in hex", "[check]") {
  CHECK(json::quoted("a\"b\n") == R"("a\"b\n")");
  CHECK(json::quoted("\xc3") == R"({"hex":"c3"})");
  CHECK(json::quoted("") == R"("")");
}
