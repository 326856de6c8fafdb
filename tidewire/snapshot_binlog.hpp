// An initial copy of MySQL's and MariaDB's tables: rounds of several connections, each in a snapshot of its
// own.
#pragma once

#include <functional>

#include "binlog/connect.hpp"
#include "binlog/source.hpp"
#include "tidewire/copy_runner.hpp"

namespace tidewire {

/// What the copy has from the stream around it.
struct binlog_copy_hooks {
  /// `tell`: warnings of the connection are for a person.
  std::function<asio::awaitable<std::unique_ptr<binlog::client>>(bool tell)> connect{};
  /// Once, before anything is stored: where the stream will begin. `resumed`: it was stored by an earlier
  /// run.
  std::function<asio::awaitable<void>(binlog::client& with, const binlog::server_facts& server,
                                      const binlog::position& from, bool resumed)>
      on_begin{};
  std::function<stored_position(const binlog::server_facts&)> describe{};
};

/// See copy_runner.
std::unique_ptr<copy_runner> make_binlog_copy(asio::io_context& io, copy_runner::settings with,
                                              binlog_copy_hooks hooks, position_store* store,
                                              std::optional<stored_position> stored);

}  // namespace tidewire
