// A copy by several connections: what is still to be read, and how what they read becomes lines in one sink.
// Tables with a key are read in its order, so that behind each row there is a place to go on from: a batch
// that is full is handed over at once, with what has been copied up to its last row, and nobody waits for
// anybody. A table without a key is read whole by one connection; interrupted, it is read again.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "binlog/copy_progress.hpp"
#include "binlog/copy_rows.hpp"
#include "core/copy_totals.hpp"
#include "core/link.hpp"
#include "core/pipeline.hpp"

namespace tidewire::binlog {

/// A part of a table, between two keys.
struct copy_piece {
  key_range bounds;
  key_values reached{};   // rows up to it are in the sink; empty: none is known to be
  bool complete = false;  // all of them are
  bool out = false;       // somebody reads it
};

/// What a worker does next.
struct copy_chunk {
  std::size_t table = 0;
  copy_piece* piece = nullptr;
  bool opens = false;   // the first of its table in this round: it writes what the table's rows follow
  bool splits = false;  // first look where it is to end, so that others may read what is behind it
};

class copy_round {
 public:
  struct settings {
    std::size_t workers = 1;
    std::uint64_t chunk_bytes = 0;  // as stored by the server; 0: as it suits
    bool mariadb = false;
  };

  /// `before`: how far an earlier round has come, or, without tables, what this one begins with. `place`: of
  /// this round's first snapshot. `at` is what a checkpoint has beside the copy's lines. `turn_free` is
  /// called when there may be something to do for who waits. The pipeline must have 2 × workers + 1 batches.
  copy_round(std::vector<copy_table> tables, copy_progress before, bool resumed, std::string place,
             pipeline& lines, checkpoint at, settings with, std::function<void()> turn_free);
  copy_round(const copy_round&) = delete;
  copy_round& operator=(const copy_round&) = delete;

  /// The lines that say what begins. Before any chunk; needs a batch.
  void begin();

  /// What to do next. Nothing: all is handed out, or must be waited for.
  std::optional<copy_chunk> next();
  bool waits() const;
  bool complete() const;

  const copy_table& table_of(const copy_chunk& chunk) const { return tables_[chunk.table].listed; }
  bool mariadb() const { return settings_.mariadb; }
  /// Of a chunk that splits: how many rows it should have.
  std::uint64_t chunk_rows(const copy_chunk& chunk) const { return chunk_rows(tables_[chunk.table]); }
  /// It goes up to that key; empty: to the end.
  void split(copy_chunk& chunk, key_values up_to);
  /// Where to go on in the piece.
  static key_range range_of(const copy_chunk& chunk);

  /// One worker's side. Calls follow the chunk: begin, the lines, finish.
  class worker {
   public:
    worker(copy_round& round, std::string place) : round_(round), place_(std::move(place)) {}

    /// False: wait for wake-ups until it is true. Throws what the pipeline met.
    bool has_room();
    /// Only with room.
    json::buffer& buffer() { return *now_; }
    bool full() const { return now_->size() >= round_.lines_.batch_bytes(); }

    /// With room. Writes what the table's rows follow, if the chunk opens it.
    void begin(const copy_chunk& chunk, const tidewire::table& described);
    /// A row was written.
    void wrote(std::size_t bytes_in) {
      ++rows_;
      ++fresh_;
      ++round_.totals_.rows;
      round_.totals_.bytes_in += bytes_in;
    }
    /// All rows up to `reached` have been written, if that is not empty.
    void hand_over(key_values reached, link::clock::time_point now);
    /// With room: the chunk is complete.
    void finish(const tidewire::table& described, link::clock::time_point now);
    std::string fields() const;

   private:
    void submit(bool place, link::clock::time_point now);
    void set_loose(bool to);

    copy_round& round_;
    std::string place_;  // of its snapshot
    copy_chunk chunk_;
    json::buffer* now_ = nullptr;
    std::uint64_t rows_ = 0;   // of this chunk, not counted in what has been copied
    std::uint64_t fresh_ = 0;  // not handed over
    bool loose_ = false;       // lines were handed over that no place to go on from counts
  };

  /// No worker is left: hands over the last place to go on from.
  void pause();
  /// After begin(), and with all chunks finished: the lines that say so. True when it could be done.
  bool end();

  const copy_totals& totals() const { return totals_; }
  /// How far it has come; to go on from in another round after this one has ended.
  const copy_progress& progress() const { return progress_; }

 private:
  struct work {
    copy_table listed;
    std::list<copy_piece> pieces;  // in the key's order, all of the table
    bool opened = false;           // the chunk that opens it is out
    bool busy = false;             // it is being opened or split
    bool known = false;            // an earlier round has begun it
    bool again = false;            // what was read of it before is void
    bool done = false;
    std::uint64_t bytes_done = 0;
  };

  void plan(work& of, const copy_progress& before);
  std::uint64_t chunk_rows(const work& of) const;
  copied_table& progress_of(const work& of) { return progress_.tables[{of.listed.schema, of.listed.name}]; }
  void remember(const work& of);
  void open(work& of);
  static void close(work& of, const copy_piece& piece);
  void count_bytes(work& of, std::uint64_t rows);
  void write_mark(json::buffer& out, const char* stage, const tidewire::table* of, const std::string& place,
                  std::optional<std::uint64_t> tables, std::optional<std::uint64_t> rows);
  checkpoint here() const;

  pipeline& lines_;
  const settings settings_;
  std::function<void()> turn_free_;
  checkpoint at_;
  copy_progress progress_;
  const bool resumed_;
  std::string place_;
  std::vector<work> tables_;
  std::shared_ptr<const std::string> rows_line_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const std::string>> table_lines_;
  std::size_t first_ = 0;  // tables before it are handed out
  std::size_t loose_ = 0;  // chunks with lines in the sink that no place counts
  bool unplaced_ = false;  // lines were handed over since the last place
  link::clock::time_point placed_at_{};
  copy_totals totals_;
};

}  // namespace tidewire::binlog
