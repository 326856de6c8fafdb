// Joins the decoded stream to the pipeline: one batch of lines after the other, each with the position that
// it completes.
#pragma once

#include "core/pipeline.hpp"
#include "pgoutput/position.hpp"
#include "pgoutput/row_changes.hpp"

namespace tidewire::pgoutput {

class change_feed {
 public:
  /// `before`: the totals of the stored position. Both others must outlive this.
  change_feed(row_changes& changes, pipeline& lines, progress_point before)
      : changes_(changes), lines_(lines), before_(before), handed_over_(before.end) {}

  /// A connection begins: to this timeline belong the positions that follow.
  void connected(std::uint32_t timeline) {
    timeline_ = timeline;
    changes_.connected(changes_.done().end.valid() ? changes_.done().end : before_.end);
  }
  /// What the next connection goes on from.
  position next() const {
    return {changes_.done().end.valid() ? changes_.done().end : before_.end, timeline_};
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
  bool take(byte_view message) {
    if (!changes_.take(message)) [[unlikely]]
      return false;
    if (batch_->size() >= lines_.batch_bytes()) [[unlikely]]
      hand_over();
    return true;
  }
  bool replaying() const { return changes_.replaying(); }
  void replay_more() {
    changes_.replay_more();
    if (batch_->size() >= lines_.batch_bytes()) hand_over();
  }

  /// The stream has run dry: complete transactions do not wait for a full batch.
  void run_dry() {
    if (batch_ && changes_.done_bytes() > 0) hand_over();
  }

  /// The server has nothing to send from before `at`: the position moves on without lines.
  void idle_at(wire::lsn at) { changes_.idle_at(at); }

  /// Hands over what is complete, also a position that moved without lines. The lines of an unfinished
  /// transaction are dropped from the batch if `ending`.
  void hand_over_done(bool ending) {
    if (ending && batch_) batch_->truncate(changes_.done_bytes());
    if (batch_ && batch_->size() > 0) return hand_over();
    if (changes_.done().end == handed_over_ || !changes_.between_transactions()) return;
    lines_.advance(*newest());
  }

  wire::lsn done() const { return changes_.done().end; }
  wire::lsn durable() const {
    auto at = lines_.durable();
    return at ? wire::lsn{at->ack} : before_.end;
  }
  /// Of this run.
  std::uint64_t transactions() const { return changes_.done().transactions; }

 private:
  /// The newest position, if it has not been handed over.
  std::optional<checkpoint> newest() {
    const progress_point& done = changes_.done();
    if (done.end == handed_over_) return std::nullopt;
    handed_over_ = done.end;
    return checkpoint{to_string(position{done.end, timeline_}), done.end.value,
                      before_.transactions + done.transactions, before_.changes + done.changes};
  }

  void hand_over() {
    std::size_t bytes = changes_.done_bytes();
    lines_.submit(std::exchange(batch_, nullptr), newest(), bytes);
  }

  row_changes& changes_;
  pipeline& lines_;
  progress_point before_;
  wire::lsn handed_over_;
  std::uint32_t timeline_ = 0;
  json::buffer* batch_ = nullptr;
};

}  // namespace tidewire::pgoutput
