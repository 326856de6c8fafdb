// How every `tidewire check` ends: findings for a server that was reached or was not, the report, the exit
// code.
#pragma once

#include <exception>
#include <functional>
#include <vector>

#include "core/check_report.hpp"
#include "core/failure.hpp"

namespace tidewire {

struct check_judges {
  std::function<std::vector<check_finding>()> reached;
  /// Names the trouble in a finding whose code ends with -CONNECT.
  std::function<std::vector<check_finding>(const failure&)> not_reached;
};

/// Fills in the findings, and gives the exit code. `error`: what kept us from asking everything, or null.
/// Throws a usage failure.
int end_check(std::exception_ptr error, const check_judges& judges, check_report& report);

/// Prints it to stdout.
void print_report(const check_report& report, bool json);

}  // namespace tidewire
