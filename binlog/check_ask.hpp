// Asks a server for everything that check and setup want to know, a statement each; whatever the account may
// not see is noted and leaves the rest alone.
#pragma once

#include "binlog/check_facts.hpp"
#include "binlog/session.hpp"

namespace tidewire::binlog {

struct ask_settings {
  std::optional<account_name> account;  // whose rights; empty: our own
  bool thorough = true;                 // also whether it takes us as a replica, and what check alone wants
};

/// Fills all but `connection`, and pins the session's settings. Throws only what ends the connection.
conversation<> ask_facts(session& with, ask_settings what, check_facts& into);

}  // namespace tidewire::binlog
