// An initial copy's conversations: a snapshot that several connections share, and reading a chunk in it.
#pragma once

#include <string>

#include "pgoutput/copy_round.hpp"
#include "wire/session.hpp"

namespace tidewire::pgoutput {

/// Pins what would end a long copy or change its order: timeouts, shared scans, row security (which would
/// leave rows out: the server then refuses). For each connection, first.
conversation<> prepare_copy(wire::session& with, int version);

/// What ask_server() tells, on a connection that is not for replication. Throws TW-PG-VERSION.
conversation<server_facts> ask_plain_server(wire::session& with);

/// A snapshot for others to use, as long as this connection stays in the transaction that begins here.
struct exported_snapshot {
  std::string name;
  copy_snapshot seen;
};

/// `of_slot`: the name of a snapshot that came with a slot, whose position is `at`; empty: a new one, and the
/// position is that of the server right after it. Throws TW-PG-SNAPSHOT-LOST (transient).
conversation<exported_snapshot> share_snapshot(wire::session& with, std::string of_slot, wire::lsn at);

/// A transaction in that snapshot that has locked the part against being altered or rewritten, until the next
/// call of this or end_part. Throws TW-PG-SNAPSHOT-LOST, TW-PG-TABLE-CHANGED (both transient: take a new
/// snapshot), TW-PG-TABLE-GONE, TW-PG-TABLE-PRIVILEGE.
conversation<> open_part(wire::session& with, std::string snapshot, const stored_part& part);
conversation<> end_part(wire::session& with);

struct copy_control {
  bool stop = false;  // then wake the link
};

/// Reads one chunk of the part that is open. False: stopped; the connection is then of no further use.
conversation<bool> copy_one(wire::session& with, copy_round& round, const copy_chunk& chunk, copy_rows& rows,
                            copy_round::worker& into, const copy_control& control);

}  // namespace tidewire::pgoutput
