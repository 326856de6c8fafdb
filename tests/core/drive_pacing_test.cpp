// When a connection lets a busy stream gather, and when it must not.
#include <catch2/generators/catch_generators.hpp>
#include <thread>

#include "tests/core/drive_fixture.hpp"

using namespace tidewire::testing;
using tidewire::byte_view;
using tidewire::connection;
using tidewire::conversation;

namespace {

conversation<counts> ask_and_stream(tidewire::link& to) {
  to.out = frame("end");
  co_await to.send();
  counts seen = co_await stream(to);
  co_return seen;
}

/// Asks so many times for an echo of so many bytes, as whoever gets batch after batch does.
conversation<counts> ask_often(tidewire::link& to, std::size_t times, std::size_t size) {
  counts seen;
  const std::string text(size, 'x');
  while (seen.frames < times) {
    to.out = frame(text);
    co_await to.send();
    std::optional<byte_view> next;
    while (!next) {
      next = co_await to.receive_or_wake();
      if (!next) ++seen.wakes;
    }
    ++seen.frames;
  }
  co_return seen;
}

/// Reads a flood of so many frames, waits for the news of its end, then asks and hears the answer.
conversation<counts> outlast(tidewire::link& to, std::size_t flood) {
  counts seen;
  while (seen.frames < flood || to.gathering()) {
    std::optional<byte_view> next = co_await to.receive_or_wake();
    ++(next ? seen.frames : seen.wakes);
  }
  to.out = frame("go");
  co_await to.send();
  counts more = co_await stream(to);
  seen.frames += more.frames;
  co_return seen;
}

}  // namespace

TEST_CASE("A flood is read in large pieces, and wakes still come through", "[drive]") {
  bool loopback_segments = GENERATE(true, false);
  bool small_window = GENERATE(true, false);
  CAPTURE(loopback_segments, small_window);
  // Small messages in small sends, as a walsender does it, until the reader goes.
  test_peer peer{[](int fd) {
                   auto message = frame(std::string(200, 'm'));
                   while (write_all(fd, message)) {
                   }
                 },
                 loopback_segments ? listen_tcp() : listen_tcp_small_segments()};
  run_io([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    if (small_window) db.expect_small_messages();
    auto wake = db.waker();
    std::jthread other([wake](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        wake();
        std::this_thread::yield();
      }
    });
    counts seen = co_await db.run(stream(db.link(), 2000));
    CHECK(seen.wakes == 2000);
    other.request_stop();
    other.join();
    db.set_tick(5ms);
    std::size_t frames = 0;
    std::uint64_t enough = db.stats().bytes_in + 10'000'000;
    while (db.stats().bytes_in < enough) {
      counts more = co_await db.run(stream(db.link(), 1));
      frames += more.frames;
    }
    CHECK(frames > 10'000);
    CHECK(db.stats().pauses > 0);
    CHECK(db.stats().bytes_in / db.stats().reads > 4 * 204);
  });
}

TEST_CASE("The end of a flood is told, and a few bytes after it are heard", "[drive]") {
  constexpr std::size_t flood = 20'000;
  bool loopback_segments = GENERATE(true, false);
  bool small_window = GENERATE(true, false);
  CAPTURE(loopback_segments, small_window);
  test_peer peer{[](int fd) {
                   auto message = frame(std::string(200, 'm'));
                   for (std::size_t i = 0; i < flood; ++i) write_all(fd, message);
                   read_exactly(fd, frame("go").size());
                   write_all(fd, frame("end"));
                   read_to_end(fd);
                 },
                 loopback_segments ? listen_tcp() : listen_tcp_small_segments()};
  run_io([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    if (small_window) db.expect_small_messages();
    counts seen = co_await db.run(outlast(db.link(), flood));
    CHECK(seen.frames == flood);
    CHECK(db.stats().pauses > 0);
  });
}

TEST_CASE("A lone message is never paused for", "[drive]") {
  test_peer peer{echo};
  run_io([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    for (int i = 0; i < 50; ++i) {
      counts seen = co_await db.run(ask_and_stream(db.link()));
      CHECK(seen.wakes == 0);
    }
    CHECK(db.stats().pauses == 0);
  });
}

TEST_CASE("Answers are never paused for, however large", "[drive]") {
  test_peer peer{echo};
  run_io([&]() -> asio::awaitable<void> {
    connection db = co_await join(loopback(peer));
    counts seen = co_await db.run(ask_often(db.link(), 100, 600'000));
    CHECK(seen.frames == 100);
    CHECK(db.stats().pauses == 0);
  });
}
