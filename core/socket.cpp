#include "core/socket.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

#include "core/failure.hpp"

namespace tidewire {
namespace {

/// An option that the system refuses is not worth a connection: the link's own deadline holds anyway.
void set_option(int fd, int level, int name, int value) {
  static_cast<void>(::setsockopt(fd, level, name, &value, sizeof value));
}

void set_positive(int fd, int level, int name, int value) {
  if (value > 0) set_option(fd, level, name, value);
}

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

unique_fd::~unique_fd() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<socket_address> literal_address(const std::string& host, std::uint16_t port) {
  socket_address result;
  sockaddr_in four{};
  if (::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    std::memcpy(&result.storage, &four, sizeof four);
    result.size = sizeof four;
    result.text = host;
    return result;
  }
  std::string bare = host;
  if (bare.size() > 2 && bare.front() == '[' && bare.back() == ']') bare = bare.substr(1, bare.size() - 2);
  std::size_t percent = bare.find('%');
  sockaddr_in6 six{};
  if (::inet_pton(AF_INET6, bare.substr(0, percent).c_str(), &six.sin6_addr) != 1) return std::nullopt;
  if (percent != bare.npos) {
    std::string scope = bare.substr(percent + 1);
    bool numeric = !scope.empty() && scope.size() < 10 && scope.find_first_not_of("0123456789") == scope.npos;
    six.sin6_scope_id =
        numeric ? static_cast<std::uint32_t>(std::stoul(scope)) : if_nametoindex(scope.c_str());
    if (six.sin6_scope_id == 0) return std::nullopt;
  }
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  std::memcpy(&result.storage, &six, sizeof six);
  result.size = sizeof six;
  result.text = bare;
  return result;
}

std::optional<socket_address> unix_address(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  bool abstract = !path.empty() && path[0] == '@';
  // A path needs its NUL, an abstract name has one in front instead.
  if (path.empty() || path.size() + (abstract ? 0 : 1) > sizeof name.sun_path) return std::nullopt;
  std::memcpy(name.sun_path, path.data(), path.size());
  if (abstract) name.sun_path[0] = '\0';
  socket_address result;
  std::memcpy(&result.storage, &name, sizeof name);
  result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  result.text = path;
  return result;
}

unique_fd open_socket(const socket_address& to, const socket_options& options) {
  unique_fd fd{::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd || to.family() == AF_UNIX) return fd;
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE, options.keepalive);
  if (options.keepalive) {
    set_positive(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, options.keepalive_idle_s);
    set_positive(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL, options.keepalive_interval_s);
    set_positive(fd.get(), IPPROTO_TCP, TCP_KEEPCNT, options.keepalive_count);
  }
  set_positive(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, options.tcp_user_timeout_ms);
  return fd;
}

void set_receive_low_water(int fd, int bytes) {
  set_option(fd, SOL_SOCKET, SO_RCVLOWAT, bytes);
}

void set_receive_buffer(int fd, int bytes) {
  set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

bool on_loopback(int fd) {
  constexpr int largest_elsewhere = 16 * 1024;  // jumbo frames have 9000
  int bytes = 0;
  socklen_t size = sizeof bytes;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &bytes, &size) == 0 && bytes > largest_elsewhere;
}

int start_connect(int fd, const socket_address& to) {
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to.storage), to.size) == 0) return 0;
  // Interrupted by a signal: it goes on by itself.
  return errno == EINTR ? EINPROGRESS : errno;
}

int connect_result(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

std::optional<uid_t> peer_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid == 0) return std::nullopt;
  return peer.uid;
}

std::string error_text(int error) {
  return std::generic_category().message(error);
}

std::exception_ptr broken_connection(int error) {
  bool gave_up = error == ETIMEDOUT;
  return std::make_exception_ptr(failure{
      failure_kind::transient, gave_up ? "TW-NET-TIMEOUT" : "TW-NET-CLOSED",
      "the connection to the server broke: " + error_text(error),
      gave_up ? "nothing came back from the server or the network; a reconnect may help"
              : "the server's log says why, unless something on the way cut it; a reconnect may help"});
}

io_result socket_read(int fd, std::span<std::uint8_t> into) {
  ssize_t count = ::recv(fd, into.data(), into.size(), 0);
  if (count > 0) {
    auto size = static_cast<std::size_t>(count);
    return {io::done, size, size < into.size()};
  }
  if (count == 0) return {io::eof};
  if (would_block(errno)) return {io::want_read, 0, true};
  return {io::error, 0, false, broken_connection(errno)};
}

io_result socket_write(int fd, byte_view data) {
  ssize_t count = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
  if (count >= 0) return {io::done, static_cast<std::size_t>(count)};
  if (would_block(errno)) return {io::want_write};
  return {io::error, 0, false, broken_connection(errno)};
}

}  // namespace tidewire
