#include "core/dns_channel.hpp"

#include <poll.h>
#include <vector>

#include "core/failure.hpp"

namespace tidewire {

dns_channel::dns_channel(std::string host, const dns_options& options) : host_(std::move(host)) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  ares_options with{};
  with.timeout = static_cast<int>(options.first_try.count());
  with.tries = options.tries;
  with.sock_state_cb = watch;
  with.sock_state_cb_data = &sockets_;
  int status =
      library != ARES_SUCCESS
          ? library
          : ares_init_options(&channel_, &with, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) fail(ares_strerror(status), "check /etc/resolv.conf");
  if (options.servers.empty()) return;
  status = ares_set_servers_ports_csv(channel_, options.servers.c_str());
  if (status == ARES_SUCCESS) return;
  ares_destroy(channel_);
  fail(ares_strerror(status), "check the list of name servers");
}

dns_channel::~dns_channel() {
  ares_destroy(channel_);
}

void dns_channel::watch(void* data, ares_socket_t socket, int readable, int writable) {
  auto& sockets = *static_cast<std::map<ares_socket_t, short>*>(data);
  if (!readable && !writable)
    sockets.erase(socket);
  else
    sockets[socket] = static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
}

void dns_channel::wait(const bool& done, std::chrono::steady_clock::time_point deadline,
                       const std::stop_token& stop) {
  using std::chrono::milliseconds;
  while (!done) {
    auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= milliseconds::zero())
      fail("no answer in time", "check that the name servers in /etc/resolv.conf can be reached");
    if (stop.stop_requested()) fail("interrupted", "");
    turn(std::min(left, milliseconds{50}));
  }
}

/// Waits for the sockets for at most `limit` and lets c-ares handle what came.
void dns_channel::turn(std::chrono::milliseconds limit) {
  std::vector<pollfd> waiting;
  for (auto [socket, events] : sockets_) waiting.push_back({socket, events, 0});
  timeval longest{limit.count() / 1000, static_cast<suseconds_t>(limit.count() % 1000 * 1000)};
  timeval next{};
  timeval* wait = ares_timeout(channel_, &longest, &next);
  int ms = static_cast<int>(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000);
  int ready = ::poll(waiting.data(), waiting.size(), ms);
  if (ready <= 0) {
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // looks at its time limits
    return;
  }
  for (const pollfd& at : waiting) {
    bool broken = (at.revents & (POLLERR | POLLHUP)) != 0;
    bool readable = broken || (at.revents & POLLIN) != 0;
    bool writable = (at.revents & POLLOUT) != 0;
    if (readable || writable)
      ares_process_fd(channel_, readable ? at.fd : ARES_SOCKET_BAD, writable ? at.fd : ARES_SOCKET_BAD);
  }
}

void dns_channel::fail(const std::string& why, const std::string& hint) const {
  throw failure{failure_kind::transient, "TW-NET-DNS", "could not find the address of " + host_ + ": " + why,
                hint};
}

}  // namespace tidewire
