// Small servers for tests: one thread, blocking sockets, on the loopback.
#pragma once

#include <arpa/inet.h>
#include <functional>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "core/bytes.hpp"
#include "core/socket.hpp"

namespace tidewire::testing {

inline unique_fd must(int fd) {
  if (fd < 0) throw std::runtime_error("socket: " + error_text(errno));
  return unique_fd{fd};
}

inline std::uint16_t port_of(int fd) {
  sockaddr_in name{};
  socklen_t size = sizeof name;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  return ntohs(name.sin_port);
}

inline unique_fd bound_to_loopback(int type) {
  unique_fd fd = must(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0)
    throw std::runtime_error("bind");
  return fd;
}

/// A listening TCP socket on 127.0.0.1.
inline unique_fd listen_tcp(int backlog = 16) {
  unique_fd fd = bound_to_loopback(SOCK_STREAM);
  if (::listen(fd.get(), backlog) != 0) throw std::runtime_error("listen");
  return fd;
}

/// With segments as a network card has them; those of the loopback are 64 KB.
inline unique_fd listen_tcp_small_segments() {
  unique_fd fd = bound_to_loopback(SOCK_STREAM);
  int bytes = 1448;
  if (::setsockopt(fd.get(), IPPROTO_TCP, TCP_MAXSEG, &bytes, sizeof bytes) != 0 ||
      ::listen(fd.get(), 16) != 0)
    throw std::runtime_error("listen with small segments");
  return fd;
}

inline unique_fd listen_unix(const std::string& path, int backlog = 16) {
  unique_fd fd = must(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto name = unix_address(path);
  if (!name || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name->storage), name->size) != 0 ||
      ::listen(fd.get(), backlog) != 0)
    throw std::runtime_error("listen on a path");
  return fd;
}

/// Reads exactly so many bytes; fewer at the end of the stream.
inline std::vector<std::uint8_t> read_exactly(int fd, std::size_t count) {
  std::vector<std::uint8_t> data(count);
  std::size_t have = 0;
  while (have < count) {
    ssize_t got = ::recv(fd, data.data() + have, count - have, 0);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  data.resize(have);
  return data;
}

inline bool write_all(int fd, byte_view data) {
  while (!data.empty()) {
    ssize_t put = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (put <= 0) return false;
    data = data.subspan(static_cast<std::size_t>(put));
  }
  return true;
}

/// Accepts one connection and serves it in a thread, which is joined at the end.
class test_peer {
 public:
  using serve = std::function<void(int fd)>;

  explicit test_peer(serve with, unique_fd listener = listen_tcp())
      : listener_(std::move(listener)),
        port_(port_of(listener_.get())),
        thread_([this, with = std::move(with)] {
          pollfd at{listener_.get(), POLLIN, 0};
          if (::poll(&at, 1, 10'000) != 1) return;
          unique_fd accepted{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
          if (accepted) with(accepted.get());
        }) {}

  std::uint16_t port() const { return port_; }

 private:
  unique_fd listener_;
  std::uint16_t port_;
  std::jthread thread_;
};

}  // namespace tidewire::testing
