// An initial copy from its first connection to its last line: rounds of several connections under one
// snapshot, again after whatever a retry helps against.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
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

}  // namespace tidewire
