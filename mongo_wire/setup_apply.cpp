#include "mongo_wire/setup_apply.hpp"

namespace tidewire::mongo_wire {
namespace {

using state = setup_step::state;

void note_error(setup_step& step, const reply_view& reply) {
  step.at = state::failed;
  std::string number = std::to_string(reply.code);
  if (!reply.code_name.empty()) number += " " + std::string(reply.code_name);
  // The server may repeat what it was sent.
  std::string words(reply.message.substr(0, reply.message.find(" { ")));
  step.note = step.has_password ? "the server refuses it: " + number : words + " (" + number + ")";
}

}  // namespace

conversation<> apply_setup(session& with, std::vector<planned_step>& steps) {
  bool broken = false;
  for (planned_step& each : steps) {
    if (!each.step.can_apply() || each.command.empty()) continue;
    // Without transactions the steps that build on each other end with the first that fails.
    if (each.step.in_transaction && broken) {
      each.step.at = state::left;
      each.step.note = "not tried, because of the step that failed";
      continue;
    }
    answer got = co_await with.command(each.database, each.command);
    if (got.reply.ok) {
      each.step.at = state::done;
      continue;
    }
    note_error(each.step, got.reply);
    if (each.step.in_transaction && !each.step.optional) broken = true;
  }
}

}  // namespace tidewire::mongo_wire
