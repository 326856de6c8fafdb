#include "wire/query.hpp"

#include "tests/core/failure_of.hpp"
#include "tests/wire/variations.hpp"
#include "wire/startup_message.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

std::string text_of(const result_set& result) {
  std::string text;
  for (const std::string& each : result.columns) text += each + " ";
  for (const auto& row : result.rows) {
    text += "| ";
    for (const auto& each : row) text += each.value_or("NULL") + " ";
  }
  return text + "| " + result.tag;
}

conversation<std::string> query_of(tidewire::link& to, std::string sql) {
  session with{to};
  result_set result = co_await query(with, sql, "asking");
  co_return text_of(result) + " " + with.transaction_status;
}

using arguments = std::vector<std::optional<std::string>>;

conversation<std::string> execute_of(tidewire::link& to, std::string sql, arguments values) {
  session with{to};
  result_set result = co_await execute(with, sql, values, "asking");
  co_return text_of(result) + " " + with.transaction_status;
}

auto asking(std::string sql) {
  return [sql](tidewire::link& to) { return query_of(to, sql); };
}

auto executing(std::string sql, arguments values) {
  return [=](tidewire::link& to) { return execute_of(to, sql, values); };
}

/// The same session after the server has refused something.
conversation<std::string> query_after_error(tidewire::link& to) {
  session with{to};
  std::string said;
  try {
    co_await query(with, "wrong", "asking");
  } catch (const server_failure& error) {
    said = std::string(error.sqlstate()) + " " + with.transaction_status + " ";
  }
  result_set result = co_await query(with, "right");
  co_return said + text_of(result) + " " + with.transaction_status;
}

script simple() {
  script steps;
  steps.expects(sql("SELECT"));
  steps.gives(described({"a", "b"}));
  steps.gives(row({"1", std::nullopt}));
  steps.gives(row({"", "x"}));
  steps.gives(complete("SELECT 2"));
  steps.gives(ready());
  return steps;
}

bytes extended_of(std::string_view text, const arguments& values) {
  std::vector<std::optional<byte_view>> views;
  for (const auto& each : values) views.push_back(each ? std::optional(as_bytes(*each)) : std::nullopt);
  return encoded([&](encoder& out) {
    encode_parse(out, "", text, {});
    encode_bind(out, "", "", {}, views, {});
    encode_describe(out, 'P', "");
    encode_execute(out, "", 0);
    encode_sync(out);
  });
}

script extended(const arguments& values = {"1", std::nullopt, ""}) {
  script steps;
  steps.expects(extended_of("SELECT $1", values));
  steps.gives(empty(backend_tag::parse_complete));
  steps.gives(empty(backend_tag::bind_complete));
  steps.gives(described({"a", "b"}));
  steps.gives(row({"1", std::nullopt}));
  steps.gives(complete("SELECT 1"));
  steps.gives(ready('T'));
  return steps;
}

}  // namespace

TEST_CASE("Query: rows", "[query]") {
  script steps = simple();
  CHECK(play(steps, frame_size, asking("SELECT")) == "a b | 1 NULL |  x | SELECT 2 I");
  CHECK(play(interrupted(steps), frame_size, asking("SELECT")) == "a b | 1 NULL |  x | SELECT 2 I");
  CHECK(for_each_failure(steps, frame_size, asking("SELECT")) == 6 + 5 + 1);
  check_cuts(steps, asking("SELECT"));
  check_lengths(steps, asking("SELECT"));
  CHECK(welcome_at(steps, 1, asking("SELECT")) == "ACDEINSTZ");
  for (std::size_t at : {2u, 3u, 4u})  // a row must have as many values as there are columns
    CHECK(welcome_at(steps, at, asking("SELECT")) == "ACEINSTZ");
  CHECK(welcome_at(steps, 5, asking("SELECT")) == "ACDEINSTZ");
}

TEST_CASE("Query: no rows, no statement, several statements", "[query]") {
  script nothing, none, several;
  nothing.expects(sql("")).gives(empty(backend_tag::empty_query_response)).gives(ready());
  CHECK(play(nothing, frame_size, asking("")) == "|  I");
  check_lengths(nothing, asking(""));
  none.expects(sql("BEGIN")).gives(complete("BEGIN")).gives(ready('T'));
  CHECK(play(none, frame_size, asking("BEGIN")) == "| BEGIN T");
  // The last result that has columns.
  several.expects(sql("a; b; c")).gives(described({"x"}) + row({"1"}) + complete("SELECT 1"));
  several.gives(described({"y"}) + complete("SELECT 0") + complete("SET") + ready());
  CHECK(play(several, frame_size, asking("a; b; c")) == "y | SELECT 0 I");
}

TEST_CASE("Query: rows that do not fit their description", "[query]") {
  for (const bytes& wrong : {row({}), row({"1"}), row({"1", "2", "3"})}) {
    for (const script& steps : {simple(), extended()}) {
      bool is_simple = steps.steps().size() == simple().steps().size();
      std::size_t at = is_simple ? 2 : 4;
      auto departure = [&](auto make) {
        return outcome_of_departure(steps, at, [&](const bytes&) { return wrong; }, make);
      };
      check_refused(is_simple ? departure(asking("SELECT"))
                              : departure(executing("SELECT $1", {"1", std::nullopt, ""})),
                    "TW-PG-MALFORMED");
    }
  }
  script early;
  early.expects(sql("SELECT")).gives(row({"1"})).closes();
  check_refused(outcome_of(early, asking("SELECT")), "TW-PG-MALFORMED");
}

TEST_CASE("Query: an error at each place, and the session goes on", "[query]") {
  script steps;
  steps.expects(sql("wrong"))
      .gives(described({"a"}))
      .gives(row({"1"}))
      .gives(error("22012", "division by zero"));
  steps.gives(notice("n")).gives(ready('E'));
  steps.expects(sql("right")).gives(described({"b"})).gives(row({"2"})).gives(complete("SELECT 1"));
  steps.gives(ready());
  CHECK(play(steps, frame_size, query_after_error) == "22012 E b | 2 | SELECT 1 I");
  CHECK(for_each_failure(steps, frame_size, query_after_error) == 11 + 9 + 2);
  script whole = simple();
  for (std::size_t at : spoken(whole)) {
    outcome found = outcome_of_departure(
        whole, at, [](const bytes&) { return error("22012", "division by zero") + ready(); },
        asking("SELECT"));
    check_refused(found, "TW-PG-ERROR");
    CHECK(found.text.starts_with("asking: ERROR 22012: division by zero"));
    // After a FATAL one there is no ReadyForQuery to wait for.
    outcome fatal = outcome_of_departure(
        whole, at, [](const bytes&) { return error("57P01", "shutting down", "FATAL"); }, asking("SELECT"));
    CHECK(fatal.code == "TW-PG-UNAVAILABLE");
    CHECK(fatal.kind == failure_kind::transient);
    // A server that dies between its error and ReadyForQuery.
    outcome cut =
        outcome_of_departure(whole, at, [](const bytes&) { return error("22012"); }, asking("SELECT"));
    CHECK(cut.code == "TW-NET-CLOSED");
  }
}

TEST_CASE("Query: an answer without end is refused", "[query]") {
  script steps;
  std::string large(4 << 20, 'x');
  steps.expects(sql("SELECT")).gives(described({"a"}));
  bytes rows = row({large});
  for (int i = 0; i < 17; ++i) steps.gives(rows);
  try {
    play(steps, frame_size, asking("SELECT"));
    FAIL("it ends well");
  } catch (const failure& why) {
    CHECK(why.code == "TW-PG-RESULT-LIMIT");
    CHECK(why.kind == failure_kind::refused);
  }
}

TEST_CASE("Query: what can't be sent is not begun", "[query]") {
  std::string with_zero("a\0b", 3);
  for (outcome found :
       {outcome_of(script{}, asking(with_zero)), outcome_of(script{}, executing(with_zero, {}))}) {
    CHECK(found.code == "TW-PG-ENCODE");
    CHECK(found.kind == failure_kind::usage);
  }
}

TEST_CASE("Extended query: parameters and rows", "[query]") {
  arguments values{"1", std::nullopt, ""};
  script steps = extended(values);
  auto make = executing("SELECT $1", values);
  CHECK(play(steps, frame_size, make) == "a b | 1 NULL | SELECT 1 T");
  CHECK(play(interrupted(steps), frame_size, make) == "a b | 1 NULL | SELECT 1 T");
  CHECK(for_each_failure(steps, frame_size, make) == 7 + 6 + 1);
  check_cuts(steps, make);
  check_lengths(steps, make);
  for (std::size_t at : {1u, 2u, 3u}) CHECK(welcome_at(steps, at, make) == "12ACDEINSTZn");
  for (std::size_t at : {4u, 5u}) CHECK(welcome_at(steps, at, make) == "12ACEINSTZn");
  CHECK(welcome_at(steps, 6, make) == "12ACDEINSTZn");
}

TEST_CASE("Extended query: no rows, no statement, an error", "[query]") {
  script none, nothing, wrong;
  none.expects(extended_of("SET", {})).gives(empty(backend_tag::parse_complete));
  none.gives(empty(backend_tag::bind_complete)).gives(empty(backend_tag::no_data)).gives(complete("SET"));
  none.gives(ready());
  CHECK(play(none, frame_size, executing("SET", {})) == "| SET I");
  check_lengths(none, executing("SET", {}));
  nothing.expects(extended_of("", {}))
      .gives(empty(backend_tag::parse_complete) + empty(backend_tag::bind_complete));
  nothing.gives(empty(backend_tag::no_data)).gives(empty(backend_tag::empty_query_response)).gives(ready());
  CHECK(play(nothing, frame_size, executing("", {})) == "|  I");
  script whole = extended();
  for (std::size_t at : spoken(whole)) {
    outcome found = outcome_of_departure(
        whole, at, [](const bytes&) { return error("42601", "syntax error") + ready(); },
        executing("SELECT $1", {"1", std::nullopt, ""}));
    check_refused(found, "TW-PG-ERROR");
    CHECK(found.text.starts_with("asking: ERROR 42601"));
  }
}

// Cancel and goodbye.

namespace {

auto cancelling(std::string key) {
  return [key](tidewire::link& to) { return cancel(to, 4711, key); };
}

conversation<> say_goodbye(tidewire::link& to) {
  session with{to};
  co_await terminate(with);
}

}  // namespace

TEST_CASE("Cancel: with the key of either protocol; the server's answer is to hang up", "[query]") {
  for (const std::string& key : {std::string("1234"), std::string(32, 'k'), std::string(256, 'k')}) {
    bytes request = encoded([&](encoder& out) { encode_cancel_request(out, {4711, as_bytes(key)}); });
    script steps, talkative, garbage;
    steps.expects(request).closes();
    play(steps, frame_size, cancelling(key));
    // What else it does is no concern: cancelling promises nothing.
    talkative.expects(request).gives(error("XX000"));
    garbage.expects(request).gives(bytes{0, 0, 0, 0, 0, 0});
    play(talkative, frame_size, cancelling(key));
    play(garbage, frame_size, cancelling(key));
    // Only a request that can't be sent is told.
    std::size_t failures = 0;
    auto may = [](std::size_t, want) { return true; };
    auto count = [&](const failure&) { ++failures; };
    CHECK(for_each_failure(steps, frame_size, cancelling(key), may, count) == 2 + 1 + 1);
    CHECK(failures == 1);
  }
}

TEST_CASE("Goodbye: never fails", "[query]") {
  script steps;
  steps.expects(terminate_message());
  play(steps, frame_size, say_goodbye);
  CHECK(for_each_failure(steps, frame_size, say_goodbye, [](std::size_t, want) { return true; }) == 2);
}
