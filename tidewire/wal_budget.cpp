#include "tidewire/wal_budget.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <charconv>

#include "core/failure.hpp"
#include "tidewire/log.hpp"
#include "tidewire/progress.hpp"
#include "wire/connect.hpp"
#include "wire/query.hpp"

namespace tidewire {
namespace {

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

asio::awaitable<wal_budget> ask(wire::client& with, std::string slot) {
  std::vector<std::optional<std::string>> parameters{slot};
  wire::result_set found = co_await with.run(wire::execute(
      with.talk,
      "SELECT pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery() THEN "
      "pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn)::int8, "
      "pg_catalog.to_jsonb(s) ->> 'safe_wal_size', pg_catalog.to_jsonb(s) ->> 'wal_status', "
      "pg_catalog.to_jsonb(s) ->> 'invalidation_reason' "
      "FROM pg_catalog.pg_replication_slots s WHERE slot_name = $1",
      parameters));
  if (found.rows.empty())
    throw failure{
        failure_kind::refused, "TW-PG-SLOT-MISSING",
        "somebody dropped the slot " + slot + " while the copy was running",
        "what is committed meanwhile can't be read: start anew with a new slot, a new position and a "
        "new copy"};
  wal_budget budget;
  budget.retained_bytes = number_of(found.first(0)).value_or(0);
  budget.safe_bytes = number_of(found.first(1));
  budget.lost = found.first(2) == "lost" || !found.first(3).empty();
  // Less than nothing is left: the next checkpoint may drop it.
  if (!budget.safe_bytes && found.first(1).starts_with('-')) budget.safe_bytes = 0;
  co_return budget;
}

void warn(const wal_budget& budget, int percent, const std::string& slot) {
  log(log_level::warning, "TW-PG-WAL-BUDGET",
      "the slot " + slot + " keeps " + human_bytes(budget.retained_bytes) + " of WAL, " +
          std::to_string(percent) + " % of what the server allows; " +
          human_bytes(budget.safe_bytes.value_or(0)) + " more and it is lost",
      "raise max_slot_wal_keep_size (it takes a reload only) until the copy is complete");
}

}  // namespace

int wal_budget::used_percent() const {
  if (!safe_bytes) return 0;
  double all = static_cast<double>(retained_bytes) + static_cast<double>(*safe_bytes);
  return all > 0 ? static_cast<int>(100.0 * static_cast<double>(retained_bytes) / all) : 0;
}

int wal_budget_step(int percent) {
  int reached = 0;
  for (int each : wal_budget_steps)
    if (percent >= each) reached = each;
  return reached;
}

asio::awaitable<void> watch_wal_budget(wire::connection_options source, budget_watch settings,
                                       std::shared_ptr<const bool> over) {
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  std::unique_ptr<wire::client> with;
  int told = 0;
  while (!*over) {
    try {
      if (!with) {
        wire::connect_settings how;
        how.application_name = "tidewire monitor";
        how.read_deadline = std::chrono::seconds{30};
        with = co_await wire::connect(source, how);
      }
      wal_budget budget = co_await ask(*with, settings.slot);
      if (*over) co_return;
      if (budget.lost)
        throw failure{failure_kind::refused, "TW-PG-SLOT-LOST",
                      "the slot " + settings.slot +
                          " was lost while the copy was running: the server has dropped WAL that it needed",
                      "the copy can't be joined to the stream any more: drop the slot, raise "
                      "max_slot_wal_keep_size, and start anew with a new position and a new copy"};
      int percent = budget.used_percent();
      if (wal_budget_step(percent) > told) warn(budget, percent, settings.slot);
      told = std::max(told, wal_budget_step(percent));
      if (settings.on_budget) settings.on_budget(budget);
    } catch (const failure& why) {
      if (*over) co_return;
      if (why.code == "TW-PG-SLOT-LOST" || why.code == "TW-PG-SLOT-MISSING") {
        log(why, log_level::warning);  // at once: the end may have to wait for a slow sink
        settings.on_lost(std::current_exception());
        co_return;
      }
      with.reset();  // the copy itself will say if the server is gone
    }
    timer.expires_after(settings.interval);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace tidewire
