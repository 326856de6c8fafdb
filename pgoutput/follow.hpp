// The stream itself: what the server sends inside CopyBoth, and what it must hear from us meanwhile.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "pgoutput/capture_file.hpp"
#include "pgoutput/change_feed.hpp"
#include "wire/session.hpp"

namespace tidewire::pgoutput {

struct follow_settings {
  std::chrono::milliseconds status_interval{10'000};  // at least so often the server hears from us
  std::chrono::milliseconds read_deadline{60'000};    // a server that is silent is asked well before this
  /// When the sink takes nothing for so long the connection is given up (TW-SINK-STALLED, transient): a
  /// server that wants to drop the slot can't before its last words to us are read. Zero: never.
  std::chrono::milliseconds stall_limit{60'000};
  /// Where a bounded run ends; 0 and nothing: nowhere.
  wire::lsn until;
  std::uint64_t until_transactions = 0;
  std::optional<link::clock::time_point> until_time;
  capture_file* capture = nullptr;
};

/// What both sides of the conversation look at.
struct follow_state {
  bool stop = false;        // asked from outside; then wake the link
  wire::lsn server_end;     // the newest end of the WAL that the server told
  std::uint64_t bytes = 0;  // of messages
};

enum class follow_end : std::uint8_t { asked, until };

/// After start_replication; goes on until told to stop, or the bound is reached. The tick of the connection
/// must be set (see tick_of). Throws what ends a connection, what the decoder refuses and what the sink met.
conversation<follow_end> follow(wire::session& with, change_feed& feed, follow_settings settings,
                                follow_state& state);

/// How often follow() must be woken.
std::chrono::milliseconds tick_of(const follow_settings& settings);

/// The last acknowledgement, and the end of the stream by both sides. What still comes is read and dropped.
/// Then `slot_to_drop`, if any, is dropped.
conversation<> end_stream(wire::session& with, wire::lsn durable, std::string slot_to_drop);

}  // namespace tidewire::pgoutput
