// The conversations of a copy: a consistent snapshot for each connection, and reading tables in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "binlog/copy_round.hpp"
#include "binlog/schema_read.hpp"
#include "binlog/source.hpp"
#include "binlog/xa_prepared.hpp"

namespace tidewire::binlog {

/// For each connection, first: pins what would end a long copy.
conversation<> prepare_copy(session& with, const server_facts& server);

struct copy_start {
  position resume;           // where the stream begins: all changes that the rows don't hold come behind it
  std::string place;         // file:offset; everything before it is in the rows
  bool exact = false;        // everything behind `resume` is not in the rows
  bool saw_prepared = true;  // else there may be XA transactions whose rows are missing
};

/// Throws failure TW-MY-SNAPSHOT where it can't be known where the stream must begin.
void check_can_copy(const server_facts& server);

/// Where the server is now. Of MySQL.
conversation<copy_start> place_now(session& with, const server_facts& server);

/// What is done about XA transactions that are prepared: their rows are in no snapshot, and in the binlog
/// before its place.
enum class xa_care {
  waits,    // for them, for some seconds
  at_once,  // it does not wait, because others do
  none,     // the stream begins at an earlier place
};

/// Opens the session's snapshot, without any lock. Throws failure TW-MY-XA-PREPARED.
conversation<copy_start> begin_copy(session& with, server_facts server, xa_care care);

/// One more, after that one, on another connection: its place, empty where the server does not tell it.
conversation<std::string> open_snapshot(session& with, bool mariadb);

/// The tables that a copy reads: without views, system tables, and what is not in `only` (schema.name each),
/// unless that is empty. `in_pieces`: those that have a key for it may be read in pieces, each as of a
/// snapshot of its own. Throws failure TW-MY-SNAPSHOT for one of `only` that is not there.
conversation<std::vector<copy_table>> tables_to_copy(session& with, std::vector<std::string> only,
                                                     const server_facts& server, bool in_pieces);

struct copy_control {
  bool stop = false;  // then wake the link
};

/// One worker's part, until nothing is left for it. False: stopped, perhaps in the middle of a result.
conversation<bool> copy_tables(session& with, copy_round& round, copy_round::worker& into,
                               const copy_control& control);

}  // namespace tidewire::binlog
