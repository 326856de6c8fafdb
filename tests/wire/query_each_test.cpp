#include "wire/query.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/core/failure_of.hpp"
#include "tests/core/script.hpp"
#include "wire/backend_query.hpp"
#include "wire/backend_session.hpp"
#include "wire/frontend.hpp"

using namespace tidewire;
using namespace tidewire::testing;

namespace {

/// What a server sends: each function appends a message.
class server_says {
 public:
  server_says& columns(std::initializer_list<std::string_view> names) {
    std::vector<wire::field_description> fields;
    for (std::string_view name : names) fields.emplace_back().name = name;
    encoder out{bytes_};
    wire::encode_row_description(out, fields);
    return *this;
  }
  server_says& row(std::initializer_list<std::string_view> values) {
    std::vector<std::optional<byte_view>> all;
    for (std::string_view value : values) all.emplace_back(as_bytes(value));
    encoder out{bytes_};
    wire::encode_data_row(out, all);
    return *this;
  }
  server_says& done(std::string_view tag) {
    encoder out{bytes_};
    wire::encode_command_complete(out, {tag});
    return *this;
  }
  server_says& error(std::string_view sqlstate, std::string_view message) {
    std::vector<wire::error_field> fields{{'S', "ERROR"}, {'C', sqlstate}, {'M', message}};
    encoder out{bytes_};
    wire::encode_error_response(out, fields);
    return *this;
  }
  server_says& ready() {
    encoder out{bytes_};
    wire::encode_ready_for_query(out, {'I'});
    return *this;
  }
  const bytes& all() const { return bytes_; }

 private:
  bytes bytes_;
};

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
