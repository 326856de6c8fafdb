// Joins the decoded dump to the pipeline: one batch of lines after the other, each with the position that it
// completes.
#pragma once

#include "binlog/position.hpp"
#include "binlog/row_changes.hpp"
#include "core/pipeline.hpp"

namespace tidewire::binlog {

class change_feed {
 public:
  /// `from`: where the stream begins; its totals are those of the stored position. Both others must outlive
  /// this.
  change_feed(row_changes& changes, pipeline& lines, const position& from, std::uint64_t transactions,
              std::uint64_t changes_before)
      : changes_(changes),
        lines_(lines),
        kind_(from.kind),
        transactions_(transactions),
        before_(changes_before) {
    changes.done().executed = from.executed;
    changes.done().domains = from.domains;
    changes.done().file = from.file;
    changes.done().offset = from.offset;
  }

  /// What the next connection goes on from: all that has been read whole.
  position next() const {
    const change_progress& done = changes_.done();
    position at;
    at.kind = kind_;
    switch (kind_) {
      case position_kind::gtid_set: at.executed = done.executed; break;
      case position_kind::domains: at.domains = done.domains; break;
      case position_kind::file: at.file = done.file; at.offset = done.offset;
    }
    return at;
  }

  /// False while all batches are on their way: back-pressure. Throws what the pipeline met.
  bool has_room() {
    if (batch_) [[likely]]
      return true;
    lines_.rethrow();
    batch_ = lines_.acquire();
    if (batch_) changes_.write_to(*batch_);
    return batch_;
  }

  /// Only with room. See row_changes.
  void take(const event_view& event, const format_description& format, const event_place& place) {
    changes_.take(event, format, place);
    if (batch_->size() >= lines_.batch_bytes()) [[unlikely]]
      hand_over();
  }
  bool replaying() const { return changes_.replaying(); }
  void replay_more() {
    changes_.replay_more(lines_.batch_bytes());
    if (batch_->size() >= lines_.batch_bytes()) hand_over();
  }

  /// Between transactions a file's position moves with every event.
  void passed(std::string_view file, std::uint64_t offset) {
    if (kind_ != position_kind::file || !changes_.between_transactions()) return;
    change_progress& done = changes_.done();
    if (done.file == file && done.offset == offset) return;
    done.file = file;
    done.offset = offset;
    ++done.ended;
  }

  /// The dump has run dry: complete transactions do not wait for a full batch.
  void run_dry() {
    if (batch_ && changes_.done_bytes() > 0) hand_over();
  }

  /// Hands over what is complete, also a position that moved without lines. The lines of an unfinished
  /// transaction are dropped from the batch if `ending`.
  void hand_over_done(bool ending) {
    if (ending && batch_) batch_->truncate(changes_.done_bytes());
    if (batch_ && batch_->size() > 0) return hand_over();
    if (!changes_.between_transactions()) return;
    if (auto moved = newest()) lines_.advance(std::move(*moved));
  }

  row_changes& changes() { return changes_; }
  const change_progress& done() const { return changes_.done(); }
  bool between_transactions() const { return changes_.between_transactions(); }

 private:
  /// The newest position that a new process can go on from, if it has not been handed over.
  std::optional<checkpoint> newest() {
    const change_progress& done = changes_.done();
    if (done.ended == handed_over_) return std::nullopt;
    position at = next();
    if (changes_.held().count()) {
      // The rows of prepared transactions must come again. Where positions can't leave them out, the stored
      // one stays where it is until they have their outcome.
      if (kind_ != position_kind::gtid_set) return std::nullopt;
      at.executed.subtract(changes_.prepared());
    }
    handed_over_ = done.ended;
    return checkpoint{to_string(at), 0, transactions_ + done.transactions, before_ + done.changes};
  }

  void hand_over() {
    std::size_t bytes = changes_.done_bytes();
    std::optional<checkpoint> complete;
    if (bytes > 0) complete = newest();
    lines_.submit(std::exchange(batch_, nullptr), std::move(complete), bytes);
  }

  row_changes& changes_;
  pipeline& lines_;
  position_kind kind_;
  std::uint64_t transactions_;
  std::uint64_t before_;
  std::uint64_t handed_over_ = 0;
  json::buffer* batch_ = nullptr;
};

}  // namespace tidewire::binlog
