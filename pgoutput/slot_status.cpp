#include "pgoutput/slot_status.hpp"

#include <algorithm>
#include <charconv>

#include "wire/query.hpp"
#include "wire/quote.hpp"

namespace tidewire::pgoutput {
namespace {

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Through to_jsonb where a column is not there in every version.
constexpr const char* slot_query =
    "SELECT s.database, s.confirmed_flush_lsn, s.restart_lsn, s.active_pid, to_jsonb(s) ->> 'wal_status', "
    "coalesce(to_jsonb(s) ->> 'invalidation_reason', CASE WHEN to_jsonb(s) ->> 'wal_status' = 'lost' THEN "
    "'wal_removed' "
    "WHEN to_jsonb(s) ->> 'conflicting' = 'true' THEN 'conflict with recovery' END), "
    "concat_ws(' ', nullif(r.application_name, ''), r.client_addr), "
    "(extract(epoch FROM clock_timestamp() - (to_jsonb(r) ->> 'reply_time')::timestamptz) * 1000)::bigint, "
    "to_jsonb(s) ->> 'safe_wal_size' "
    "FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name "
    "= ";

/// Empty where an administrator has taken the right to ask from everybody.
conversation<std::string> system_identifier(wire::session& with) {
  std::string identifier;
  try {
    wire::result_set system = co_await wire::query(with, "SELECT system_identifier FROM pg_control_system()");
    identifier = system.first();
  } catch (const wire::server_failure& error) {
    if (error.sqlstate() != "42501") throw;
  }
  co_return identifier;
}

}  // namespace

conversation<slot_status> ask_slot(wire::session& with, std::string slot) {
  wire::result_set server = co_await wire::query(
      with,
      "SELECT current_setting('server_version'), current_database(), "
      "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, "
      "(SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size')");
  slot_status status;
  status.server_version = server.first(0);
  status.database = server.first(1);
  status.now = wire::parse_lsn(server.first(2)).value_or(wire::lsn{});
  if (auto limit = number_of(server.first(3)); limit && *limit >= 0)
    status.limit_bytes = static_cast<std::uint64_t>(*limit) << 20;
  std::string identifier = co_await system_identifier(with);
  status.system_identifier = std::move(identifier);
  std::string command = slot_query + wire::quote_literal(slot);
  wire::result_set found = co_await wire::query(with, command);
  if (found.rows.empty()) co_return status;
  status.exists = true;
  status.slot_database = found.first(0);
  status.confirmed = wire::parse_lsn(found.first(1)).value_or(wire::lsn{});
  auto restart = wire::parse_lsn(found.first(2));
  if (restart && status.now >= *restart) status.retained_bytes = status.now.value - restart->value;
  status.active_pid = number_of(found.first(3));
  status.wal_status = found.first(4);
  status.lost_because = found.first(5);
  status.client = found.first(6);
  if (auto age = number_of(found.first(7))) status.reply_age = std::chrono::milliseconds{*age};
  // Less than nothing is left: the next checkpoint may drop it.
  if (auto safe = number_of(found.first(8)); safe && status.limit_bytes)
    status.safe_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, *safe));
  co_return status;
}

}  // namespace tidewire::pgoutput
