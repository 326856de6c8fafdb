// Runs a plan's steps, one after the other: this server has no transaction around accounts and settings.
#pragma once

#include "binlog/session.hpp"
#include "core/setup_report.hpp"

namespace tidewire::binlog {

/// Each step's state tells what became of it; behind a required one that fails nothing more is run. Throws
/// only what ends the connection.
conversation<> apply_setup(session& with, std::vector<setup_step>& steps);

}  // namespace tidewire::binlog
