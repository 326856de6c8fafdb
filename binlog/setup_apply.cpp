#include "binlog/setup_apply.hpp"

#include <optional>
#include <utility>

#include "binlog/text_query.hpp"

namespace tidewire::binlog {
namespace {

using state = setup_step::state;

/// Why the server refuses; empty: it did it. Its words may repeat what it was sent.
conversation<std::string> run(session& with, std::string sql, bool hidden) {
  std::string refused;
  try {
    co_await text_query(with, std::move(sql), "");
  } catch (const server_failure& why) {
    if (why.kind == failure_kind::transient) throw;
    refused = hidden ? "the server refuses it: error " + std::to_string(why.number) : why.what();
  }
  co_return refused;
}

}  // namespace

conversation<> apply_setup(session& with, std::vector<setup_step>& steps) {
  for (setup_step& step : steps) {
    if (!step.can_apply()) continue;
    std::string refused = co_await run(with, step.text, step.has_password);
    if (!refused.empty() && !step.otherwise.empty()) {
      std::string again = co_await run(with, step.otherwise, step.has_password);
      if (again.empty()) {
        step.text = std::exchange(step.otherwise, {});
        step.note = refused + ": it does not outlive a restart, unless the option file has it too";
        refused.clear();
      }
    }
    step.at = refused.empty() ? state::done : state::failed;
    if (refused.empty()) continue;
    step.note = refused;
    if (!step.optional) co_return;
  }
}

}  // namespace tidewire::binlog
