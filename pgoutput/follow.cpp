#include "pgoutput/follow.hpp"

#include <algorithm>

#include "wire/copy.hpp"
#include "wire/frontend.hpp"
#include "wire/query.hpp"
#include "wire/quote.hpp"
#include "wire/replication_message.hpp"

namespace tidewire::pgoutput {
namespace {

using clock = link::clock;
using std::chrono::milliseconds;

/// A durable position is worth a message of its own, but not for each of many small transactions.
constexpr milliseconds least_status_interval{200};
/// Of replaying without looking at anything else.
constexpr milliseconds longest_turn{50};
/// What is complete waits so long at most for a fuller batch.
constexpr milliseconds busy_hand_over_interval{10};

std::int64_t postgres_now_us() {
  constexpr std::int64_t between_us = 946'684'800'000'000;
  auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count() - between_us;
}

conversation<> send_status(wire::session& with, wire::lsn durable, wire::lsn written, bool ask) {
  encoder out = with.out();
  wire::standby_status status;
  status.written = std::max(written, durable);
  status.flushed = status.applied = durable;
  status.time_us = postgres_now_us();
  status.reply_requested = ask;
  wire::encode_standby_status_frame(out, status);
  co_await with.send(out);
}

/// One follow() at work.
class follower {
 public:
  follower(wire::session& with, change_feed& feed, const follow_settings& settings, follow_state& state)
      : with_(with), feed_(feed), settings_(settings), state_(state) {}

  conversation<follow_end> run() {
    link& from = with_.to;
    last_status_at_ = from.now();
    co_await tell(true);
    if (bound_reached()) co_return follow_end::until;
    for (;;) {
      if (feed_.replaying()) [[unlikely]] {
        if (!feed_.has_room()) co_await wait_for_room();
        if (state_.stop) co_return follow_end::asked;
        feed_.replay_more();
        // With a sink that keeps up nothing else here waits: the server must hear from us, and we of a stop.
        if (clock::now() - last_status_at_ >= settings_.status_interval) co_await tell(false);
        if (clock::now() - from.now() >= longest_turn) co_await from.turn();
        if (bound_reached()) co_return follow_end::until;
        continue;
      }
      if (!from.frame_waiting()) run_dry();
      std::optional<byte_view> frame = co_await from.receive_or_wake();
      if (!frame) [[unlikely]] {
        co_await woken();
        if (state_.stop) co_return follow_end::asked;
        if (bound_reached()) co_return follow_end::until;
        continue;
      }
      byte_view bytes = *frame;
      if (!is_wal_data(bytes)) [[unlikely]] {
        co_await other(bytes);
        if (bound_reached()) co_return follow_end::until;
        continue;
      }
      if (!feed_.has_room()) [[unlikely]]
        co_await wait_for_room();
      if (state_.stop) [[unlikely]]
        co_return follow_end::asked;
      if (!wal_data(bytes.subspan(frame_head)) || bound_reached()) co_return follow_end::until;
    }
  }

 private:
  static constexpr std::size_t frame_head = 5;  // tag and length

  static bool is_wal_data(byte_view frame) {
    return frame.size() > frame_head && frame[0] == static_cast<std::uint8_t>(wire::backend_tag::copy_data) &&
           frame[frame_head] == 'w';
  }

  /// Each hand-over wakes two threads, so while the stream is busy several reads share one.
  void run_dry() {
    const link& from = with_.to;
    if (from.gathering() && from.now() - handed_over_at_ < busy_hand_over_interval) return;
    handed_over_at_ = from.now();
    feed_.run_dry();
  }

  bool wal_data(byte_view payload) {
    if (with_.on_trace) [[unlikely]]
      with_.trace_received({payload.data() - frame_head, payload.size() + frame_head});
    if (settings_.capture) [[unlikely]]
      settings_.capture->add(payload);
    auto data = wire::decode_xlog_data(payload);
    if (!data) [[unlikely]]
      wire::malformed("XLogData", data.error());
    state_.bytes += payload.size();
    return feed_.take(data->data);
  }

  bool bound_reached() const {
    if (feed_.replaying()) return false;
    if (settings_.until.valid() && feed_.done() >= settings_.until) return true;
    return settings_.until_transactions != 0 && feed_.transactions() >= settings_.until_transactions;
  }

  /// Back-pressure: nothing is read, but the server hears from us. The frame in hand stays valid.
  conversation<> wait_for_room() {
    const clock::time_point since = with_.to.now();
    while (!feed_.has_room() && !state_.stop) {
      co_await with_.to.wait_wake();
      co_await woken();
      if (settings_.stall_limit.count() > 0 && with_.to.now() - since >= settings_.stall_limit)
        throw failure{failure_kind::transient, "TW-SINK-STALLED",
                      "the output has taken nothing for " + std::to_string(settings_.stall_limit.count()) +
                          " ms; the connection is given up until it does",
                      "see what holds up the reader of the output; --stall-limit sets the patience"};
    }
  }

  /// Everything but WAL data.
  conversation<> other(byte_view frame) {
    std::optional<wire::backend_message> message = with_.take(frame);
    if (!message) co_return;
    switch (message->tag) {
      case wire::backend_tag::copy_data: co_await keepalive(message->body); break;
      case wire::backend_tag::error_response: {
        auto view = wire::well_formed(wire::decode_error_response(message->body), "ErrorResponse");
        throw wire::server_failure{"the server ended the stream", wire::details_of(view)};
      }
      case wire::backend_tag::command_complete:  // a shutdown, without a CopyDone before
      case wire::backend_tag::copy_done:
        throw failure{failure_kind::transient, "TW-PG-UNAVAILABLE", "the server ended the stream",
                      "it may be shutting down; a reconnect may help"};
      default: wire::unexpected_message(*message, "the stream");
    }
  }

  conversation<> keepalive(byte_view payload) {
    if (payload.empty() || payload[0] != 'k') {
      throw failure{failure_kind::refused, "TW-PG-MALFORMED", "the server sent an unknown kind of CopyData",
                    "keep a --capture of it for a report"};
    }
    auto alive = wire::well_formed(wire::decode_keepalive(payload), "keepalive");
    if (settings_.capture) settings_.capture->add(payload);
    state_.server_end = std::max(state_.server_end, alive.end);
    feed_.idle_at(alive.end);
    if (alive.reply_requested) {
      feed_.hand_over_done(false);
      co_await tell(false);
    }
  }

  conversation<> tell(bool ask) {
    told_ = feed_.durable();
    last_status_at_ = clock::now();
    if (ask) last_asked_at_ = last_status_at_;
    co_await send_status(with_, told_, feed_.done(), ask);
  }

  /// Ticks, and news from the pipeline.
  conversation<> woken() {
    clock::time_point now = with_.to.now();
    if (settings_.until_time && now >= *settings_.until_time) state_.stop = true;
    feed_.hand_over_done(false);
    bool news = feed_.durable() > told_ && now - last_status_at_ >= least_status_interval;
    // A server without wal_sender_timeout never speaks by itself, and before 13 it doesn't even at first.
    auto patience = settings_.until.valid() ? milliseconds{100} : settings_.read_deadline / 3;
    bool silent =
        patience.count() > 0 && now - with_.to.heard_at() >= patience && now - last_asked_at_ >= patience;
    if (news || silent || now - last_status_at_ >= settings_.status_interval) co_await tell(silent);
  }

  wire::session& with_;
  change_feed& feed_;
  const follow_settings& settings_;
  follow_state& state_;
  wire::lsn told_;
  clock::time_point last_status_at_;
  clock::time_point last_asked_at_;
  clock::time_point handed_over_at_;
};

}  // namespace

conversation<follow_end> follow(wire::session& with, change_feed& feed, follow_settings settings,
                                follow_state& state) {
  follower work(with, feed, settings, state);
  follow_end end = co_await work.run();
  co_return end;
}

milliseconds tick_of(const follow_settings& settings) {
  milliseconds tick = std::min(milliseconds{1000}, settings.status_interval);
  if (settings.read_deadline.count() > 0) tick = std::min(tick, settings.read_deadline / 4);
  if (settings.until.valid() || settings.until_time) tick = std::min(tick, milliseconds{50});
  return std::max(tick, milliseconds{10});
}

conversation<> end_stream(wire::session& with, wire::lsn durable, std::string slot_to_drop) {
  co_await send_status(with, durable, durable, false);
  encoder out = with.out();
  wire::encode_copy_done(out);
  co_await with.send(out);
  for (;;) {
    wire::backend_message message = co_await with.receive();
    if (message.tag == wire::backend_tag::ready_for_query) break;
    if (message.tag == wire::backend_tag::error_response) break;
  }
  if (!slot_to_drop.empty()) {
    std::string command = "DROP_REPLICATION_SLOT " + wire::quote_identifier(slot_to_drop);
    co_await wire::query(with, command, "could not drop the slot");
  }
  co_await wire::terminate(with);
}

}  // namespace tidewire::pgoutput
