#include "core/frame_buffer.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

using tidewire::as_text;
using tidewire::frame_buffer;
using tidewire::frame_buffer_limits;

namespace {

void put(frame_buffer& to, std::string_view text) {
  auto space = to.free(text.size());
  REQUIRE(space.size() >= text.size());
  std::copy(text.begin(), text.end(), space.begin());
  to.commit(text.size());
}

frame_buffer_limits small_limits() {
  frame_buffer_limits limits;
  limits.initial = 16;
  limits.usual = 64;
  limits.huge = 256;
  limits.max = 1024;
  return limits;
}

}  // namespace

TEST_CASE("Bytes go through the areas in order", "[frame_buffer]") {
  frame_buffer buffer{small_limits()};
  CHECK(buffer.capacity() == 0);
  CHECK(buffer.pending().empty());
  put(buffer, "abcdef");
  CHECK(as_text(buffer.pending()) == "abcdef");
  CHECK(as_text(buffer.take(2)) == "ab");
  CHECK(as_text(buffer.take(3)) == "cde");
  put(buffer, "ghi");
  CHECK(as_text(buffer.pending()) == "fghi");
  CHECK(buffer.received() == 9);
  CHECK(buffer.taken() == 5);
  CHECK(buffer.capacity() == 16);
  CHECK(buffer.count().moves == 0);
}

TEST_CASE("An empty buffer starts at its beginning again, without moving", "[frame_buffer]") {
  frame_buffer buffer{small_limits()};
  for (int i = 0; i < 100; ++i) {
    put(buffer, "0123456789");
    CHECK(as_text(buffer.take(10)) == "0123456789");
  }
  CHECK(buffer.capacity() == 16);
  CHECK(buffer.count().moves == 0);
  CHECK(buffer.count().growths == 1);
}

TEST_CASE("A pending rest moves only when there is no room behind it", "[frame_buffer]") {
  frame_buffer buffer{small_limits()};
  put(buffer, "0123456789ab");
  buffer.take(10);
  put(buffer, "cd");  // fits behind
  CHECK(buffer.count().moves == 0);
  put(buffer, "efgh");  // does not
  CHECK(buffer.count().moves == 1);
  CHECK(buffer.count().moved_bytes == 4);
  CHECK(as_text(buffer.pending()) == "abcdefgh");
  CHECK(buffer.capacity() == 16);
}

TEST_CASE("Moving is amortised", "[frame_buffer]") {
  frame_buffer buffer{small_limits()};
  std::uint64_t total = 0;
  std::string frame(11, 'x');
  // Frames that never end where a read ends.
  for (int i = 0; i < 1000; ++i) {
    auto space = buffer.free(8);
    std::size_t count = std::min<std::size_t>(space.size(), 13);
    std::fill_n(space.begin(), count, 'x');
    buffer.commit(count);
    total += count;
    while (buffer.pending().size() >= frame.size()) CHECK(as_text(buffer.take(11)) == frame);
  }
  CHECK(buffer.received() == total);
  CHECK(buffer.count().moved_bytes <= total);
}

TEST_CASE("The buffer grows to its maximum and no further", "[frame_buffer]") {
  frame_buffer buffer{small_limits()};
  std::size_t total = 0;
  for (;;) {
    auto space = buffer.free(10);
    if (space.empty()) break;
    std::fill(space.begin(), space.end(), static_cast<std::uint8_t>(total));
    buffer.commit(space.size());
    total += space.size();
  }
  CHECK(total == 1024);
  CHECK(buffer.capacity() == 1024);
  CHECK(buffer.take(1024).size() == 1024);
}

TEST_CASE("Growing carries the pending bytes along", "[frame_buffer]") {
  frame_buffer buffer{small_limits()};
  put(buffer, "0123456789");
  buffer.take(4);
  put(buffer, std::string(40, 'y'));
  CHECK(as_text(buffer.pending()) == "456789" + std::string(40, 'y'));
}

TEST_CASE("The buffer shrinks back: at once when huge, after a while when large", "[frame_buffer]") {
  frame_buffer buffer{small_limits()};
  put(buffer, std::string(500, 'h'));
  buffer.take(498);
  CHECK(buffer.capacity() == 500);
  buffer.free(10);
  CHECK(buffer.capacity() == 64);
  CHECK(as_text(buffer.pending()) == "hh");
  CHECK(buffer.count().shrinks == 1);

  buffer.take(2);
  put(buffer, std::string(200, 'l'));
  buffer.take(200);
  for (int i = 0; i < 15; ++i) buffer.free(10);
  CHECK(buffer.capacity() == 200);
  buffer.free(10);
  CHECK(buffer.capacity() == 64);
}

TEST_CASE("Kept messages stay together until they are released", "[frame_buffer]") {
  frame_buffer buffer{small_limits()};
  put(buffer, "xxaabb");
  buffer.take(2);
  CHECK(as_text(buffer.take(2)) == "aa");
  buffer.keep();
  CHECK(as_text(buffer.kept()) == "aa");
  put(buffer, std::string(100, 'c'));
  buffer.take(2);
  buffer.keep();
  CHECK(as_text(buffer.kept()) == "aabb");
  buffer.take(100);
  buffer.free(400);
  CHECK(as_text(buffer.kept()) == "aabb" + std::string(100, 'c'));
  buffer.release();
  CHECK(buffer.kept().empty());
  buffer.free(10);
  CHECK(buffer.capacity() == 64);
}
