// The pauses between attempts: each is twice as long as the one before, up to a limit.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <random>

namespace tidewire {

class retry_pause {
 public:
  explicit retry_pause(asio::io_context& io) : timer_(io) {}

  /// The next one is short again.
  void reset();
  /// The one that is due.
  asio::awaitable<void> wait();
  /// About so long.
  asio::awaitable<void> wait(std::chrono::milliseconds time);

 private:
  asio::steady_timer timer_;
  std::chrono::milliseconds next_{100};
  std::mt19937 random_{std::random_device{}()};
};

}  // namespace tidewire
