// SRV and TXT records. Unlike addresses they come from the DNS alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "core/dns.hpp"

namespace tidewire {

struct srv_record {
  std::string host;
  std::uint16_t port = 0;
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;

  friend bool operator==(const srv_record&, const srv_record&) = default;
};

/// In the answer's order; none if there is no such name or no such record. Blocks until `deadline` at most.
/// Throws failure TW-NET-DNS if nobody answers, or not with what can be read.
std::vector<srv_record> resolve_srv(const std::string& name, std::chrono::steady_clock::time_point deadline,
                                    const std::stop_token& stop = {}, const dns_options& options = {});

/// The same for TXT; the strings of one record are joined.
std::vector<std::string> resolve_txt(const std::string& name, std::chrono::steady_clock::time_point deadline,
                                     const std::stop_token& stop = {}, const dns_options& options = {});

}  // namespace tidewire
