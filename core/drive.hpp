// Joins conversations to sockets: connects, does what a link wants, and resumes it. One I/O thread per
// connection: everything here but a waker is called from the thread that runs the executor.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/conversation.hpp"
#include "core/dns.hpp"
#include "core/link.hpp"
#include "core/socket.hpp"

#if defined(__GNUC__) && !defined(__clang__)
// Wherever an awaitable is made g++ 12 inlines only one half of Asio's operator new and delete for its frame.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace tidewire {

/// Where a server is. A `unix_path` (the socket itself, or @name) wins over a `hostaddr` (an address
/// literal), that over `host`; the other names are then only for messages and certificates.
struct endpoint {
  std::string host;
  std::string hostaddr;
  std::uint16_t port = 0;
  std::string unix_path;

  /// For messages: "db.example:5432", "[::1]:5432" or the path.
  std::string text() const;
};

struct connection_stats {
  std::uint64_t bytes_in = 0;  // as the conversation sees them, inside TLS
  std::uint64_t bytes_out = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t pauses = 0;  // between reads of a busy stream
  link::clock::time_point last_byte_at{};
};

class connection {
 public:
  /// Tries the host's addresses in turn, each with its share of the time that is left. Throws failure
  /// TW-NET-DNS, TW-NET-CONNECT or TW-NET-TIMEOUT (transient), TW-USAGE-SOCKET-PATH, TW-USAGE-HOSTADDR.
  static asio::awaitable<connection> connect(endpoint to, socket_options options, link::framer frames,
                                             link_limits limits = link_limits(),
                                             dns_options dns = dns_options());

  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;
  /// Closes. Not while a run is going on.
  ~connection();

  /// Drives a conversation on link() to its end and gives its result or exception. One at a time; what the
  /// last one left in the buffer is the next one's. If the awaiting coroutine is destroyed, the conversation
  /// is too.
  template <class T>
  asio::awaitable<T> run(conversation<T> talk) {
    begin();
    talk.start();
    co_await drive(talk.erased());
    co_return talk.result();
  }

  tidewire::link& link();
  /// Resumes receive_or_wake or wait_wake, now or when it is next awaited.
  void wake();
  /// The same from any thread, as often as one likes. May outlive the connection (then it does nothing), not
  /// the executor's context.
  std::function<void()> waker() const;
  /// receive_or_wake and wait_wake are resumed at least so often. Zero (the beginning): only when woken.
  void set_tick(std::chrono::milliseconds tick);
  /// The server sends each of very many small messages by itself, as a walsender does. On the loopback the
  /// window is small from now on while the stream is busy, and the pauses long: see small_window_pacing.
  void expect_small_messages();

  const connection_stats& stats() const;
  /// The address that it is connected to: "127.0.0.1", or the path.
  const std::string& address() const;
  /// The user at the other end of a Unix socket, for requirepeer.
  std::optional<std::uint32_t> peer_user_id() const;

 private:
  struct impl;
  explicit connection(std::shared_ptr<impl> made);
  void begin();
  asio::awaitable<void> drive(std::coroutine_handle<> talk);

  std::shared_ptr<impl> impl_;
};

}  // namespace tidewire
