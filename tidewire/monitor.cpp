#include "tidewire/monitor.hpp"

#include <algorithm>
#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include "tidewire/progress.hpp"
#include "wire/connect.hpp"
#include "wire/query.hpp"

namespace tidewire {
namespace {

using clock = std::chrono::steady_clock;

asio::awaitable<void> beat(wire::client& with) {
  std::vector<std::optional<std::string>> parameters{heartbeat_prefix};
  co_await with.run(wire::execute(with.talk, "SELECT pg_logical_emit_message(false, $1, '')", parameters,
                                  "could not write the heartbeat"));
}

void warn(const pgoutput::slot_status& status, const std::string& slot) {
  log(log_level::warning, "TW-PG-WAL-BUDGET",
      "the slot " + slot + " keeps " + human_bytes(status.retained_bytes.value_or(0)) + " of WAL, " +
          std::to_string(status.used_percent().value_or(0)) + " % of what the server allows; " +
          human_bytes(status.safe_bytes.value_or(0)) + " more and it is lost",
      "is the sink too slow, or a transaction open for long? Raise max_slot_wal_keep_size (it takes a reload "
      "only)");
}

void check_alive(const pgoutput::slot_status& status, const std::string& slot) {
  if (!status.exists)
    throw failure{
        failure_kind::refused, "TW-PG-SLOT-MISSING",
        "somebody dropped the slot " + slot + " while the copy was running",
        "what is committed meanwhile can't be read: start anew with a new slot, a new position and a "
        "new copy"};
  if (!status.lost_because.empty())
    throw failure{failure_kind::refused, "TW-PG-SLOT-LOST",
                  "the slot " + slot +
                      " was lost while the copy was running: the server has dropped WAL that it needed",
                  "the copy can't be joined to the stream any more: drop the slot, raise "
                  "max_slot_wal_keep_size, and start anew with a new position and a new copy"};
}

/// One connection after the other, and what was said already.
class monitoring {
 public:
  monitoring(wire::connection_options source, monitor_settings settings, std::shared_ptr<const bool> over)
      : source_(std::move(source)), settings_(std::move(settings)), over_(std::move(over)) {}

  /// When to look again; nothing when it is over.
  asio::awaitable<std::optional<clock::time_point>> look() {
    try {
      co_await ask();
      failed_ = false;
    } catch (const failure& why) {
      if (*over_) co_return std::nullopt;
      bool lost = why.code == "TW-PG-SLOT-LOST" || why.code == "TW-PG-SLOT-MISSING";
      if (lost && settings_.on_lost) {
        log(why, log_level::warning);  // at once: the end may have to wait for a slow sink
        settings_.on_lost(std::current_exception());
        co_return std::nullopt;
      }
      if (!failed_) log(why, settings_.trouble);
      failed_ = true;
      with_.reset();
      co_return clock::now() + std::chrono::seconds{5};
    }
    co_return settings_.heartbeat.count() > 0 ? std::min(next_beat_, next_status_) : next_status_;
  }

 private:
  asio::awaitable<void> ask() {
    clock::time_point now = clock::now();
    bool beats = settings_.heartbeat.count() > 0 && now >= next_beat_;
    bool looks = now >= next_status_;
    if (!with_ && (beats || looks)) {
      wire::connect_settings how;
      how.application_name = "tidewire monitor";
      how.read_deadline = std::chrono::seconds{30};
      with_ = co_await wire::connect(source_, how);
    }
    if (beats) {
      next_beat_ = now + settings_.heartbeat;
      co_await beat(*with_);
    }
    if (!looks) co_return;
    next_status_ = now + settings_.interval;
    pgoutput::slot_status status = co_await with_->run(pgoutput::ask_slot(with_->talk, settings_.slot));
    if (*over_) co_return;
    if (settings_.on_lost) check_alive(status, settings_.slot);
    unsigned step = wal_budget_step(status.used_percent().value_or(0));
    if (step > told_) warn(status, settings_.slot);
    told_ = step;
    if (settings_.on_status) settings_.on_status(status);
  }

  const wire::connection_options source_;
  const monitor_settings settings_;
  const std::shared_ptr<const bool> over_;
  std::unique_ptr<wire::client> with_;
  clock::time_point next_beat_ = clock::now(), next_status_ = next_beat_ + settings_.first_look;
  unsigned told_ = 0;
  bool failed_ = false;
};

}  // namespace

unsigned wal_budget_step(unsigned percent) {
  unsigned reached = 0;
  for (unsigned each : wal_budget_steps)
    if (percent >= each) reached = each;
  return reached;
}

asio::awaitable<void> monitor(wire::connection_options source, monitor_settings settings,
                              std::shared_ptr<const bool> over) {
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  monitoring of(std::move(source), std::move(settings), over);
  while (!*over) {
    std::optional<clock::time_point> next = co_await of.look();
    if (!next) co_return;
    timer.expires_at(*next);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace tidewire
