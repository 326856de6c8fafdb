#include "pgoutput/slot_record.hpp"

namespace tidewire::pgoutput {

std::string slots_sql(const std::string& condition) {
  std::string sql =
      "SELECT slot_name, plugin, slot_type, database, temporary, active, pg_wal_lsn_diff(CASE WHEN "
      "pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, "
      "restart_lsn)::bigint, "
      "to_jsonb(s) ->> 'wal_status', to_jsonb(s) ->> 'safe_wal_size', to_jsonb(s) ->> 'two_phase', "
      "to_jsonb(s) ->> 'failover', to_jsonb(s) ->> 'synced', to_jsonb(s) ->> 'invalidation_reason', "
      "to_jsonb(s) ->> 'conflicting', extract(epoch FROM now() - (to_jsonb(s) ->> "
      "'inactive_since')::timestamptz), confirmed_flush_lsn FROM pg_replication_slots s ";
  if (!condition.empty()) sql += "WHERE " + condition + ' ';
  return sql + "ORDER BY 7 DESC NULLS LAST LIMIT 1000";
}

slot_record slot_of(const text_row& row) {
  slot_record slot;
  slot.name = text_at(row, 0);
  slot.plugin = text_at(row, 1);
  slot.logical = text_at(row, 2) == "logical";
  slot.database = text_at(row, 3);
  slot.temporary = truth_at(row, 4);
  slot.active = truth_at(row, 5);
  slot.retained_bytes = number_at<std::uint64_t>(row, 6);
  slot.wal_status = text_at(row, 7);
  if (!text_at(row, 8).empty()) slot.safe_wal_bytes = number_at<std::int64_t>(row, 8);
  slot.two_phase = truth_at(row, 9);
  slot.failover = truth_at(row, 10);
  slot.synced = truth_at(row, 11);
  slot.invalidation = text_at(row, 12);
  if (slot.invalidation.empty() && slot.wal_status == "lost") slot.invalidation = "wal_removed";
  if (slot.invalidation.empty() && truth_at(row, 13)) slot.invalidation = "conflict with recovery";
  slot.inactive_s = real_at(row, 14);
  slot.confirmed = wire::parse_lsn(text_at(row, 15)).value_or(wire::lsn{});
  return slot;
}

}  // namespace tidewire::pgoutput
