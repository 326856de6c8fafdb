#include "core/drive_addresses.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <thread>

namespace tidewire {
namespace {

/// The blocking lookup, in a thread of its own.
asio::awaitable<std::vector<socket_address>> resolve_aside(std::string host, std::uint16_t port,
                                                           link::clock::time_point deadline,
                                                           dns_options dns) {
  struct answer {
    explicit answer(const asio::any_io_executor& executor)
        : there(executor, link::clock::time_point::max()) {}
    asio::steady_timer there;
    bool done = false;
    std::vector<socket_address> addresses;
    std::exception_ptr error;
  };
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto shared = std::make_shared<answer>(executor);
  // Joins when this coroutine goes, having been told to stop.
  std::jthread worker([=](const std::stop_token& stop) {
    try {
      shared->addresses = resolve(host, port, deadline, stop, dns);
    } catch (...) {
      shared->error = std::current_exception();
    }
    asio::post(executor, [shared] {
      shared->done = true;
      shared->there.cancel();
    });
  });
  asio::error_code ignored;
  while (!shared->done) co_await shared->there.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (shared->error) std::rethrow_exception(shared->error);
  co_return std::move(shared->addresses);
}

std::optional<socket_address> given_address(const endpoint& to) {
  if (!to.unix_path.empty()) {
    std::optional<socket_address> address = unix_address(to.unix_path);
    if (!address) throw failure{failure_kind::usage, "TW-USAGE-SOCKET-PATH", "the socket path is too long"};
    return address;
  }
  const std::string& literal = to.hostaddr.empty() ? to.host : to.hostaddr;
  std::optional<socket_address> address = literal_address(literal, to.port);
  if (!address && !to.hostaddr.empty())
    throw failure{failure_kind::usage, "TW-USAGE-HOSTADDR", "hostaddr is not an IPv4 or IPv6 address",
                  "a name belongs into host"};
  return address;
}

const char* connect_hint(int error) {
  switch (error) {
    case ECONNREFUSED: return "check host and port, and that the server runs and listens there";
    case ENOENT: return "check the path of the socket and that the server runs";
    case EACCES:
    case EPERM: return "check the rights on the socket, or the firewall";
    case EHOSTUNREACH:
    case ENETUNREACH: return "check the route to the server and the firewall";
    case ETIMEDOUT: return "check host and port; a firewall may drop what is sent there";
    default: return "check host and port";
  }
}

}  // namespace

asio::awaitable<std::vector<socket_address>> find_addresses(endpoint to, link::clock::time_point deadline,
                                                            dns_options dns) {
  if (std::optional<socket_address> given = given_address(to)) {
    std::vector<socket_address> one{*given};
    co_return one;
  }
  std::vector<socket_address> found = co_await resolve_aside(to.host, to.port, deadline, dns);
  co_return found;
}

failure could_not_connect(const endpoint& to, const std::string& tried, int error) {
  return {failure_kind::transient, error == ETIMEDOUT ? "TW-NET-TIMEOUT" : "TW-NET-CONNECT",
          "could not connect to " + to.text() + " (" + tried + ")", connect_hint(error)};
}

std::string endpoint::text() const {
  if (!unix_path.empty()) return unix_path;
  const std::string& name = host.empty() ? hostaddr : host;
  bool six = name.find(':') != name.npos && !name.starts_with('[');
  return (six ? "[" + name + "]" : name) + ":" + std::to_string(port);
}

}  // namespace tidewire
