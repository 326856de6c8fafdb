// An initial copy of MongoDB's collections from its first connection to its last line, again after whatever a
// retry helps against.
#pragma once

#include <asio/io_context.hpp>

#include "tidewire/mongo_source.hpp"
#include "tidewire/snapshot.hpp"

namespace tidewire {

class mongo_snapshot_run {
 public:
  struct settings {
    bool stream_follows = true;  // else the copy stands alone
    bool show_progress = false;
  };

  /// `stored`: that of an earlier run, whose copy is not complete. `store` may be null. `source` outlives
  /// this.
  mongo_snapshot_run(asio::io_context& io, mongo_source& source, settings with, position_store* store,
                     std::optional<stored_position> stored);
  ~mongo_snapshot_run();

  /// Nothing: it was stopped. Throws what a retry doesn't help against.
  asio::awaitable<std::optional<snapshot_end>> run();
  /// What is complete is kept.
  void stop();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// `tidewire snapshot mongodb://…`: the copy alone.
void run_mongo_snapshot(const stream_options& options, bool quiet);

}  // namespace tidewire
