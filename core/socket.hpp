// Non-blocking sockets, TCP and Unix: opening, options, one read or write at a time. No waiting here.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/types.h>
#include <utility>

#include "core/bytes.hpp"

namespace tidewire {

/// Zero leaves a setting to the system; a zero timeout waits for ever.
struct socket_options {
  std::chrono::milliseconds connect_timeout{10'000};  // name lookup and all addresses together
  std::chrono::milliseconds read_deadline{0};         // becomes the link's silence_limit
  bool keepalive = true;
  int keepalive_idle_s = 30;
  int keepalive_interval_s = 10;
  int keepalive_count = 3;
  int tcp_user_timeout_ms = 60'000;
};

class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Where one socket connects to. `text` is for messages.
struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string text;

  int family() const { return storage.ss_family; }
};

/// An address literal (IPv4, or IPv6 with or without brackets and %scope), or nothing if `host` is none.
std::optional<socket_address> literal_address(const std::string& host, std::uint16_t port);

/// A path, or @name for Linux's abstract sockets; nothing if it is too long for a sockaddr_un.
std::optional<socket_address> unix_address(const std::string& path);

/// A non-blocking socket for the address with the options set, or none: errno says why.
unique_fd open_socket(const socket_address& to, const socket_options& options);

/// The socket counts as readable from so many bytes on, or when it has no room for more.
void set_receive_low_water(int fd, int bytes);

/// The kernel doubles it for its own needs, and no longer adapts it.
void set_receive_buffer(int fd, int bytes);

/// A connected TCP socket whose packets never leave the machine: no other device takes packets that large.
bool on_loopback(int fd);

/// 0: connected. EINPROGRESS: wait until it is writable, then ask connect_result. EAGAIN (Unix only): the
/// server's queue is full, call again later. Anything else is an error.
int start_connect(int fd, const socket_address& to);
int connect_result(int fd);

/// The user at the other end of a Unix socket.
std::optional<uid_t> peer_user(int fd);

/// strerror without its thread problems.
std::string error_text(int error);

/// The failure for a connection that broke: TW-NET-CLOSED, or TW-NET-TIMEOUT when TCP gave up on the peer.
std::exception_ptr broken_connection(int error);

enum class io : std::uint8_t { done, want_read, want_write, eof, error };

/// `count` only with done. `drained`: there was nothing more to read at that moment. `error` only with error.
struct io_result {
  io what = io::done;
  std::size_t count = 0;
  bool drained = false;
  std::exception_ptr error{};
};

io_result socket_read(int fd, std::span<std::uint8_t> into);
io_result socket_write(int fd, byte_view data);

}  // namespace tidewire
