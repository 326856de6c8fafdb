#include "core/read_pacer.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace std::chrono_literals;
using tidewire::read_pacer;

namespace {

/// A stream of `rate` bytes/µs, read as the pacer says; what the last reads brought and how far apart they
/// were. Without a pause each message of 250 bytes is a read of its own.
struct steady {
  double bytes_per_read = 0;
  double us_between = 0;
};

steady read_steadily(double rate, tidewire::pacer_settings with = {}, int reads = 500) {
  read_pacer pacer(with);
  double interval = 250 / rate;
  for (int i = 0; i < reads; ++i) {
    auto pause = pacer.after_read(static_cast<std::size_t>(rate * interval),
                                  std::chrono::microseconds{static_cast<long>(interval)});
    interval = std::max(250 / rate, static_cast<double>(pause.count()));
  }
  return {rate * interval, interval};
}

}  // namespace

TEST_CASE("A lone commit is never paused for", "[read_pacer]") {
  read_pacer pacer;
  CHECK(pacer.after_read(300, 5s) == 0us);
  CHECK(pacer.after_read(300, 2s) == 0us);
  CHECK(!pacer.busy());
  // One that comes in several messages.
  for (int i = 0; i < 20; ++i) CHECK(pacer.after_read(400, 10us) == 0us);
  // Many small ones per second.
  for (int i = 0; i < 10'000; ++i) CHECK(pacer.after_read(1000, 1ms) == 0us);
}

TEST_CASE("A burst makes the stream busy, and quiet ends it", "[read_pacer]") {
  read_pacer pacer;
  auto pause = 0us;
  int reads = 0;
  while (pause == 0us && reads < 10'000) {
    pause = pacer.after_read(250, 10us);
    ++reads;
  }
  CHECK(pacer.busy());
  CHECK(reads < 1000);
  CHECK(pacer.after_read(250, 500ms) == 0us);
  CHECK(!pacer.busy());
}

TEST_CASE("A server that gets no processor for a while does not count as idle", "[read_pacer]") {
  read_pacer pacer;
  for (int i = 0; i < 1000; ++i) pacer.after_read(8000, 1ms);
  CHECK(pacer.busy());
  CHECK(pacer.after_read(250, 150ms) > 0us);
  CHECK(pacer.busy());
}

TEST_CASE("A slow stream is read as it comes", "[read_pacer]") {
  CHECK(read_steadily(1).us_between == 250);
}

TEST_CASE("A busy stream is read in pieces of the target's size, within the limits", "[read_pacer]") {
  steady slow = read_steadily(10);
  CHECK(slow.us_between == 1000);
  steady narrow = read_steadily(50);
  CHECK(narrow.bytes_per_read > 30'000);
  CHECK(narrow.bytes_per_read < 50'000);
  steady wide = read_steadily(100);
  CHECK(wide.us_between > 300);
  CHECK(wide.us_between < 500);
  steady flood = read_steadily(2000);
  CHECK(flood.us_between == 100);
}

TEST_CASE("With a small window the pieces are as large as the server's queue takes them", "[read_pacer]") {
  CHECK(read_steadily(1, tidewire::small_window_pacing).us_between == 250);
  CHECK(read_steadily(50, tidewire::small_window_pacing).us_between == 10'000);
  steady fast = read_steadily(500, tidewire::small_window_pacing);
  CHECK(fast.bytes_per_read > 800'000);
  CHECK(fast.bytes_per_read < 1'200'000);
}

TEST_CASE("A reader that is itself too slow is not slowed down more than the least", "[read_pacer]") {
  read_pacer pacer;
  auto pause = 0us;
  // A full buffer at each read: the work between the reads takes longer than any pause.
  for (int i = 0; i < 100; ++i) pause = pacer.after_read(1'000'000, 2ms);
  CHECK(pause == 100us);
}

TEST_CASE("Odd inputs are legal", "[read_pacer]") {
  read_pacer pacer;
  for (auto elapsed : {-5us, 0us, 1us}) {
    for (std::size_t bytes : {std::size_t{0}, std::size_t{1} << 40}) {
      auto pause = pacer.after_read(bytes, elapsed);
      CHECK(pause >= 0us);
      CHECK(pause <= 1000us);
    }
  }
}
