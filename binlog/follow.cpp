#include "binlog/follow.hpp"

#include "binlog/file_events.hpp"
#include "binlog/heartbeat.hpp"

namespace tidewire::binlog {

event_place place_tracker::of(const event_header& header) {
  if (header.flags & event_flag::artificial) return {offset_, offset_, false};
  // That of a dump which begins in the middle of a file is a copy of the one at the file's start.
  if (header.type == event_type::format_description && header.log_pos == 0) return {offset_, offset_, false};
  begun_ |= header.type == event_type::gtid || header.type == event_type::gtid_tagged ||
            header.type == event_type::mariadb_gtid;
  event_place place{offset_, offset_ + header.event_size, certain_};
  if (header.log_pos != 0) {
    // Only the lower half is told; files may be larger.
    std::uint64_t least = certain_ ? offset_ : told_;
    std::uint64_t end = (least & ~std::uint64_t{0xffffffff}) | header.log_pos;
    if (end < least) end += std::uint64_t{1} << 32;
    // No event ends before it could have begun.
    if (end < header.event_size) return {offset_, offset_, false};
    place = {end - header.event_size, end, true};
    told_ = end;
    // From here on the rest can be counted, unless the server passes over other domains' events.
    certain_ |= few_domains_ && begun_;
  }
  offset_ = place.end;
  return place;
}

void place_tracker::rotated(std::uint64_t offset, bool artificial) {
  offset_ = told_ = offset;
  // Of a file that begins behind the place where we began nothing is left out.
  if (!artificial && few_domains_ && begun_) certain_ = true;
}

namespace {

constexpr std::uint8_t event_head = 0x00;

class follower {
 public:
  follower(session& with, change_feed& feed, const server_facts& server, const position& from,
           const follow_settings& settings, follow_state& state)
      : with_(with),
        feed_(feed),
        settings_(settings),
        state_(state),
        places_(server.kind, from),
        framer_(framing(server)) {}

  conversation<> run() {
    link& from = with_.to;
    if (bound_reached(true)) co_return;
    for (;;) {
      if (!from.frame_waiting()) run_dry();
      std::optional<byte_view> frame = co_await from.receive_or_wake();
      if (!frame) [[unlikely]] {
        woken();
        if (state_.stop || bound_reached(false)) co_return;
        continue;
      }
      if (!feed_.has_room()) [[unlikely]]
        co_await wait_for_room();
      if (state_.stop) [[unlikely]]
        co_return;
      take(with_.take(*frame));
      while (feed_.replaying()) {
        if (!feed_.has_room()) co_await wait_for_room();
        if (state_.stop) co_return;
        feed_.replay_more();
      }
      if (settings_.capture && feed_.between_transactions()) [[unlikely]]
        settings_.capture->whole();
      if (bound_reached(false)) co_return;
    }
  }

 private:
  static event_framer::options framing(const server_facts& server) {
    event_framer::options with;
    if (server.checksums) with.before_format = checksum_algorithm::crc32;
    return with;
  }

  [[noreturn]] void refuse(const decode_error& error, byte_view bytes) const {
    auto header = decode_event_header(bytes);
    const char* name = header ? name_of(header->type) : nullptr;
    throw failure{failure_kind::refused, "TW-MY-DECODE",
                  std::string("the server sent an event (") +
                      (name     ? name
                       : header ? "code " + std::to_string(static_cast<int>(header->type))
                                : "?") +
                      ") behind " + to_string(feed_.next()).substr(0, 200) +
                      " that can't be decoded: " + std::string(to_string(error.code)) + " at offset " +
                      std::to_string(error.offset) + " (" + error.field + ")",
                  "what came before it is safe; keep the server's binlog for a report"};
  }

  void take(byte_view payload) {
    if (payload[0] == error_head) throw_server_error("the server ended the dump", payload);
    if (is_eof(payload))
      throw failure{failure_kind::transient, "TW-MY-UNAVAILABLE", "the server ended the dump",
                    "it may be shutting down; a reconnect may help"};
    if (payload[0] != event_head) malformed("dump", {decode_errc::unknown_tag, 0, "head"});
    byte_view bytes = payload.subspan(1);
    state_.bytes += bytes.size();
    auto event = framer_.accept(bytes);
    if (!event) [[unlikely]]
      refuse(event.error(), bytes);
    event_place place = places_.of(event->header);
    if (settings_.capture) [[unlikely]]
      settings_.capture->take(*event, framer_.format(), place);
    switch (event->header.type) {
      case event_type::rotate: {
        auto m = decode_rotate(*event);
        if (!m) refuse(m.error(), bytes);
        feed_.changes().file(m->file);
        places_.rotated(m->position, event->artificial());
        // Behind a real one nothing of the old file is left; the artificial one only says where we are.
        if (!event->artificial()) feed_.passed(m->file, m->position);
        return;
      }
      case event_type::heartbeat:
      case event_type::heartbeat_v2: return;  // a sign of life, never progress
      default:
        feed_.take(*event, framer_.format(), place);
        if (place.known) feed_.passed(feed_.changes().file(), place.end);
    }
  }

  void run_dry() {
    feed_.run_dry();
    if (!feed_.changes().wants_schemas() || with_.to.now() < state_.learn_after) [[likely]]
      return;
    // Where statements come all the time the dump is not begun anew for each of them.
    state_.learn_after = with_.to.now() + std::chrono::seconds{1};
    throw schema_wanted{};
  }

  bool bound_reached(bool first) {
    if (feed_.replaying() || !feed_.between_transactions()) return false;
    std::uint64_t ended = feed_.done().ended;
    if (!first && ended == looked_at_) return false;
    looked_at_ = ended;
    if (settings_.until && contains(feed_.next(), *settings_.until)) return true;
    return settings_.until_transactions != 0 && feed_.done().transactions >= settings_.until_transactions;
  }

  /// Back-pressure: nothing is read. The frame in hand stays valid.
  conversation<> wait_for_room() {
    while (!feed_.has_room() && !state_.stop) {
      co_await with_.to.wait_wake();
      woken();
    }
  }

  void woken() {
    if (settings_.until_time && with_.to.now() >= *settings_.until_time) state_.stop = true;
    feed_.hand_over_done(false);
  }

  session& with_;
  change_feed& feed_;
  const follow_settings& settings_;
  follow_state& state_;
  place_tracker places_;
  event_framer framer_;
  std::uint64_t looked_at_ = 0;
};

}  // namespace

conversation<> follow(session& with, change_feed& feed, const server_facts& server, position from,
                      follow_settings settings, follow_state& state) {
  if (settings.capture) settings.capture->connected();
  follower work(with, feed, server, from, settings, state);
  co_await work.run();
}

}  // namespace tidewire::binlog
