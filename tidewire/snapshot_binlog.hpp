// An initial copy of MySQL's and MariaDB's tables from its first connection to its last line: rounds of
// several connections, each in a snapshot of its own, again after whatever a retry helps against.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <functional>

#include "binlog/connect.hpp"
#include "binlog/source.hpp"
#include "tidewire/snapshot.hpp"

namespace tidewire {

class binlog_snapshot_run {
 public:
  struct settings {
    const stream_options& options;
    bool show_progress = false;
    /// `tell`: warnings of the connection are for a person.
    std::function<asio::awaitable<std::unique_ptr<binlog::client>>(bool tell)> connect{};
    /// Once, before anything is stored: where the stream will begin. `resumed`: it was stored by an earlier
    /// run.
    std::function<asio::awaitable<void>(binlog::client& with, const binlog::server_facts& server,
                                        const binlog::position& from, bool resumed)>
        on_begin{};
    std::function<stored_position(const binlog::server_facts&)> describe{};
  };

  /// `stored`: that of an earlier run, whose copy is not complete. `store` may be null.
  binlog_snapshot_run(asio::io_context& io, settings with, position_store* store,
                      std::optional<stored_position> stored);
  ~binlog_snapshot_run();

  /// Nothing: it was stopped. Throws what a retry doesn't help against.
  asio::awaitable<std::optional<snapshot_end>> run();
  /// What is complete is kept.
  void stop();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace tidewire
