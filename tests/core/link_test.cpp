#include "core/link.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/core/script.hpp"
#include "tests/core/test_framer.hpp"

using namespace tidewire::testing;
using namespace std::chrono_literals;
using tidewire::byte_view;
using tidewire::conversation;
using tidewire::failure;
using tidewire::failure_kind;
using tidewire::want;

namespace {

void give(tidewire::link& to, byte_view data) {
  while (!data.empty()) {
    auto space = to.free_space();
    std::size_t part = std::min(space.size(), data.size());
    std::copy_n(data.begin(), part, space.begin());
    to.on_bytes(part, to.now());
    data = data.subspan(part);
  }
}

std::string code_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const failure& error) {
    return error.code;
  }
  return "";
}

conversation<std::string> read_all(tidewire::link& from, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    byte_view next = co_await from.receive();
    text += body(next);
  }
  co_return text;
}

conversation<std::string> stream(tidewire::link& from) {
  std::string text;
  try {
    for (;;) {
      std::optional<byte_view> next = co_await from.receive_or_wake();
      text += next ? body(*next) : std::string_view{"."};
    }
  } catch (const failure& end) {
    text += end.code;
  }
  co_return text;
}

conversation<std::string> raw_then_tls(tidewire::link& to, const tidewire::tls_options& options) {
  to.out = {1, 2, 3};
  co_await to.send();
  byte_view reply = co_await to.receive_bytes(1);
  std::string text(tidewire::as_text(reply));
  co_await to.start_tls(options);
  byte_view next = co_await to.receive();
  text += body(next);
  co_return text + to.tls()->version;
}

conversation<int> back_pressure(tidewire::link& to) {
  co_await to.wait_wake();
  co_await to.wait_wake();
  co_return 2;
}

conversation<std::string> keep_view_over_send(tidewire::link& to) {
  byte_view first = co_await to.receive();
  to.out = {9};
  co_await to.send();
  co_await to.wait_wake();
  std::string text(body(first));
  byte_view second = co_await to.receive();
  co_return text + std::string(body(second));
}

conversation<std::string> say_then_listen(tidewire::link& to) {
  to.out = {1};
  co_await to.send();
  to.out = {2};
  co_await to.send();
  std::string text = co_await stream(to);
  co_return text;
}

}  // namespace

TEST_CASE("Frames that are in the buffer are received without suspending", "[link]") {
  tidewire::link from{test_framer};
  auto talk = read_all(from, 3);
  talk.start();
  CHECK(from.wants() == want::receive);
  CHECK(!from.ready());
  bytes data = frame("a");
  for (const bytes& more : {frame("bc"), frame("")}) data.insert(data.end(), more.begin(), more.end());
  give(from, data);
  REQUIRE(from.ready());
  from.resume({});
  REQUIRE(talk.done());
  CHECK(talk.result() == "abc");
  CHECK(from.pending_bytes() == 0);
}

TEST_CASE("A frame's pieces are put together", "[link]") {
  script steps;
  steps.gives(bytes{0, 0}).gives(bytes{0, 7, 'x'}).gives(bytes{'y', 'z', 0, 0, 0}).gives(bytes{5, '!'});
  auto make = [](tidewire::link& from) { return read_all(from, 2); };
  CHECK(play(steps, test_framer, make) == "xyz!");
  CHECK(for_each_failure(steps, test_framer, make) == 8);
}

TEST_CASE("Waking comes between frames and is given once", "[link]") {
  script steps;
  steps.wakes().gives(frame("a")).wakes(5s).wakes().gives(frame("b")).closes();
  CHECK(play(steps, test_framer, stream) == ".a..bTW-NET-CLOSED");

  tidewire::link from{test_framer};
  auto talk = stream(from);
  talk.start();
  give(from, frame("a"));
  from.wake();
  from.wake();
  from.on_eof();
  REQUIRE(from.ready());
  from.resume({});
  REQUIRE(talk.done());
  CHECK(talk.result() == ".aTW-NET-CLOSED");
}

TEST_CASE("A close inside a frame says so", "[link]") {
  tidewire::link from{test_framer};
  auto talk = read_all(from, 1);
  talk.start();
  give(from, bytes{0, 0, 0, 9, 'x'});
  from.on_eof();
  from.resume({});
  try {
    talk.result();
    FAIL("no failure");
  } catch (const failure& error) {
    CHECK(error.code == "TW-NET-CLOSED");
    CHECK(error.kind == failure_kind::transient);
    CHECK(std::string_view{error.what()}.find("in the middle of a message") != std::string_view::npos);
  }
}

TEST_CASE("A size that is not legal ends the connection with its place", "[link]") {
  tidewire::link from{test_framer, {.max_frame_bytes = 100}};
  auto talk = read_all(from, 2);
  talk.start();
  give(from, frame("four"));
  give(from, bytes{0, 0, 0, 101});
  REQUIRE(from.ready());
  from.resume({});
  REQUIRE(talk.done());
  try {
    talk.result();
    FAIL("no failure");
  } catch (const failure& error) {
    CHECK(error.code == "TW-NET-BAD-FRAME");
    std::string_view text = error.what();
    CHECK(text.find("limit_exceeded at offset 0 of length, 8 bytes into") != text.npos);
  }
}

TEST_CASE("Memory follows what arrives, not what a length claims", "[link]") {
  tidewire::link from{test_framer};
  auto talk = read_all(from, 1);
  talk.start();
  give(from, bytes{0x3f, 0xff, 0xff, 0xff, 1});
  CHECK(!from.ready());
  from.free_space();
  CHECK(from.buffer().capacity() <= 256 * 1024);
}

TEST_CASE("A frame larger than any read", "[link]") {
  std::string large(9'000'000, 'L');
  script steps;
  steps.gives(frame(large)).gives(frame("s"));
  auto make = [](tidewire::link& from) { return read_all(from, 2); };
  CHECK(play(steps, test_framer, make) == large + "s");
}

TEST_CASE("Reads grow with a peer that fills them", "[link]") {
  tidewire::link from{test_framer, {.first_read_bytes = 1024, .max_read_bytes = 4096}};
  auto talk = read_all(from, 1'000'000);
  talk.start();
  std::size_t first = from.free_space().size();
  CHECK(first == 1024);
  for (int i = 0; i < 10; ++i) {
    auto space = from.free_space();
    for (std::size_t at = 0; at + 8 <= space.size(); at += 8)
      std::copy_n(frame("1234").begin(), 8, &space[at]);
    from.on_bytes(space.size() / 8 * 8, {});
    if (from.ready()) from.resume({});
  }
  CHECK(from.free_space().size() >= 4096);
  CHECK(from.buffer().capacity() <= 8192);
}

TEST_CASE("One raw byte, then TLS", "[link]") {
  tidewire::tls_options options;
  tidewire::tls_info info;
  info.version = "TLSv1.3";
  script steps;
  steps.expects(bytes{1, 2, 3}).gives("S").tls(info).gives(frame("in"));
  auto make = [&](tidewire::link& to) { return raw_then_tls(to, options); };
  CHECK(play(steps, test_framer, make) == "SinTLSv1.3");
  CHECK(for_each_failure(steps, test_framer, make) == 4 + 2 + 1);

  script early;
  early.expects(bytes{1, 2, 3}).gives("SX").tls(info).gives(frame("in"));
  CHECK(code_of([&] { play(early, test_framer, make); }) == "TW-TLS-EARLY-DATA");
}

TEST_CASE("Back-pressure waits for wakes alone", "[link]") {
  script steps;
  steps.wakes().wakes();
  CHECK(play(steps, test_framer, back_pressure) == 2);
  CHECK(for_each_failure(steps, test_framer, back_pressure) == 2);
}

TEST_CASE("A view outlives sends and wakes", "[link]") {
  script steps;
  steps.gives(frame("first")).expects(bytes{9}).wakes().gives(frame("second"));
  CHECK(play(steps, test_framer, keep_view_over_send) == "firstsecond");
}

TEST_CASE("A peer that is gone is heard out", "[link]") {
  tidewire::link to{test_framer};
  auto talk = say_then_listen(to);
  talk.start();
  REQUIRE(to.wants() == want::send);
  to.fail_send(std::make_exception_ptr(failure{failure_kind::transient, "TW-NET-CLOSED", "reset"}));
  REQUIRE(to.ready());
  to.resume({});
  REQUIRE(to.wants() == want::receive_or_wake);
  CHECK(!to.ready());
  give(to, frame("the server says why"));
  to.on_eof();
  to.resume({});
  REQUIRE(talk.done());
  CHECK(talk.result() == "the server says whyTW-NET-CLOSED");
}

TEST_CASE("A failure is sticky, and the first one counts", "[link]") {
  tidewire::link to{test_framer};
  auto talk = read_all(to, 1);
  talk.start();
  to.fail(std::make_exception_ptr(failure{failure_kind::transient, "TW-NET-TIMEOUT", "x"}));
  to.on_eof();
  to.resume({});
  CHECK(code_of([&] { talk.result(); }) == "TW-NET-TIMEOUT");
  auto again = say_then_listen(to);
  again.start();
  REQUIRE(again.done());
  CHECK(code_of([&] { again.result(); }) == "TW-NET-TIMEOUT");
}

TEST_CASE("When a wait times out", "[link]") {
  using clock = tidewire::link::clock;
  tidewire::link to{test_framer};
  clock::time_point start{1h};
  to.set_now(start);
  to.silence_limit = 10s;
  SECTION("a receive counts from its beginning, and from every byte") {
    auto talk = read_all(to, 1);
    talk.start();
    CHECK(to.times_out_at() == start + 10s);
    to.free_space()[0] = 0;
    to.on_bytes(1, start + 4s);
    CHECK(to.times_out_at() == start + 14s);
    to.deadline = start + 6s;
    CHECK(to.times_out_at() == start + 6s);
    to.deadline = clock::time_point::max();
    to.silence_limit = 0s;
    CHECK(to.times_out_at() == clock::time_point::max());
  }
  SECTION("ticks do not lengthen the silence") {
    auto talk = stream(to);
    talk.start();
    to.wake();
    to.resume(start + 9s);
    CHECK(to.times_out_at() == start + 10s);
  }
  SECTION("back-pressure is no silence") {
    auto talk = back_pressure(to);
    talk.start();
    CHECK(to.times_out_at() == clock::time_point::max());
    to.deadline = start + 30s;
    CHECK(to.times_out_at() == start + 30s);
  }
  SECTION("a send counts from the last byte that was taken") {
    auto talk = say_then_listen(to);
    talk.start();
    CHECK(to.times_out_at() == start + 10s);
    to.on_sent(0, start + 2s);
    CHECK(to.times_out_at() == start + 12s);
  }
}
