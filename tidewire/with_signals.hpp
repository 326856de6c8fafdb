// What runs until it is complete, or a signal asks it to end.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <exception>
#include <functional>

namespace tidewire {

/// Runs `io` until `what` has ended or somebody stops `io`; gives what `what` threw. The first SIGINT or
/// SIGTERM calls `stop`; the second one ends the process at once, also while we wait for a sink that hangs.
std::exception_ptr run_with_signals(asio::io_context& io, asio::awaitable<void> what,
                                    const std::function<void()>& stop);

}  // namespace tidewire
