// An initial copy under one snapshot: what is to be read, and how what several workers read becomes lines in
// one sink, chunk after chunk. Chunks are read at the same time, but each stands in the sink in one piece,
// followed by a place to go on from: a chunk that was not finished is cut off there and read again.
//
// A worker collects its chunk in batches of its own. When the chunk is complete, or its share of the batches
// is full, it waits for its turn, and has it until the chunk is handed over. So memory is bounded, and nobody
// who has the turn waits for somebody who hasn't.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/copy_totals.hpp"
#include "core/pipeline.hpp"
#include "pgoutput/copy_progress.hpp"
#include "pgoutput/copy_rows.hpp"

namespace tidewire::pgoutput {

/// A piece of work: some blocks of one part of a table.
struct copy_chunk {
  std::size_t table = 0;
  std::size_t part = 0;
  block_range blocks;  // `snapshot` as in what is to do
  bool opens = false;  // the first of its table in this round: it writes what the table's rows follow
};

using tidewire::copy_totals;

class copy_round {
 public:
  struct settings {
    int version = 0;
    /// A stream follows, from before any of the snapshots. Without it, a table whose copy was cut off is read
    /// again from its beginning: nothing would tell of rows that went meanwhile.
    bool changes_follow = true;
    std::size_t workers = 1;
    std::size_t batches_per_worker = 12;
    std::uint64_t chunk_bytes = 0;  // as stored by the server; 0: as it suits
  };

  /// `before`: how far an earlier round has come; `now`: the snapshot of this one. `at` is what a checkpoint
  /// has beside the copy's lines. `turn_free` is called when somebody who waits may have the turn. The
  /// pipeline must have workers × (batches_per_worker + 1) + 1 batches.
  copy_round(std::vector<listed_table> tables, copy_progress before, copy_snapshot now, pipeline& lines,
             checkpoint at, settings with, std::function<void()> turn_free);
  copy_round(const copy_round&) = delete;
  copy_round& operator=(const copy_round&) = delete;

  /// The lines that say what begins. Before any chunk; needs a batch.
  void begin();

  /// What to do next; of the part of `last` if there is more of it. Nothing: all is handed out.
  std::optional<copy_chunk> next(const std::optional<copy_chunk>& last);
  bool complete() const { return chunks_left() == 0; }

  const copied_lines& lines_of(const copy_chunk& chunk) const { return *tables_[chunk.table].lines; }
  const stored_part& part_of(const copy_chunk& chunk) const {
    return tables_[chunk.table].listed.parts[chunk.part];
  }
  const std::string& position() const { return position_; }
  std::string query_of(const copy_chunk& chunk) const;

  /// One worker's side.
  class worker {
   public:
    explicit worker(copy_round& round) : round_(round) {}

    void begin(const copy_chunk& chunk);
    /// False: wait for wake-ups until it is true. Throws what the pipeline met.
    bool has_room();
    /// Only with room.
    json::buffer& buffer() { return *now_; }
    /// A line was written: false if it was the last that there was room for.
    bool wrote() {
      if (now_->size() < round_.lines_.batch_bytes()) [[likely]]
        return true;
      put_aside();
      return false;
    }
    /// The chunk is complete, with so many rows. False: not yet its turn; wait and try again.
    bool finish(std::uint64_t rows);

   private:
    friend class copy_round;
    bool take_turn();
    void put_aside();

    copy_round& round_;
    copy_chunk chunk_;
    std::vector<json::buffer*> full_;  // while it is not its turn
    json::buffer* now_ = nullptr;
    std::uint64_t written_ = 0;  // bytes of lines of this chunk
  };

  /// After begin(), and with all chunks finished: the lines that say so. True when it could be done.
  bool end();

  void received(std::uint64_t bytes) { totals_.bytes_in += bytes; }
  const copy_totals& totals() const { return totals_; }
  /// How far it has come; to go on from in another round after this one has ended.
  const copy_progress& progress() const { return progress_; }

 private:
  struct work {
    listed_table listed;
    std::unique_ptr<copied_lines> lines;
    std::vector<block_plan> plans;  // one per part
    std::size_t unfinished = 0;     // chunks that are out
    bool opened = false;            // the chunk that opens it is out
    bool open = false;              // its first lines have been handed over
    bool again = false;             // what was read of it before is void
    bool known = false;             // an earlier round has begun it
    bool done = false;
    std::uint64_t bytes_per_block = 0;  // of lines, as seen so far
  };

  void plan(work& of, copy_progress& before);
  bool whole(const copied_table& of) const;
  std::size_t chunks_left() const;
  bool nothing_left(const work& of) const;
  std::uint32_t chunk_blocks(const work& of, const stored_part& part) const;
  void write_mark(json::buffer& out, const char* stage, const work* of, std::optional<std::uint64_t> tables,
                  std::optional<std::uint64_t> rows);
  copied_table& progress_of(const work& of) { return progress_.tables[of.listed.described.oid]; }
  void remember(const copied_table& of);
  checkpoint here() const;
  void chunk_done(const copy_chunk& chunk, std::uint64_t rows, std::uint64_t written, json::buffer& out);

  pipeline& lines_;
  const settings settings_;
  std::function<void()> turn_free_;
  checkpoint at_;
  copy_progress progress_;
  std::string position_;
  std::uint32_t snapshot_ = 0;  // of this round
  bool resumed_ = false;
  std::vector<work> tables_;
  std::vector<std::shared_ptr<const std::string>> snapshot_lines_;
  std::map<std::uint32_t, std::shared_ptr<const std::string>> table_lines_;
  const worker* turn_ = nullptr;
  std::size_t first_ = 0;  // tables before it are handed out
  std::size_t out_ = 0;    // chunks that are out
  copy_totals totals_;
};

}  // namespace tidewire::pgoutput
