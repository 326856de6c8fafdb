// Runs the steps of a plan that can be run, as commands.
#pragma once

#include "mongo_wire/session.hpp"
#include "mongo_wire/setup_plan.hpp"

namespace tidewire::mongo_wire {

/// Sets each step's state, and the server's words as the note of one that failed. What depends on a step that
/// failed (the user on its role) is left. Throws only what ends the connection.
conversation<> apply_setup(session& with, std::vector<planned_step>& steps);

}  // namespace tidewire::mongo_wire
