// The dump itself: what the server sends after start_dump().
#pragma once

#include <chrono>
#include <optional>

#include "binlog/capture_file.hpp"
#include "binlog/change_feed.hpp"
#include "binlog/event_framer.hpp"
#include "binlog/source.hpp"

namespace tidewire::binlog {

struct follow_settings {
  /// Where a bounded run ends; nothing: nowhere.
  std::optional<position> until;
  std::uint64_t until_transactions = 0;
  std::optional<link::clock::time_point> until_time;
  capture_file* capture = nullptr;  // gets all events
};

/// What both sides of the conversation look at.
struct follow_state {
  bool stop = false;        // asked from outside; then wake the link
  std::uint64_t bytes = 0;  // of events
  /// Not before is the dump interrupted to learn of tables that statements have changed.
  link::clock::time_point learn_after = link::clock::time_point::min();
};

/// Where events lie in the server's files, from what the dump says of it.
class place_tracker {
 public:
  /// Knows only what the events themselves tell.
  place_tracker() = default;
  explicit place_tracker(position_kind kind, const position& from)
      : certain_(kind == position_kind::file), few_domains_(from.domains.gtids().size() <= 1) {}

  /// For every event of the dump, in order. Nothing moves with an artificial one.
  event_place of(const event_header& header);
  /// A Rotate, artificial or not.
  void rotated(std::uint64_t offset, bool artificial);

 private:
  std::uint64_t offset_ = 4;  // behind the last event, as far as can be counted
  std::uint64_t told_ = 4;    // the last place that the server told
  bool certain_ = false;
  bool few_domains_ = false;
  bool begun_ = false;  // a transaction has come: the server passes over what we have before the first one
};

/// Goes on until told to stop, or the bound is reached. The tick of the connection must be set. Throws what
/// ends a connection, what the decoder refuses, what the sink met, and schema_wanted.
conversation<> follow(session& with, change_feed& feed, const server_facts& server, position from,
                      follow_settings settings, follow_state& state);

}  // namespace tidewire::binlog
