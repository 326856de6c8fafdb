#include "pgoutput/setup_apply.hpp"

#include <optional>
#include <utility>

#include "wire/query.hpp"

namespace tidewire::pgoutput {
namespace {

using state = setup_step::state;

constexpr std::string_view not_permitted = "42501";

/// What the server says to it, or nothing.
conversation<std::optional<wire::error_details>> run(wire::session& with, const std::string& sql,
                                                     bool hidden) {
  std::function<void(const std::string&)> trace = with.on_trace;
  if (hidden && trace) {
    trace("(a statement with a password is not shown)");
    with.on_trace = nullptr;
  }
  std::optional<wire::error_details> error;
  std::exception_ptr broken;
  try {
    co_await wire::query(with, sql);
  } catch (const wire::server_failure& why) {
    error = why.details;
  } catch (...) {
    broken = std::current_exception();
  }
  with.on_trace = std::move(trace);
  if (broken) std::rethrow_exception(broken);
  co_return error;
}

/// In the open transaction, which goes on whatever happens.
conversation<std::optional<wire::error_details>> run_safely(wire::session& with, const std::string& sql,
                                                            bool hidden) {
  co_await wire::query(with, "SAVEPOINT step");
  std::optional<wire::error_details> error = co_await run(with, sql, hidden);
  co_await wire::query(with, error ? "ROLLBACK TO SAVEPOINT step" : "RELEASE SAVEPOINT step");
  co_return error;
}

void note_error(setup_step& step, const wire::error_details& error) {
  step.at = state::failed;
  // The server may repeat what it was sent.
  step.note = step.has_password
                  ? "the server refuses it: " + std::string(error.sqlstate()) +
                        (error.sqlstate() == not_permitted ? " " + std::string(error.message()) : "")
                  : std::string(error.message());
}

}  // namespace

conversation<> apply_setup(wire::session& with, std::vector<setup_step>& steps) {
  // Who waits for a lock makes everybody behind him wait too.
  co_await wire::query(with, "BEGIN");
  co_await wire::query(with, "SET LOCAL lock_timeout = '5s'");
  bool broken = false;
  for (setup_step& step : steps) {
    if (!step.can_apply() || !step.in_transaction) continue;
    std::optional<wire::error_details> error = co_await run_safely(with, step.text, step.has_password);
    if (error && error->sqlstate() == not_permitted && !step.otherwise.empty()) {
      step.text = std::exchange(step.otherwise, {});
      step.note = std::string(error->message()) + ": every table by name instead; add new ones with --table";
      error = co_await run_safely(with, step.text, step.has_password);
    }
    if (!error) {
      step.at = state::done;
      continue;
    }
    note_error(step, *error);
    if (!step.optional) {
      broken = true;
      break;
    }
  }
  co_await wire::query(with, broken ? "ROLLBACK" : "COMMIT");
  if (broken) {
    for (setup_step& step : steps)
      if (step.at == state::done) step.at = state::undone;
    co_return;
  }
  for (setup_step& step : steps) {
    if (!step.can_apply() || step.in_transaction) continue;
    std::optional<wire::error_details> error = co_await run(with, step.text, step.has_password);
    if (error)
      note_error(step, *error);
    else
      step.at = state::done;
  }
}

}  // namespace tidewire::pgoutput
