// From a connection string to a logged-in session over a socket: hosts in their order, TLS as sslmode says,
// the password of each host, and the kind of server that is wanted.
#pragma once

#include <asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "core/drive.hpp"
#include "wire/connection_string.hpp"
#include "wire/session.hpp"

namespace tidewire::wire {

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
  host_port host;
};

struct connect_settings {
  bool replication = false;
  std::string application_name = "tidewire";
  std::chrono::milliseconds read_deadline{0};
  /// One line per message of this connection, secrets masked; may be empty.
  std::function<void(const std::string&)> on_trace;
  std::function<void(const error_details&)> on_notice;
  /// What a person should know although it works: an ignored password file, an unverified server.
  std::function<void(const std::string&)> on_warning;
};

/// Tries the hosts in turn. Throws the failure of the one host, or of several TW-PG-NO-HOST with what each
/// said; a server that refuses the login ends the search, as in libpq.
asio::awaitable<std::unique_ptr<client>> connect(const connection_options& options,
                                                 connect_settings settings);

}  // namespace tidewire::wire
