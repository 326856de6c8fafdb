#include "binlog/copy_lock.hpp"

#include <algorithm>
#include <set>

#include "binlog/sql_text.hpp"

namespace tidewire::binlog {

namespace {

constexpr std::size_t most_named = 3;

/// For a person: nothing in it that could steer a terminal.
std::string shown(const std::optional<std::string>& text) {
  std::string out = text.value_or("");
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

/// The right is one of schemas.
conversation<std::string> missing_grants(session& with, const std::vector<copy_table>& tables) {
  text_result who = co_await text_query(with, "SELECT CURRENT_USER()", "reading the account");
  std::string to = " TO " + account_of(who.first()).sql() + ";";
  std::set<std::string> schemas;
  for (const copy_table& each : tables) schemas.insert(each.schema);
  std::string text;
  if (schemas.size() > most_named) text = "GRANT LOCK TABLES ON *.*" + to;
  if (schemas.size() <= most_named)
    for (const std::string& each : schemas)
      text += (text.empty() ? "" : " ") + ("GRANT LOCK TABLES ON " + sql_schema_pattern(each) + ".*" + to);
  co_return text;
}

/// It took too long, each waits for the other, it was told to give up.
bool in_the_way(const server_failure& why) {
  return why.number == 1205 || why.number == 1213 || why.number == 1317;
}

/// Not where it is SELECT that is missing, which the server tells with the same number.
bool may_not_lock(const server_failure& why) {
  return why.number == 1044 || (why.number == 1142 && std::string_view(why.what()).contains("LOCK TABLES"));
}

}  // namespace

void check_can_be_exact(const server_facts& server, const std::vector<copy_table>& tables) {
  check_can_copy(server);
  if (!server.mariadb && server.number < 80000)
    throw failure{failure_kind::refused, "TW-MY-SNAPSHOT",
                  "before MySQL 8.0 a lock does not hold off what foreign keys cascade",
                  "copy without --exact"};
  for (const copy_table& each : tables)
    if (!each.has_snapshots)
      throw failure{failure_kind::refused, "TW-MY-SNAPSHOT",
                    each.text() + " is of an engine without snapshots: its rows can't be as of one place",
                    "name the others with --table, or copy without --exact"};
}

conversation<std::string> prepare_lock(session& with) {
  // Were we cut off or halted with the lock, the server would not wait for us.
  co_await text_query(with, "SET SESSION lock_wait_timeout=1, wait_timeout=10", "settings");
  text_result id = co_await text_query(with, "SELECT CONNECTION_ID()", "reading the connection's number");
  std::string number(id.first());
  if (number.empty() || number.find_first_not_of("0123456789") != number.npos)
    malformed("connection number", {decode_errc::bad_value, 0, "digits"});
  co_return number;
}

conversation<bool> lock_tables(session& with, const std::vector<copy_table>& tables) {
  std::string sql;
  for (const copy_table& each : tables)
    sql += (sql.empty() ? "LOCK TABLES " : ",") + sql_name(each.schema, each.name) + " READ";
  if (sql.empty()) co_return true;
  std::optional<server_failure> denied;
  try {
    co_await text_query(with, std::move(sql), "locking the tables");
    co_return true;
  } catch (const server_failure& why) {
    if (in_the_way(why)) co_return false;
    if (why.number == 1146)
      throw failure{failure_kind::transient, "TW-MY-TABLE-CHANGED", why.what(),
                    "a table was dropped while the copy began: try again"};
    if (!may_not_lock(why)) throw;
    denied = why;
  }
  std::string grants = co_await missing_grants(with, tables);
  throw failure{failure_kind::refused, "TW-MY-PRIVILEGE",
                std::string(denied->what()) + ": an exact copy takes the right LOCK TABLES",
                grants + " Or copy without --exact"};
}

conversation<> end_waiting(session& with, std::string connection) {
  try {
    co_await text_query(with, "KILL QUERY " + connection, "giving up a lock");
  } catch (const server_failure& why) {
    if (why.number != 1094) throw;  // it is gone, which it will be told itself
  }
}

conversation<> unlock_tables(session& with) {
  co_await text_query(with, "UNLOCK TABLES", "unlocking the tables");
}

namespace {

/// By number, user, host, table, seconds; any but the first may be NULL, and the number is 0 where no
/// connection has it.
std::string transaction_text(const std::vector<std::optional<std::string>>& row) {
  if (row[0].value_or("0") == "0") return "a prepared one (XA RECOVER lists it)";
  std::string text = "that of connection " + shown(row[0]) + " (" + shown(row[1]) + "@" + shown(row[2]);
  if (row[3]) text += ", " + shown(row[3]);
  return text + ", for " + shown(row[4]) + " s)";
}

std::string transactions_text(const text_result& found) {
  std::string text;
  std::size_t named = std::min(found.rows.size(), most_named);
  for (std::size_t i = 0; i < named; ++i)
    if (found.rows[i].size() == 5) text += (text.empty() ? "" : ", ") + transaction_text(found.rows[i]);
  if (found.rows.size() > named) text += " and " + std::to_string(found.rows.size() - named) + " more";
  return text;
}

/// Only who has just these tables; where the server watches its locks, and the account may look.
std::string locks_sql(const std::vector<copy_table>& tables) {
  std::string names;
  for (const copy_table& each : tables)
    names += (names.empty() ? "(" : ",(") + sql_text(each.schema) + "," + sql_text(each.name) + ")";
  return "SELECT IFNULL(t.processlist_id,0), t.processlist_user, t.processlist_host, "
         "CONCAT(m.object_schema,'.',m.object_name), IFNULL(t.processlist_time,0) FROM "
         "performance_schema.metadata_locks m LEFT JOIN performance_schema.threads t ON "
         "t.thread_id=m.owner_thread_id WHERE m.object_type='TABLE' AND m.lock_status='GRANTED' AND "
         "m.lock_type "
         "IN ('SHARED_WRITE','SHARED_WRITE_LOW_PRIO','SHARED_NO_READ_WRITE','EXCLUSIVE') AND "
         "(m.object_schema,m.object_name) IN (" +
         names + ") ORDER BY 5 DESC LIMIT 100";
}

/// All that have changed anything, the oldest first.
constexpr const char* transactions_sql =
    "SELECT t.trx_mysql_thread_id, p.user, p.host, NULL, TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) FROM "
    "information_schema.innodb_trx t LEFT JOIN information_schema.processlist p ON "
    "p.id=t.trx_mysql_thread_id "
    "WHERE t.trx_tables_locked>0 ORDER BY t.trx_started LIMIT 100";

}  // namespace

conversation<std::string> who_writes(session& with, const std::vector<copy_table>& tables) {
  for (int i = 0; i < 2; ++i) {
    bool locks = i == 0;
    std::string text;
    try {
      std::string sql = locks ? locks_sql(tables) : transactions_sql;
      text_result found = co_await text_query(with, std::move(sql), "looking who writes");
      text = transactions_text(found);
    } catch (const server_failure&) {
      // It may not look there, or there is no such table.
    }
    if (!text.empty()) co_return text;
  }
  co_return "which one, the account can't see without PROCESS";
}

}  // namespace tidewire::binlog
