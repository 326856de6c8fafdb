// From a connection string to a logged-in session over a socket, with the server that is wanted: the hosts
// that are named, and those that they name.
#pragma once

#include <asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "core/drive.hpp"
#include "mongo_wire/login.hpp"
#include "mongo_wire/topology.hpp"

namespace tidewire::mongo_wire {

/// A connection and the session on it. To be used by one coroutine at a time.
struct client {
  client(connection made, cluster_clock& clock) : socket(std::move(made)), talk(socket.link(), clock) {}

  template <class T>
  asio::awaitable<T> run(conversation<T> what) {
    return socket.run(std::move(what));
  }

  connection socket;
  session talk;
  host_port host;
  hello_reply server;
};

struct connect_settings {
  std::chrono::milliseconds read_deadline{0};
  std::function<void(const std::string& line)> on_trace;
  std::function<void(const std::string&)> on_warning;
};

/// What is known of the cluster; lives longer than any connection to it.
struct cluster {
  explicit cluster(connection_options from) : options(std::move(from)), known(options) {}

  /// As topology::heard, now.
  bool heard(const host_port& from, const hello_reply& said);

  connection_options options;
  topology known;
  cluster_clock clock;
};

/// Asks the DNS for the hosts and options of mongodb+srv; nothing else to do for mongodb://. Blocks. Throws
/// failure TW-NET-DNS, TW-USAGE-CONNECTION-STRING.
void resolve_srv_hosts(connection_options& options);

/// Goes through the hosts until one is what readPreference and its tags and staleness want, and again until
/// serverSelectionTimeoutMS. Throws TW-MONGO-NO-HOST with what each said, or what refused the login.
asio::awaitable<std::unique_ptr<client>> connect(cluster& with, connect_settings settings);

}  // namespace tidewire::mongo_wire
