// Names into addresses, with c-ares: a static program has no getaddrinfo that works everywhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "core/socket.hpp"

namespace tidewire {

struct dns_options {
  /// Name servers as c-ares writes them ("127.0.0.1:5353,[::1]:53"); empty: those of /etc/resolv.conf.
  std::string servers;
  std::chrono::milliseconds first_try{2000};  // doubles with each further try
  int tries = 4;
};

/// The addresses of a host, never none, in the order in which to try them (RFC 6724). Address literals and
/// "localhost" ask nobody; /etc/hosts comes before the DNS. Blocks until `deadline` at most, or until a stop
/// is requested. Throws failure TW-NET-DNS (transient: a name server's answer may be another one later).
std::vector<socket_address> resolve(const std::string& host, std::uint16_t port,
                                    std::chrono::steady_clock::time_point deadline,
                                    const std::stop_token& stop = {}, const dns_options& options = {});

}  // namespace tidewire
