// Runs a plan's steps: in one transaction what can be, the rest after it.
#pragma once

#include "pgoutput/setup_plan.hpp"
#include "wire/session.hpp"

namespace tidewire::pgoutput {

/// Each step's state tells what became of it; a required one that fails takes the transaction with it. Throws
/// only what ends the connection. Statements with a password are kept out of the trace.
conversation<> apply_setup(wire::session& with, std::vector<setup_step>& steps);

}  // namespace tidewire::pgoutput
