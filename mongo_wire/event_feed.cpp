#include "mongo_wire/event_feed.hpp"

#include "core/failure.hpp"

namespace tidewire::mongo_wire {
namespace {

[[noreturn]] void bad_event(const decode_error& error, const std::string& after) {
  throw failure{failure_kind::refused, "TW-MONGO-EVENT",
                "a change event can't be decoded: " + std::string(to_string(error.code)) + " at offset " +
                    std::to_string(error.offset) + " (" + error.field + "); it follows " + after,
                "nothing of it was written; a document of this size or depth is not legal in MongoDB"};
}

template <class T>
T good(decoded<T> result, const std::string& after) {
  if (!result) bad_event(result.error(), after);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace

bool event_feed::has_room() {
  if (batch_) [[likely]]
    return true;
  lines_.rethrow();
  // Two lines of 16 MB, and the event, are more memory than anything else needs.
  if (large_until_ > lines_.bytes_written()) return false;
  batch_ = lines_.acquire();
  return batch_;
}

void event_feed::take(bson_view document) {
  decoded<change_event_view> event = decode_change_event(document);
  if (!event) bad_event(event.error(), now_.position);
  if (event->fragments == 0) [[likely]]
    return put(*event);
  std::optional<bson_view> whole = good(fragments_.add(*event), now_.position);
  if (!whole) return;
  put(good(decode_change_event(*whole), now_.position));
  fragments_.shrink();
}

void event_feed::put(const change_event_view& event) {
  if (images_) {
    bool was_held = held();
    images_->see(event);
    if (!was_held && held() && batch_->size() > 0) before_hold_ = {now_, batch_->size()};
  }
  good(put_event_line(*batch_, event, values_), now_.position);
  move_to(event.token, event.token_hex);
  if (!time_) event_time_ = event.cluster_time;
  ++events_;
  ++now_.changes;
  ++now_.transactions;
  if (batch_->size() >= lines_.batch_bytes()) submit();
}

/// `hex`: the token's text where it is hex digits, else empty.
void event_feed::move_to(bson_view token, std::string_view hex) {
  std::string other;
  if (hex.empty()) other = good(token_text(token), now_.position);
  std::string_view text = hex.empty() ? other : hex;
  std::optional<bson_timestamp> time = hex.empty() ? std::nullopt : hex_token_time(hex);
  if (time && time_ && *time < *time_)
    throw failure{failure_kind::refused, "TW-MONGO-TOKEN-ORDER",
                  "the stream went back in time: after " + now_.position + " came " + std::string(text),
                  "compare the data from there on; this is a fault of the server or of what is between"};
  if (time) time_ = time;
  now_.position = text;
  ++now_.ack;
}

void event_feed::batch_done(bson_view token) {
  // The tokens of fragments are no places to go on from, and neither is one behind them.
  if (token.size != 0 && !fragments_.incomplete())
    move_to(token, token_hex(token).value_or(std::string_view()));
  hand_over();
}

void event_feed::hand_over() {
  if (batch_ && batch_->size() > 0) return submit();
  if (now_.position == handed_over_ || held()) return;
  handed_over_ = now_.position;
  lines_.advance(now_);
}

void event_feed::submit() {
  auto before_hold = std::exchange(before_hold_, std::nullopt);
  submitted_bytes_ += batch_->size();
  if (batch_->size() > lines_.large_batch_bytes()) large_until_ = submitted_bytes_;
  if (held()) {
    json::buffer* lines = std::exchange(batch_, nullptr);
    if (before_hold)
      lines_.submit(lines, std::move(before_hold->first), before_hold->second);
    else
      lines_.submit(lines, std::nullopt, 0);
    return;
  }
  handed_over_ = now_.position;
  std::size_t bytes = batch_->size();
  lines_.submit(std::exchange(batch_, nullptr), now_, bytes);
}

}  // namespace tidewire::mongo_wire
