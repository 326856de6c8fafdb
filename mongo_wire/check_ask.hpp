// Asks a server for everything that check and setup want to know, one command after the other; whatever the
// user may not see is noted and leaves the rest alone. Nothing is changed.
#pragma once

#include "mongo_wire/check_facts.hpp"
#include "mongo_wire/session.hpp"

namespace tidewire::mongo_wire {

/// Read at most; more are counted as cut.
inline constexpr std::size_t max_asked_databases = 10'000;
inline constexpr std::size_t max_asked_collections = 100'000;

struct ask_settings {
  std::string database;  // the scope of the stream; empty: all
  std::string role;      // for setup: the user, and the role of the same name; empty: not asked
};

/// The server's own, which no stream is of.
bool is_internal_database(std::string_view name);

/// Fills all but `connection` and `hello`; `hello` must be there. Throws only what ends the connection.
conversation<> ask_facts(session& with, ask_settings what, check_facts& into);

/// Of a member of a set: fills `oplog` and `majority_reads`. Throws only what ends the connection.
conversation<> ask_oplog(session& with, check_facts& into);

}  // namespace tidewire::mongo_wire
