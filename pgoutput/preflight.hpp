// Before a stream starts: is this the right server, can it be followed, is everything there, and where does
// it go on? Each answer that would lose or falsify changes is a coded refusal.
#pragma once

#include "pgoutput/source.hpp"
#include "wire/session.hpp"

namespace tidewire::pgoutput {

/// Throws TW-USAGE-SLOT-NAME, TW-USAGE-OPTION for what no server would take.
void check_settings(const source_settings& settings);

conversation<server_facts> ask_server(wire::session& with);

/// Throws TW-PG-VERSION, TW-PG-OPTION-VERSION (an option that this version does not have), TW-PG-WAL-LEVEL,
/// TW-PG-PUBLICATION-MISSING.
conversation<> check_server(wire::session& with, const server_facts& server, const source_settings& settings);

/// The slot as it is; makes it if that was asked for and `may_create`. Throws TW-PG-SLOT-MISSING,
/// TW-PG-SLOT-KIND, TW-PG-SLOT-DATABASE, TW-PG-SLOT-LOST, TW-PG-SLOT-SYNCED, TW-PG-SLOT-BLOCKED (an open
/// transaction is in the way: which), and server_failure.
conversation<slot_facts> find_slot(wire::session& with, const server_facts& server,
                                   const source_settings& settings, bool may_create);

/// Can the stream go on from `position`, which was reached on `timeline` (0: unknown)? Throws
/// TW-PG-SLOT-AHEAD if the slot was moved on, or made anew, by somebody else; TW-PG-HISTORY if the server
/// does not have what was read already.
conversation<> check_position(wire::session& with, const server_facts& server, const slot_facts& slot,
                              wire::lsn position, std::uint32_t timeline);

/// Sends START_REPLICATION and waits for the CopyBothResponse. Throws TW-PG-SLOT-ACTIVE (transient),
/// TW-PG-SLOT-LOST.
conversation<> start_replication(wire::session& with, const server_facts& server,
                                 const source_settings& settings, wire::lsn from);

}  // namespace tidewire::pgoutput
