// One question to the DNS through c-ares: a channel, its sockets, and the waiting. Only for core/dns*.cpp.
#pragma once

#include <ares.h>
#include <chrono>
#include <map>
#include <stop_token>
#include <string>

#include "core/dns.hpp"

namespace tidewire {

class dns_channel {
 public:
  /// `host`: what is asked for, for messages. Throws failure TW-NET-DNS.
  dns_channel(std::string host, const dns_options& options);
  ~dns_channel();
  dns_channel(const dns_channel&) = delete;
  dns_channel& operator=(const dns_channel&) = delete;

  ares_channel get() const { return channel_; }
  /// Until `done`, which a callback of c-ares sets. Throws failure TW-NET-DNS at the deadline, or when it is
  /// told to stop.
  void wait(const bool& done, std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);
  [[noreturn]] void fail(const std::string& why, const std::string& hint) const;

 private:
  static void watch(void* data, ares_socket_t socket, int readable, int writable);
  void turn(std::chrono::milliseconds limit);

  std::string host_;
  std::map<ares_socket_t, short> sockets_;
  ares_channel channel_ = nullptr;
};

}  // namespace tidewire
