// A change stream of one database or of the whole cluster, from its cursor's beginning to its end.
// https://github.com/mongodb/specifications/blob/master/source/change-streams/change-streams.md
#pragma once

#include <chrono>
#include <functional>

#include "mongo_wire/event_feed.hpp"
#include "mongo_wire/hello.hpp"
#include "mongo_wire/session.hpp"

namespace tidewire::mongo_wire {

struct stream_settings {
  std::string database;                   // empty: all of them
  std::string full_document = "default";  // default, updateLookup, whenAvailable, required
  std::string before = "off";             // off, whenAvailable, required
  bool expanded = true;                   // create, createIndexes, modify and so on
  bool split = false;                     // large events in fragments (6.0.9+)
  std::int32_t batch_size = 0;            // 0: the server's own
  std::chrono::milliseconds await_time{1'000};
  /// Where a server does not wait for events as it is asked to, so long between two questions; the driver's
  /// tick must be as fast. Zero: never.
  std::chrono::milliseconds least_wait{0};
  /// A cursor outlives its server's being primary, and would read from one that the set has left behind. So
  /// it is asked this often, between two batches, what it is; may be empty: never.
  std::function<bool(const hello_reply&)> still_wanted{};
  std::chrono::milliseconds look_interval{10'000};
  /// Where a bounded run ends.
  std::optional<bson_timestamp> until;
  std::uint64_t until_events = 0;
  std::optional<link::clock::time_point> until_time;
};

/// What both sides of the conversation look at.
struct stream_state {
  bool stop = false;        // asked from outside
  std::uint64_t bytes = 0;  // of replies
};

enum class stream_end : std::uint8_t { asked, until, closed };

/// What the server is, asked once for each connection.
struct server_facts {
  std::vector<std::int32_t> version;  // 6.0.5
  std::optional<bson_timestamp> now;

  std::string text() const;
  bool can_split() const;
};
conversation<server_facts> ask_server(session& with);

/// Opens a cursor after feed.next(), and goes on until told to stop, the bound is reached or the
/// server closes the cursor (after an invalidate event: open a new one). Every batch is handed over. Throws
/// what ends a connection, server_failure (transient if a new cursor may help) and what the feed throws.
conversation<stream_end> follow(session& with, event_feed& feed, stream_settings settings,
                                stream_state& state);

/// Opens a cursor after that place (a token or a time), looks whether the history reaches back to it, and
/// closes it again: the server's own token for the place, or `after` from a server that makes none. Throws
/// server_failure.
conversation<std::string> try_position(session& with, stream_settings settings, std::string after);

/// The session is given back; what the server says to it does not matter.
conversation<> end_session(session& with);

}  // namespace tidewire::mongo_wire
