// From a URL to a logged-in session over a socket.
#pragma once

#include <asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "binlog/connection_url.hpp"
#include "binlog/session.hpp"
#include "core/drive.hpp"

namespace tidewire::binlog {

/// A connection and the session on it. To be used by one coroutine at a time.
struct client {
  explicit client(connection made) : socket(std::move(made)), talk(socket.link()) {}

  /// Drives a conversation to its end.
  template <class T>
  asio::awaitable<T> run(conversation<T> what) {
    return socket.run(std::move(what));
  }

  connection socket;
  session talk;
};

struct connect_settings {
  std::chrono::milliseconds read_deadline{0};
  /// What a person should know although it works: an unverified server.
  std::function<void(const std::string&)> on_warning;
  /// One line per packet, secrets masked; may be empty.
  std::function<void(const std::string& line)> on_trace;
};

asio::awaitable<std::unique_ptr<client>> connect(const connection_url& to, connect_settings settings);

}  // namespace tidewire::binlog
