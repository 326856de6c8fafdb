// The beginning of an exact copy: snapshots of several connections while nobody can write to their tables.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "binlog/connect.hpp"
#include "binlog/copy.hpp"

namespace tidewire {

struct locked_opening {
  binlog::client& locker;  // has the lock, and must be ended with the failure that this throws
  binlog::client& side;    // looks on
  const std::vector<std::unique_ptr<binlog::client>>& readers;
  const std::vector<binlog::copy_table>& tables;
  const binlog::server_facts& server;
  std::chrono::milliseconds patience;
};

/// Gives where the stream begins, and to `places` each snapshot's place. Writers wait for a second at most,
/// and then again, until `patience` is over. Throws failure TW-MY-LOCK-TIMEOUT, which names who writes.
asio::awaitable<binlog::copy_start> open_locked_snapshots(const locked_opening& with,
                                                          std::vector<std::string>& places);

}  // namespace tidewire
