// An initial copy from its first connection to its last line: rounds of several connections under one
// snapshot, again after whatever a retry helps against.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "core/position_store.hpp"
#include "core/sink.hpp"
#include "pgoutput/source.hpp"
#include "tidewire/options.hpp"
#include "wire/connection_string.hpp"

namespace tidewire {

/// What a stream goes on from.
struct snapshot_end {
  std::unique_ptr<sink> to;
  stored_position position;
};

class snapshot_run {
 public:
  struct settings {
    const stream_options& options;
    const pgoutput::source_settings& source;
    const wire::connection_options& from;
    bool with_slot = true;  // a stream follows; else the copy stands alone, and needs no right to replicate
    bool show_progress = false;
  };

  /// `stored`: that of an earlier run, whose copy is not complete. `store` may be null.
  snapshot_run(asio::io_context& io, settings with, position_store* store,
               std::optional<stored_position> stored);
  ~snapshot_run();

  /// Nothing: it was stopped. Throws what a retry doesn't help against.
  asio::awaitable<std::optional<snapshot_end>> run();
  /// What is complete is kept.
  void stop();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// `tidewire snapshot`: the copy alone.
void run_snapshot(const stream_options& options, bool quiet);

/// How far an earlier `tidewire snapshot` has come; its `copy` is empty when it is complete, which is told.
/// `store` is opened if there is to be one. Throws failure TW-POSITION-FOREIGN for a stream's position.
std::optional<stored_position> load_copy_alone(const stream_options& options,
                                               std::unique_ptr<position_store>& store);
/// From the signals, which call `stop`, to the end. Throws what the copy met, TW-SNAPSHOT-STOPPED.
void run_copy_alone(asio::io_context& io, asio::awaitable<std::optional<snapshot_end>> copy,
                    const std::function<void()>& stop);

}  // namespace tidewire
