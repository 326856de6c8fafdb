#include <catch2/catch_test_macros.hpp>

#include "tests/core/failure_of.hpp"
#include "tests/core/script.hpp"
#include "tests/wire/server_says.hpp"
#include "wire/frontend.hpp"
#include "wire/query.hpp"

using namespace tidewire;
using namespace tidewire::testing;

namespace {

bytes queries(std::initializer_list<std::string_view> sql) {
  bytes all;
  encoder out{all};
  for (std::string_view each : sql) wire::encode_query(out, each);
  return all;
}

conversation<std::vector<wire::query_outcome>> ask(tidewire::link& to, std::vector<std::string> sql) {
  wire::session with(to);
  std::vector<wire::query_outcome> outcomes = co_await wire::query_each(with, sql);
  co_return outcomes;
}

}  // namespace

TEST_CASE("Several queries go out at once, and an error of one leaves the others alone", "[query]") {
  server_says server;
  server.columns({"a", "b"}).row({"1", "2"}).row({"3", "4"}).done("SELECT 2").ready();
  server.error("42501", "permission denied for view v").ready();
  // Rows before an error are no answer.
  server.columns({"c"}).row({"half"}).error("22012", "division by zero").ready();
  server.columns({"d"}).row({"last"}).done("SELECT 1").ready();
  script steps;
  steps.expects(queries({"one", "two", "three", "four"})).gives(server.all());
  auto make = [](tidewire::link& to) { return ask(to, {"one", "two", "three", "four"}); };
  auto outcomes = play(steps, wire::frame_size, make);
  REQUIRE(outcomes.size() == 4);
  CHECK_FALSE(outcomes[0].error.has_value());
  CHECK(outcomes[0].result.rows.size() == 2);
  CHECK(outcomes[0].result.first(1) == "2");
  CHECK(outcomes[1].error->message() == "permission denied for view v");
  CHECK(outcomes[1].result.rows.empty());
  CHECK(outcomes[2].error->sqlstate() == "22012");
  CHECK(outcomes[2].result.rows.empty());
  CHECK_FALSE(outcomes[3].error.has_value());
  CHECK(outcomes[3].result.first() == "last");
  CHECK(for_each_failure(steps, wire::frame_size, make) > 0);
}

TEST_CASE("No queries are no round trip, and a zero byte is refused before anything is sent", "[query]") {
  script nothing;
  CHECK(play(nothing, wire::frame_size, [](tidewire::link& to) { return ask(to, {}); }).empty());
  std::string zero("a\0b", 3);
  auto make = [&](tidewire::link& to) { return ask(to, {"fine", zero}); };
  CHECK(failure_of([&] { play(nothing, wire::frame_size, make); }).code == "TW-PG-ENCODE");
}

TEST_CASE("Another message between the answers ends the connection", "[query]") {
  server_says server;
  server.done("SELECT 0").ready();
  bytes more = server.all();
  bytes strange = {'W', 0, 0, 0, 7, 0, 0, 0};  // CopyBothResponse
  more.insert(more.end(), strange.begin(), strange.end());
  script steps;
  steps.expects(queries({"one", "two"})).gives(more);
  auto make = [](tidewire::link& to) { return ask(to, {"one", "two"}); };
  CHECK(failure_of([&] { play(steps, wire::frame_size, make); }).code == "TW-PG-UNEXPECTED");
}
