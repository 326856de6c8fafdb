// How every `tidewire check` ends: findings for a server that was reached or was not, the report, the exit
// code.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "core/check_report.hpp"
#include "core/failure.hpp"

namespace tidewire {

struct check_judges {
  std::function<std::vector<check_finding>()> reached;
  /// Names the trouble in a finding whose code ends with -CONNECT.
  std::function<std::vector<check_finding>(const failure&)> not_reached;
};

/// Fills in the findings. `error`: what kept us from asking everything, or null; given back as it is
/// understood. Throws a usage failure.
std::unique_ptr<failure> judge(std::exception_ptr error, const check_judges& judges, check_report& report);

/// Prints the report and gives the exit code. `why`: what kept us from asking everything, or null.
int end_check(const check_report& report, const failure* why, bool json);

}  // namespace tidewire
