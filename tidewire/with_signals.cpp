#include "tidewire/with_signals.hpp"

#include <asio/co_spawn.hpp>
#include <asio/signal_set.hpp>
#include <csignal>

namespace tidewire {

std::exception_ptr run_with_signals(asio::io_context& io, asio::awaitable<void> what,
                                    const std::function<void()>& stop) {
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const asio::error_code& error, int) {
    if (error) return;
    signals.clear();
    stop();
  });
  std::exception_ptr failed;
  asio::co_spawn(io, std::move(what), [&](std::exception_ptr error) {
    failed = std::move(error);
    io.stop();
  });
  io.run();
  return failed;
}

}  // namespace tidewire
