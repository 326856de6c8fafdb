// Joins change events to the pipeline: one batch of lines after the other, each with the resume token that it
// completes.
#pragma once

#include <utility>

#include "core/pipeline.hpp"
#include "mongo_wire/event_line.hpp"
#include "mongo_wire/post_images.hpp"
#include "mongo_wire/resume_token.hpp"
#include "mongo_wire/split_event.hpp"

namespace tidewire::mongo_wire {

class event_feed {
 public:
  /// `before`: the stored position, a token or a time. The pipeline must outlive this.
  event_feed(pipeline& lines, checkpoint before, extended_json_options values)
      : lines_(lines), values_(values), now_(std::move(before)), handed_over_(now_.position) {}

  /// From now on every event is shown to it first; it outlives this.
  void watch_images(image_watch& images) { images_ = &images; }
  image_watch* images() const { return images_; }

  /// False while all batches are on their way, or one with a huge event: back-pressure. Throws what the
  /// pipeline met.
  bool has_room();
  /// Only with room: one document of a batch. Throws failure TW-MONGO-EVENT for one that can't be decoded,
  /// TW-MONGO-TOKEN-ORDER for one from before the last one.
  void take(bson_view document);
  /// All documents of a batch were taken; `token`: its postBatchResumeToken, or no document.
  void batch_done(bson_view token);
  /// The stream begins anew after next(): fragments that were not whole come again.
  void connected() { fragments_.reset(); }

  /// Hands over what is complete, also a token that moved without lines.
  void hand_over();

  /// Where the next cursor begins: after this token, or at this time (resume_token.hpp).
  const std::string& next() const { return now_.position; }
  std::uint64_t events() const { return events_; }  // of this run
  /// The time of the newest token; where the server's tokens have none, of the newest event.
  std::optional<bson_timestamp> time() const { return time_ ? time_ : event_time_; }
  bool tokens_tell_time() const { return time_.has_value(); }

 private:
  void move_to(bson_view token, std::string_view hex);
  void put(const change_event_view& event);
  void submit();
  bool held() const { return images_ && images_->holds(); }

  pipeline& lines_;
  const extended_json_options values_;
  checkpoint now_;
  std::string handed_over_;
  std::optional<bson_timestamp> time_, event_time_;
  std::uint64_t events_ = 0;
  split_event fragments_;
  json::buffer* batch_ = nullptr;
  std::uint64_t submitted_bytes_ = 0;
  std::uint64_t large_until_ = 0;  // of these: the end of the last batch with a huge event
  image_watch* images_ = nullptr;
  /// While positions are held back: the last one of the batch from before that, and how many bytes belong to
  /// it.
  std::optional<std::pair<checkpoint, std::size_t>> before_hold_;
};

}  // namespace tidewire::mongo_wire
