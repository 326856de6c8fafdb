#include "tests/core/failure_of.hpp"
#include "tests/wire/variations.hpp"
#include "wire/query.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

class sink_is_full : public std::runtime_error {
 public:
  sink_is_full() : std::runtime_error("full") {}
};

conversation<std::string> copied_out(tidewire::link& to) {
  session with{to};
  std::string data;
  std::string tag = co_await copy_out(with, "COPY t TO STDOUT", [&](byte_view part) {
    data += as_text(part);
    data += "/";
  });
  co_return data + tag + " " + with.transaction_status;
}

script out_script() {
  script steps;
  steps.expects(sql("COPY t TO STDOUT"));
  steps.gives(copy_response(backend_tag::copy_out_response));
  steps.gives(copy_data("1\ta\n"));
  steps.gives(copy_data(""));
  steps.gives(copy_data(byte_view{}));
  steps.gives(copy_done());
  steps.gives(complete("COPY 3"));
  steps.gives(ready());
  return steps;
}

using pieces = std::vector<std::string>;

/// A piece that reads "!" stands for a failure of whoever fills.
conversation<std::string> copied_in(tidewire::link& to, pieces all) {
  session with{to};
  std::size_t next = 0;
  std::string tag = co_await copy_in(with, "COPY t FROM STDIN", [&](std::vector<std::uint8_t>& piece) {
    if (next == all.size()) return;
    if (all[next] == "!") throw sink_is_full{};
    piece = to_bytes(all[next++]);
  });
  co_return tag + " " + with.transaction_status;
}

auto copying_in(pieces all) {
  return [all](tidewire::link& to) { return copied_in(to, all); };
}

script in_script() {
  script steps;
  steps.expects(sql("COPY t FROM STDIN"));
  steps.gives(copy_response(backend_tag::copy_in_response));
  steps.expects(copy_data("1\ta\n")).expects(copy_data("2\tb\n")).expects(copy_done());
  steps.gives(complete("COPY 2"));
  steps.gives(ready('T'));
  return steps;
}

const pieces two_rows{"1\ta\n", "2\tb\n"};

}  // namespace

TEST_CASE("Copy out", "[query]") {
  script steps = out_script();
  CHECK(play(steps, frame_size, copied_out) == "1\ta\n///COPY 3 I");
  CHECK(play(interrupted(steps), frame_size, copied_out) == "1\ta\n///COPY 3 I");
  CHECK(for_each_failure(steps, frame_size, copied_out) == 8 + 7 + 1);
  check_cuts(steps, copied_out);
  check_lengths(steps, copied_out, "d");
  CHECK(welcome_at(steps, 1, copied_out) == "AEHNS");
  for (std::size_t at : {2u, 3u, 4u, 5u}) CHECK(welcome_at(steps, at, copied_out) == "AENScd");
  for (std::size_t at : {6u, 7u}) CHECK(welcome_at(steps, at, copied_out) == "ACENSZ");
}

TEST_CASE("Copy out: an error at each place", "[query]") {
  script steps = out_script();
  for (std::size_t at : spoken(steps)) {
    outcome found = outcome_of_departure(
        steps, at, [](const bytes&) { return error("22P02", "bad row") + ready(); }, copied_out);
    check_refused(found, "TW-PG-ERROR");
    CHECK(found.text.starts_with("COPY failed: ERROR 22P02: bad row"));
    outcome fatal = outcome_of_departure(
        steps, at, [](const bytes&) { return error("57P01", "shutting down", "FATAL"); }, copied_out);
    CHECK(fatal.code == "TW-PG-UNAVAILABLE");
    CHECK(fatal.kind == failure_kind::transient);
  }
}

TEST_CASE("Copy in", "[query]") {
  script steps = in_script();
  auto make = copying_in(two_rows);
  CHECK(play(steps, frame_size, make) == "COPY 2 T");
  CHECK(play(interrupted(steps), frame_size, make) == "COPY 2 T");
  CHECK(for_each_failure(steps, frame_size, make) == 7 + 3 + 4);
  check_cuts(steps, make);
  check_lengths(steps, make);
  CHECK(welcome_at(steps, 1, make) == "AEGNS");
  for (std::size_t at : {5u, 6u}) CHECK(welcome_at(steps, at, make) == "ACENSZ");
}

TEST_CASE("Copy in: the server's error, before, during and after the data", "[query]") {
  script steps = in_script();
  for (std::size_t at : spoken(steps)) {
    outcome found = outcome_of_departure(
        steps, at, [](const bytes&) { return error("23505", "duplicate") + ready(); }, copying_in(two_rows));
    check_refused(found, "TW-PG-ERROR");
    CHECK(found.text.starts_with("COPY failed: ERROR 23505: duplicate"));
  }
  // It waits in the buffer behind the CopyInResponse while the rest is being sent.
  script during;
  during.expects(sql("COPY t FROM STDIN"));
  during.gives(copy_response(backend_tag::copy_in_response) + error("23505", "duplicate") + ready());
  during.expects(copy_data("1\ta\n")).expects(copy_data("2\tb\n")).expects(copy_done());
  check_refused(outcome_of(during, copying_in(two_rows)), "TW-PG-ERROR");
}

TEST_CASE("Copy in: whoever fills fails", "[query]") {
  auto make = copying_in({"1\ta\n", "!"});
  script steps;
  steps.expects(sql("COPY t FROM STDIN")).gives(copy_response(backend_tag::copy_in_response));
  steps.expects(copy_data("1\ta\n")).expects(copy_fail("the client gave up"));
  script refused = steps, gone = steps, taken = steps;
  refused.gives(error("57014", "COPY from stdin failed")).gives(ready());
  gone.closes();
  taken.gives(complete("COPY 1")).gives(ready());
  // Its own failure goes on, whatever becomes of the connection.
  CHECK_THROWS_AS(play(refused, frame_size, make), sink_is_full);
  CHECK_THROWS_AS(play(gone, frame_size, make), sink_is_full);
  CHECK_THROWS_AS(play(taken, frame_size, make), sink_is_full);
}

TEST_CASE("Copy in: endless data ends with the server", "[query]") {
  // The server goes after the second piece; its last words are still read.
  script steps;
  steps.expects(sql("COPY t FROM STDIN")).gives(copy_response(backend_tag::copy_in_response));
  steps.expects(copy_data("x")).expects(copy_data("x"));
  tidewire::link to{frame_size};
  player other{steps, to, fault{fault::dead_peer, 3, false}};
  auto endless = [](tidewire::link& over) -> conversation<std::string> {
    session with{over};
    int left = 1000;
    std::string tag = co_await copy_in(with, "COPY t FROM STDIN", [&](std::vector<std::uint8_t>& piece) {
      if (--left == 0) throw script_mismatch("it goes on and on");
      piece = to_bytes("x");
    });
    co_return tag;
  };
  failure found = failure_of([&] { other.play(endless(to)); });
  CHECK(found.kind == failure_kind::transient);
  CHECK(other.injected());
}
