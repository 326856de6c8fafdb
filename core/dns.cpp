#include "core/dns.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

#include "core/dns_channel.hpp"
#include "core/failure.hpp"

namespace tidewire {
namespace {

using clock = std::chrono::steady_clock;

bool is_localhost(std::string_view host) {
  static constexpr std::string_view name = "localhost";
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::ranges::equal(host, name,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

/// What one lookup has found.
struct lookup {
  std::uint16_t port = 0;
  bool done = false;
  int status = ARES_SUCCESS;
  std::vector<socket_address> found;
};

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

std::vector<socket_address> ask(const std::string& host, std::uint16_t port, clock::time_point deadline,
                                const std::stop_token& stop, const dns_options& options) {
  // The channel's end calls back into the state, which therefore must outlive it.
  lookup state;
  state.port = port;
  dns_channel channel(host, options);
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(channel.get(), host.c_str(), nullptr, &hints, take_answer, &state);
  channel.wait(state.done, deadline, stop);
  if (!state.found.empty()) return std::move(state.found);
  switch (state.status) {
    case ARES_SUCCESS:
    case ARES_ENODATA: channel.fail("the name has no address", "check the host name");
    case ARES_ENOTFOUND: channel.fail("there is no such name", "check the host name");
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED:
      channel.fail(ares_strerror(state.status),
                   "check that the name servers in /etc/resolv.conf can be reached");
    default: channel.fail(ares_strerror(state.status), "check the host name and /etc/resolv.conf");
  }
}

}  // namespace

std::vector<socket_address> resolve(const std::string& host, std::uint16_t port, clock::time_point deadline,
                                    const std::stop_token& stop, const dns_options& options) {
  if (std::optional<socket_address> literal = literal_address(host, port)) return {*literal};
  // The order of glibc, hence of libpq.
  if (is_localhost(host)) return {*literal_address("::1", port), *literal_address("127.0.0.1", port)};
  if (host.empty() || host.size() > 255 || host.find('\0') != host.npos)
    throw failure{failure_kind::transient, "TW-NET-DNS",
                  "could not find the address of the server: this is no host name", "check the host name"};
  return ask(host, port, deadline, stop, options);
}

}  // namespace tidewire
