// The driver's part that finds where a server listens, and what is said when none of its addresses could be
// reached.
#pragma once

#include <asio/awaitable.hpp>
#include <vector>

#include "core/drive.hpp"
#include "core/failure.hpp"

namespace tidewire {

/// The socket's path, the address that was given, or what the name leads to, until `deadline`. Throws failure
/// TW-NET-DNS, TW-NET-TIMEOUT (transient), TW-USAGE-SOCKET-PATH, TW-USAGE-HOSTADDR.
asio::awaitable<std::vector<socket_address>> find_addresses(endpoint to, link::clock::time_point deadline,
                                                            dns_options dns);

/// TW-NET-CONNECT or TW-NET-TIMEOUT. `tried`: the addresses; `error`: the last one's number.
failure could_not_connect(const endpoint& to, const std::string& tried, int error);

}  // namespace tidewire
