// Connections to a peer on the loopback, and what is said on them.
#pragma once

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <string>

#include "core/drive.hpp"
#include "tests/core/test_framer.hpp"
#include "tests/core/test_peer.hpp"

namespace tidewire::testing {

using namespace std::chrono_literals;

/// Runs one coroutine to its end, with a limit that only a bug reaches.
inline void run_io(const std::function<asio::awaitable<void>()>& body) {
  asio::io_context io;
  std::exception_ptr error;
  bool done = false;
  asio::co_spawn(io, body, [&](std::exception_ptr ended) {
    error = ended;
    done = true;
  });
  io.run_for(60s);
  if (error) std::rethrow_exception(error);
  REQUIRE(done);
}

inline failure failure_of(const std::function<asio::awaitable<void>()>& body) {
  try {
    run_io(body);
  } catch (const failure& error) {
    return error;
  }
  return {failure_kind::usage, "none", "no failure"};
}

inline endpoint loopback(const test_peer& peer) {
  endpoint to;
  to.host = "127.0.0.1";
  to.port = peer.port();
  return to;
}

inline asio::awaitable<connection> join(endpoint to, socket_options options = socket_options()) {
  connection made = co_await connection::connect(to, options, test_framer);
  co_return made;
}

/// Sends each frame back.
inline void echo(int fd) {
  for (;;) {
    auto head = read_exactly(fd, 4);
    if (head.size() < 4) return;
    auto rest = read_exactly(fd, load_be<std::uint32_t>(head.data()) - 4);
    if (!write_all(fd, head) || !write_all(fd, rest)) return;
  }
}

inline void read_to_end(int fd) {
  while (!read_exactly(fd, 1 << 16).empty()) {
  }
}

inline conversation<std::string> ask(link& to, std::string text) {
  to.out = frame(text);
  co_await to.send();
  byte_view reply = co_await to.receive();
  co_return std::string(body(reply));
}

struct counts {
  std::size_t frames = 0;
  std::size_t wakes = 0;
};

/// Up to a frame that says "end", or so many wakes.
inline conversation<counts> stream(link& from, std::size_t max_wakes = 1'000'000) {
  counts seen;
  while (seen.wakes < max_wakes) {
    std::optional<byte_view> next = co_await from.receive_or_wake();
    if (!next) {
      ++seen.wakes;
      continue;
    }
    if (body(*next) == "end") break;
    ++seen.frames;
  }
  co_return seen;
}

}  // namespace tidewire::testing
