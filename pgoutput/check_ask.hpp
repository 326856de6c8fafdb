// Asks a server's catalogs for everything that check and setup want to know: one round trip, whatever the
// role may not see is noted and leaves the rest alone.
#pragma once

#include "pgoutput/check_facts.hpp"
#include "wire/session.hpp"

namespace tidewire::pgoutput {

struct ask_settings {
  std::string role;                       // whose rights; empty: those of the session
  std::vector<std::string> publications;  // whose tables are wanted
};

/// Fills all but `connection` and `probe`. Throws only what ends the connection.
conversation<> ask_facts(wire::session& with, ask_settings what, check_facts& into);

/// What is asked a second time, a moment later: how much WAL was written meanwhile, and which transactions
/// are still open.
conversation<> ask_again(wire::session& with, check_facts& into);

}  // namespace tidewire::pgoutput
