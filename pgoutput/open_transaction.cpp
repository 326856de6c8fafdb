#include "pgoutput/open_transaction.hpp"

#include "pgoutput/row_text.hpp"

namespace tidewire::pgoutput {

const std::string_view open_transactions_sql =
    "SELECT l.pid, p.gid, coalesce(a.usename, p.owner), a.application_name, a.state, "
    "coalesce(a.xact_start, p.prepared), "
    "extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared)) FROM pg_locks l "
    "LEFT JOIN pg_stat_activity a USING (pid) "
    "LEFT JOIN pg_prepared_xacts p ON p.transaction = l.transactionid "
    "WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted "
    "AND l.pid IS DISTINCT FROM pg_backend_pid() ORDER BY coalesce(a.xact_start, p.prepared) NULLS FIRST "
    "LIMIT 10";

std::vector<open_transaction> open_transactions_of(const wire::result_set& found) {
  std::vector<open_transaction> all;
  for (const auto& row : found.rows) {
    open_transaction one;
    one.pid = text_at(row, 0);
    one.prepared = text_at(row, 1);
    one.user = text_at(row, 2);
    one.application = text_at(row, 3);
    one.state = text_at(row, 4);
    one.since = text_at(row, 5);
    one.age_s = real_at(row, 6);
    all.push_back(std::move(one));
  }
  return all;
}

std::string to_string(const open_transaction& one) {
  if (!one.prepared.empty()) return "prepared transaction '" + one.prepared + "'";
  auto or_else = [](const std::string& text, const char* otherwise) {
    return text.empty() ? otherwise : text;
  };
  return "PID " + or_else(one.pid, "?") + " (" + or_else(one.user, "another user") + ", " + one.application +
         ", " + or_else(one.state, "state unknown") + ", since " + or_else(one.since, "unknown") + ")";
}

}  // namespace tidewire::pgoutput
