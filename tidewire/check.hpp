// tidewire check: is everything there that a stream needs?
#pragma once

#include "core/check_report.hpp"
#include "core/failure.hpp"
#include "tidewire/options.hpp"

namespace tidewire {

/// Prints the report to stdout and gives the exit code: 0 ready, 3 a person must act, 1 the server was not
/// reached and a retry may help. Throws failure for what is wrong with the command line.
int run_check(const check_options& options);

/// Prints the report; the exit code. `why`: the server was not reached, or not the member that is needed.
int end_check(const check_report& report, const failure* why, bool json);

}  // namespace tidewire
