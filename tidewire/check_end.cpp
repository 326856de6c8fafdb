#include "tidewire/check_end.hpp"

#include <algorithm>

#include "tidewire/log.hpp"
#include "tidewire/print_out.hpp"

namespace tidewire {

std::unique_ptr<failure> judge(std::exception_ptr error, const check_judges& judges, check_report& report) {
  try {
    if (error) std::rethrow_exception(error);
    report.findings = judges.reached();
    return nullptr;
  } catch (const failure& why) {
    if (why.kind == failure_kind::usage) throw;
    report.findings = judges.not_reached(why);
    return std::make_unique<failure>(why);
  }
}

int end_check(const check_report& report, const failure* why, bool json) {
  print_out(json ? report_json(report) : report_text(report, colour_wanted()));
  if (!why) return report.failed() ? 3 : 0;
  // A retry does not help where something else was found to be wrong.
  bool wrong = std::ranges::any_of(report.findings, [](const check_finding& each) {
    bool of_connection =
        each.code.ends_with("-CONNECT") || each.code.ends_with("-SRV") || each.code.ends_with("-PRIMARY");
    return each.status == check_status::fail && !of_connection;
  });
  return why->kind == failure_kind::transient && !wrong ? 1 : 3;
}

}  // namespace tidewire
