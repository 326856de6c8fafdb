#include "core/dns.hpp"

#include <algorithm>
#include <ares.h>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <netinet/in.h>
#include <poll.h>

#include "core/failure.hpp"

namespace tidewire {
namespace {

using clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& host, const std::string& why, const std::string& hint) {
  throw failure{failure_kind::transient, "TW-NET-DNS", "could not find the address of " + host + ": " + why,
                hint};
}

bool is_localhost(std::string_view host) {
  static constexpr std::string_view name = "localhost";
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::ranges::equal(host, name,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

/// What one lookup has found, and which of c-ares' sockets wait for what.
struct lookup {
  std::uint16_t port = 0;
  bool done = false;
  int status = ARES_SUCCESS;
  std::vector<socket_address> found;
  std::map<ares_socket_t, short> sockets;
};

void watch(void* data, ares_socket_t socket, int readable, int writable) {
  auto& sockets = static_cast<lookup*>(data)->sockets;
  if (!readable && !writable)
    sockets.erase(socket);
  else
    sockets[socket] = static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
}

void add(lookup& to, const ares_addrinfo_node& node) {
  bool six = node.ai_family == AF_INET6;
  if (!six && node.ai_family != AF_INET) return;
  if (node.ai_addrlen < (six ? sizeof(sockaddr_in6) : sizeof(sockaddr_in))) return;
  socket_address address;
  char text[INET6_ADDRSTRLEN] = "";
  if (six) {
    sockaddr_in6 name{};
    std::memcpy(&name, node.ai_addr, sizeof name);
    name.sin6_port = htons(to.port);
    std::memcpy(&address.storage, &name, sizeof name);
    address.size = sizeof name;
    ::inet_ntop(AF_INET6, &name.sin6_addr, text, sizeof text);
  } else {
    sockaddr_in name{};
    std::memcpy(&name, node.ai_addr, sizeof name);
    name.sin_port = htons(to.port);
    std::memcpy(&address.storage, &name, sizeof name);
    address.size = sizeof name;
    ::inet_ntop(AF_INET, &name.sin_addr, text, sizeof text);
  }
  address.text = text;
  bool known = std::ranges::any_of(to.found, [&](const socket_address& a) { return a.text == address.text; });
  if (!known) to.found.push_back(std::move(address));
}

void take_answer(void* data, int status, int, ares_addrinfo* result) {
  auto& to = *static_cast<lookup*>(data);
  to.done = true;
  to.status = status;
  if (!result) return;
  for (ares_addrinfo_node* node = result->nodes; node; node = node->ai_next) add(to, *node);
  ares_freeaddrinfo(result);
}

struct close_channel {
  void operator()(ares_channel channel) const { ares_destroy(channel); }
};
using channel_owner = std::unique_ptr<std::remove_pointer_t<ares_channel>, close_channel>;

channel_owner open_channel(lookup& state, const std::string& host, const dns_options& options) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  ares_options with{};
  with.timeout = static_cast<int>(options.first_try.count());
  with.tries = options.tries;
  with.sock_state_cb = watch;
  with.sock_state_cb_data = &state;
  ares_channel channel = nullptr;
  int status =
      library != ARES_SUCCESS
          ? library
          : ares_init_options(&channel, &with, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) fail(host, ares_strerror(status), "check /etc/resolv.conf");
  channel_owner owner{channel};
  if (!options.servers.empty()) status = ares_set_servers_ports_csv(channel, options.servers.c_str());
  if (status != ARES_SUCCESS) fail(host, ares_strerror(status), "check the list of name servers");
  return owner;
}

/// Waits for the sockets for at most `limit` and lets c-ares handle what came.
void turn(ares_channel channel, const lookup& state, std::chrono::milliseconds limit) {
  std::vector<pollfd> waiting;
  for (auto [socket, events] : state.sockets) waiting.push_back({socket, events, 0});
  timeval longest{limit.count() / 1000, static_cast<suseconds_t>(limit.count() % 1000 * 1000)};
  timeval next{};
  timeval* wait = ares_timeout(channel, &longest, &next);
  int ms = static_cast<int>(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000);
  int ready = ::poll(waiting.data(), waiting.size(), ms);
  if (ready <= 0) {
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // looks at its time limits
    return;
  }
  for (const pollfd& at : waiting) {
    bool broken = (at.revents & (POLLERR | POLLHUP)) != 0;
    bool readable = broken || (at.revents & POLLIN) != 0;
    bool writable = (at.revents & POLLOUT) != 0;
    if (readable || writable)
      ares_process_fd(channel, readable ? at.fd : ARES_SOCKET_BAD, writable ? at.fd : ARES_SOCKET_BAD);
  }
}

std::vector<socket_address> ask(const std::string& host, std::uint16_t port, clock::time_point deadline,
                                const std::stop_token& stop, const dns_options& options) {
  // The channel's end calls back into the state, which therefore must outlive it.
  lookup state;
  state.port = port;
  channel_owner channel = open_channel(state, host, options);
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(channel.get(), host.c_str(), nullptr, &hints, take_answer, &state);
  using std::chrono::milliseconds;
  while (!state.done) {
    auto left = std::chrono::ceil<milliseconds>(deadline - clock::now());
    if (left <= milliseconds::zero())
      fail(host, "no answer in time", "check that the name servers in /etc/resolv.conf can be reached");
    if (stop.stop_requested()) fail(host, "interrupted", "");
    turn(channel.get(), state, std::min(left, milliseconds{50}));
  }
  if (!state.found.empty()) return std::move(state.found);
  switch (state.status) {
    case ARES_SUCCESS:
    case ARES_ENODATA: fail(host, "the name has no address", "check the host name");
    case ARES_ENOTFOUND: fail(host, "there is no such name", "check the host name");
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED:
      fail(host, ares_strerror(state.status),
           "check that the name servers in /etc/resolv.conf can be reached");
    default: fail(host, ares_strerror(state.status), "check the host name and /etc/resolv.conf");
  }
}

}  // namespace

std::vector<socket_address> resolve(const std::string& host, std::uint16_t port, clock::time_point deadline,
                                    const std::stop_token& stop, const dns_options& options) {
  if (std::optional<socket_address> literal = literal_address(host, port)) return {*literal};
  // The order of glibc, hence of libpq.
  if (is_localhost(host)) return {*literal_address("::1", port), *literal_address("127.0.0.1", port)};
  if (host.empty() || host.size() > 255 || host.find('\0') != host.npos)
    fail("the server", "this is no host name", "check the host name");
  return ask(host, port, deadline, stop, options);
}

}  // namespace tidewire
