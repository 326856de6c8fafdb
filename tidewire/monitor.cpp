#include "tidewire/monitor.hpp"

#include <algorithm>
#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <charconv>

#include "tidewire/log.hpp"
#include "wire/connect.hpp"
#include "wire/query.hpp"

namespace tidewire {
namespace {

using clock = std::chrono::steady_clock;

source_status status_of(const wire::result_set& found) {
  source_status status;
  status.now = wire::parse_lsn(found.first(0)).value_or(wire::lsn{});
  auto restart = wire::parse_lsn(found.first(1));
  if (restart && status.now >= *restart) status.retained_bytes = status.now.value - restart->value;
  return status;
}

asio::awaitable<void> beat(wire::client& with) {
  std::vector<std::optional<std::string>> parameters{heartbeat_prefix};
  co_await with.run(wire::execute(with.talk, "SELECT pg_logical_emit_message(false, $1, '')", parameters,
                                  "could not write the heartbeat"));
}

asio::awaitable<source_status> ask(wire::client& with, std::string slot) {
  std::vector<std::optional<std::string>> parameters{std::move(slot)};
  wire::result_set found = co_await with.run(wire::execute(
      with.talk,
      "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, "
      "(SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = $1)",
      parameters));
  co_return status_of(found);
}

}  // namespace

asio::awaitable<void> monitor(const wire::connection_options& source, monitor_settings settings) {
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  std::unique_ptr<wire::client> with;
  clock::time_point next_beat = clock::now(), next_status = next_beat;
  bool warned = false;
  for (;;) {
    std::exception_ptr error;
    try {
      if (!with) {
        wire::connect_settings how;
        how.application_name = "tidewire monitor";
        how.read_deadline = std::chrono::seconds{30};
        with = co_await wire::connect(source, how);
      }
      clock::time_point now = clock::now();
      if (settings.heartbeat.count() > 0 && now >= next_beat) {
        next_beat = now + settings.heartbeat;
        co_await beat(*with);
      }
      if (settings.interval.count() > 0 && now >= next_status) {
        next_status = now + settings.interval;
        source_status status = co_await ask(*with, settings.slot);
        settings.on_status(status);
      }
      warned = false;
    } catch (const failure& why) {
      if (!warned) log(why, log_level::warning);
      warned = true;
      with.reset();
    }
    auto next = clock::now() + std::chrono::seconds{with ? 3600 : 5};
    if (with && settings.heartbeat.count() > 0) next = std::min(next, next_beat);
    if (with && settings.interval.count() > 0) next = std::min(next, next_status);
    timer.expires_at(next);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace tidewire
