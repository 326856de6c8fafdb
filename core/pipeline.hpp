// From encoded lines to an acknowledged position: batches of lines are written on one thread, made durable
// and their position stored on another, and only then is the position reported back to whoever acknowledges
// it to the source. Memory is bounded by the number of batches: when none is free the source stops reading.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/json.hpp"
#include "core/position_store.hpp"
#include "core/sink.hpp"

namespace tidewire {

/// A place between two transactions. `ack` is what the source wants to hear of it (Postgres: the LSN as a
/// number).
struct checkpoint {
  std::string position;
  std::uint64_t ack = 0;
  std::uint64_t transactions = 0;  // totals since the position store began
  std::uint64_t changes = 0;
  /// The lines of an initial copy that goes on (stored_position::copy), shared because most stay as they are.
  std::vector<std::shared_ptr<const std::string>> copy{};

  friend bool operator==(const checkpoint&, const checkpoint&) = default;
};

/// Used from one thread. After finish() or an error nothing that is handed over is written any more.
class pipeline {
 public:
  struct limits {
    std::size_t batch_bytes = 256 * 1024;
    std::size_t batches = 8;
    std::chrono::milliseconds sync_interval{1000};  // at least this long between two syncs of a busy stream
  };

  /// `store` may be null: then a checkpoint counts as durable when the sink is. `described` gives the
  /// source's identity for the stored positions. `wake` is called from the pipeline's threads when a batch
  /// becomes free, a checkpoint durable, or after an error; it must be cheap and thread-safe, and not throw.
  pipeline(sink& to, position_store* store, stored_position described, limits bounds,
           std::function<void()> wake);
  ~pipeline();
  pipeline(const pipeline&) = delete;
  pipeline& operator=(const pipeline&) = delete;

  /// An empty buffer, or null when all are on their way: back-pressure.
  json::buffer* acquire();

  /// Hands over a buffer got from acquire, which may be empty. `complete`: the last transaction end in it,
  /// `complete_bytes` from its start; nothing when the whole batch belongs to a transaction that goes on.
  void submit(json::buffer* batch, std::optional<checkpoint> complete, std::size_t complete_bytes);

  /// The source's position moved on without any lines (an idle source). Between the lines of a transaction
  /// there is no place to go on from: then it is ignored. So is the checkpoint that was handed over last.
  void advance(checkpoint moved);

  /// The newest checkpoint that will survive a crash.
  std::optional<checkpoint> durable() const;

  /// True when nothing that was handed over still waits to become durable, lines of a transaction that goes
  /// on included.
  bool settled() const;

  /// Rethrows what a thread of the pipeline met, if anything.
  void rethrow() const;

  /// Writes and syncs all complete transactions, stores the position, cuts an incomplete transaction off the
  /// sink's end where the sink can, and ends the threads. Blocks. Throws what rethrow() does; then nothing is
  /// cut.
  void finish();

  std::uint64_t bytes_written() const;
  std::size_t batch_bytes() const { return bounds_.batch_bytes; }
  /// A batch that is larger has one huge value: its memory goes when it is written, which is then told by a
  /// wake.
  std::size_t large_batch_bytes() const { return 8 * bounds_.batch_bytes; }

 private:
  struct batch {
    std::unique_ptr<json::buffer> lines;
    std::optional<checkpoint> complete;
    std::size_t complete_bytes = 0;
    std::uint64_t number = 0;  // of `complete`
  };
  struct written_checkpoint {
    checkpoint at;
    std::uint64_t offset = 0;
    std::uint64_t number = 0;  // counts up; tells whether a newer one came meanwhile
  };

  void write_batches();
  void make_durable();
  void keep(std::exception_ptr error);
  void stop_threads(bool drop) noexcept;

  sink& sink_;
  position_store* store_;
  stored_position described_;
  const limits bounds_;
  std::function<void()> wake_;
  const std::uint64_t start_offset_;  // of the sink: what is before it is durable

  mutable std::mutex mutex_;
  std::condition_variable to_writer_;
  std::condition_variable to_syncer_;
  std::vector<std::unique_ptr<json::buffer>> free_;
  std::vector<std::unique_ptr<json::buffer>> lent_;
  std::deque<batch> queue_;
  bool writing_ = false;
  bool closing_ = false;      // no more batches will come: finish what is there
  bool all_written_ = false;  // closing, and the writer is done
  bool dropping_ = false;     // leave at once
  std::optional<written_checkpoint> written_;
  std::optional<written_checkpoint> durable_;
  std::uint64_t submitted_number_ = 0;
  std::optional<checkpoint> submitted_;  // the last one
  bool in_transaction_ = false;          // what was submitted last are lines of one that goes on
  std::uint64_t bytes_written_ = 0;
  std::exception_ptr error_;

  std::thread writer_;
  std::thread syncer_;
};

}  // namespace tidewire
