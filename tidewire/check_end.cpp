#include "tidewire/check_end.hpp"

#include <algorithm>

#include "tidewire/log.hpp"
#include "tidewire/print_out.hpp"

namespace tidewire {

int end_check(std::exception_ptr error, const check_judges& judges, check_report& report) {
  try {
    if (error) std::rethrow_exception(error);
    report.findings = judges.reached();
    return report.failed() ? 3 : 0;
  } catch (const failure& why) {
    if (why.kind == failure_kind::usage) throw;
    report.findings = judges.not_reached(why);
    // A retry does not help where something else was found to be wrong.
    bool wrong = std::ranges::any_of(report.findings, [](const check_finding& each) {
      return each.status == check_status::fail && !each.code.ends_with("-CONNECT");
    });
    return why.kind == failure_kind::transient && !wrong ? 1 : 3;
  }
}

void print_report(const check_report& report, bool json) {
  print_out(json ? report_json(report) : report_text(report, colour_wanted()));
}

}  // namespace tidewire
