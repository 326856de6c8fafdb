#include "pgoutput/check_ask.hpp"

#include <algorithm>
#include <charconv>

#include "pgoutput/row_text.hpp"
#include "wire/query.hpp"
#include "wire/quote.hpp"

namespace tidewire::pgoutput {
namespace {

using row = text_row;

// More than this is not asked for: the answers must stay bounded whatever the server holds.
constexpr int max_tables = 200'000;
constexpr int max_publications = 1'000;

// All of them exist on every server, or are left out by themselves where not.
constexpr std::string_view setting_names =
    "'wal_level','effective_wal_level','max_replication_slots','max_wal_senders','max_slot_wal_keep_size',"
    "'idle_replication_slot_timeout','sync_replication_slots','synchronized_standby_slots',"
    "'statement_timeout','idle_in_transaction_session_timeout','transaction_timeout','idle_session_timeout',"
    "'wal_sender_timeout','hot_standby_feedback'";

// To compile a query over thousands of tables takes longer than to run it.
const std::string without_jit = "SET LOCAL jit = off; ";

// Where the server is now, primary or standby.
constexpr std::string_view now_lsn =
    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END";

/// Numbers of columns: "1 2 3".
std::vector<int> columns_of(std::string_view list) {
  std::vector<int> columns;
  const char* at = list.data();
  const char* end = at + list.size();
  while (at < end) {
    int column = 0;
    auto [next, error] = std::from_chars(at, end, column);
    if (error == std::errc{}) columns.push_back(column);
    at = error == std::errc{} && next > at ? next : at + 1;
  }
  return columns;
}

template <class Names>
std::string list_of(const Names& names) {
  std::string list;
  for (const auto& each : names) list += (list.empty() ? "" : ",") + wire::quote_literal(each);
  return list.empty() ? "NULL" : list;
}

std::string role_expression(const ask_settings& what) {
  return what.role.empty() ? "current_user" : wire::quote_literal(what.role);
}

// ---- The questions

std::string server_sql() {
  return "SELECT version(), pg_is_in_recovery(), pg_backend_pid(), current_setting('server_encoding'), "
         "(SELECT count(*) FROM pg_proc WHERE proname = 'aurora_version') > 0, current_database(), "
         "current_user";
}

std::string settings_sql() {
  return "SELECT name, setting, unit, source, pending_restart FROM pg_settings WHERE name IN (" +
         std::string(setting_names) + ")";
}

std::string special_settings_sql() {
  return "SELECT name, current_setting(name, true) FROM unnest(ARRAY[" + list_of(special_settings()) +
         "]) AS name";
}

std::string roles_sql() {
  return "SELECT rolname FROM pg_roles WHERE rolname IN (" + list_of(special_roles()) + ")";
}

std::string role_sql(const ask_settings& what) {
  return "SELECT r.rolname, r.rolsuper, r.rolreplication, r.rolbypassrls, r.rolcanlogin, "
         "has_database_privilege(r.oid, current_database(), 'CONNECT'), "
         "CASE WHEN isfinite(r.rolvaliduntil) THEN extract(epoch FROM r.rolvaliduntil - now()) END, "
         "(SELECT string_agg(m.rolname, ' ') FROM pg_roles m WHERE m.rolname IN (" +
         list_of(special_roles()) +
         ") AND pg_has_role(r.oid, m.oid, 'MEMBER')) FROM pg_roles r WHERE r.rolname = " +
         role_expression(what);
}

std::string publications_sql() {
  return "SELECT pubname, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, "
         "to_jsonb(p) ->> 'pubviaroot', to_jsonb(p) ->> 'pubgencols' FROM pg_publication p ORDER BY 1 "
         "LIMIT " +
         std::to_string(max_publications);
}

std::string tables_sql(const ask_settings& what, int major) {
  // The row of the role is empty where it does not exist (yet): then every right is NULL.
  std::string sql =
      without_jit +
      "SELECT c.oid, h.inhparent, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident, "
      "c.relrowsecurity, c.relrowsecurity AND NOT (r.rolsuper OR r.rolbypassrls OR "
      "(pg_has_role(r.oid, c.relowner, 'USAGE') AND NOT c.relforcerowsecurity)), "
      "has_schema_privilege(r.oid, n.oid, 'USAGE'), has_table_privilege(r.oid, c.oid, 'SELECT'), "
      "pg_has_role(c.relowner, 'USAGE'), pg_get_userbyid(c.relowner), i.indkey::text, a.stored, a.virtual, "
      "a.count "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace ";
  sql += "LEFT JOIN pg_roles r ON r.rolname = " + role_expression(what) + " ";
  sql +=
      "LEFT JOIN pg_inherits h ON c.relispartition AND h.inhrelid = c.oid "
      "LEFT JOIN LATERAL (SELECT indkey FROM pg_index x WHERE x.indrelid = c.oid AND x.indisvalid AND CASE "
      "c.relreplident WHEN 'd' THEN x.indisprimary WHEN 'i' THEN x.indisreplident ELSE false END LIMIT 1) i "
      "ON true "
      "LEFT JOIN LATERAL (SELECT count(*), ";
  sql += major >= 12 ? "string_agg(CASE attgenerated WHEN 's' THEN attnum::text END, ' ') AS stored, "
                       "string_agg(CASE attgenerated WHEN 'v' THEN attnum::text END, ' ') AS virtual "
                     : "NULL::text AS stored, NULL::text AS virtual ";
  sql +=
      "FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a ON true "
      "WHERE c.relkind IN ('r','p','f','v','m') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' "
      "AND n.nspname <> 'information_schema' ORDER BY n.nspname, c.relname LIMIT " +
      std::to_string(max_tables);
  return sql;
}

/// Of the wanted publications everything; of others only what the role can't read.
std::string published_sql(const ask_settings& what) {
  return without_jit +
         "SELECT p.pubname, t.relid FROM pg_publication p, LATERAL pg_get_publication_tables(p.pubname) t "
         "LEFT JOIN pg_roles r ON r.rolname = " +
         role_expression(what) + " WHERE p.pubname IN (" + list_of(what.publications) +
         ") OR has_table_privilege(r.oid, t.relid, 'SELECT') IS FALSE LIMIT " + std::to_string(max_tables);
}

std::string entries_sql(const ask_settings& what, int major) {
  std::string columns = major >= 15 ? "e.prattrs::text, pg_get_expr(e.prqual, e.prrelid)" : "NULL, NULL";
  std::string filter = major >= 15 ? " AND (e.prattrs IS NOT NULL OR e.prqual IS NOT NULL)" : "";
  return "SELECT p.pubname, e.prrelid, " + columns +
         " FROM pg_publication_rel e JOIN pg_publication p ON p.oid = e.prpubid WHERE p.pubname IN (" +
         list_of(what.publications) + ")" + filter + " LIMIT " + std::to_string(max_tables);
}

std::string mark_sql() {
  return "SELECT pg_wal_lsn_diff(" + std::string(now_lsn) +
         ", '0/0')::bigint, extract(epoch FROM clock_timestamp())";
}

std::string wal_average_sql(int major) {
  if (major < 14) return "SELECT NULL, NULL";
  return "SELECT wal_bytes, extract(epoch FROM now() - stats_reset) FROM pg_stat_wal";
}

std::string default_privileges_sql(const ask_settings& what) {
  return "SELECT coalesce(n.nspname, ''), pg_get_userbyid(d.defaclrole) FROM pg_default_acl d "
         "LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, LATERAL aclexplode(d.defaclacl) a "
         "JOIN pg_roles r ON r.oid = a.grantee AND r.rolname = " +
         role_expression(what) + " WHERE d.defaclobjtype = 'r' AND a.privilege_type = 'SELECT' LIMIT 10000";
}

// ---- The answers

server_fact server_of(const wire::result_set& found) {
  const row& from = found.rows[0];
  server_fact server;
  server.version_text = text_at(from, 0);
  server.in_recovery = truth_at(from, 1);
  server.encoding = text_at(from, 3);
  server.aurora_functions = truth_at(from, 4);
  return server;
}

role_fact role_of(const wire::result_set& found) {
  role_fact role;
  if (found.rows.empty()) return role;
  const row& from = found.rows[0];
  role.name = text_at(from, 0);
  role.exists = true;
  role.superuser = truth_at(from, 1);
  role.replication = truth_at(from, 2);
  role.bypass_rls = truth_at(from, 3);
  role.can_login = truth_at(from, 4);
  role.may_connect = truth_at(from, 5);
  role.password_ends_in_s = real_at(from, 6);
  std::string names = text_at(from, 7);
  for (std::string_view special : special_roles())
    if ((" " + names + " ").find(" " + std::string(special) + " ") != names.npos)
      role.member_of.emplace(special);
  return role;
}

publication_fact publication_of(const row& from) {
  publication_fact publication;
  publication.name = text_at(from, 0);
  publication.all_tables = truth_at(from, 1);
  publication.inserts = truth_at(from, 2);
  publication.updates = truth_at(from, 3);
  publication.deletes = truth_at(from, 4);
  publication.truncates = truth_at(from, 5);
  publication.via_root = truth_at(from, 6);
  publication.generated = letter_at(from, 7, 'n');
  return publication;
}

table_fact table_of(const row& from) {
  table_fact table;
  table.oid = number_at<std::uint32_t>(from, 0);
  table.parent = number_at<std::uint32_t>(from, 1);
  table.schema = text_at(from, 2);
  table.name = text_at(from, 3);
  table.kind = letter_at(from, 4, 'r');
  table.persistence = letter_at(from, 5, 'p');
  table.identity = letter_at(from, 6, 'd');
  table.row_security = truth_at(from, 7);
  table.rows_hidden = truth_at(from, 8);
  table.schema_usage = truth_at(from, 9);
  table.select = truth_at(from, 10);
  table.owned = truth_at(from, 11);
  table.owner = text_at(from, 12);
  table.identity_columns = columns_of(text_at(from, 13));
  table.generated_columns = columns_of(text_at(from, 14));
  table.virtual_columns = columns_of(text_at(from, 15));
  table.column_count = number_at<int>(from, 16);
  return table;
}

template <class Fill, class T>
void fill(asked<T>& into, const wire::query_outcome& from, Fill how, bool needs_row = false) {
  if (from.error) {
    into.missing = from.error->message();
  } else if (needs_row && from.result.rows.empty()) {
    into.missing = "the server gave no answer";
  } else {
    into.missing.clear();
    into.value = how(from.result);
  }
}

template <class T, class Each>
std::vector<T> each_row(const wire::result_set& found, Each make) {
  std::vector<T> all;
  all.reserve(found.rows.size());
  for (const row& from : found.rows) all.push_back(make(from));
  return all;
}

std::map<std::string, setting_fact, std::less<>> settings_of(const wire::result_set& found) {
  std::map<std::string, setting_fact, std::less<>> settings;
  for (const row& from : found.rows)
    settings[text_at(from, 0)] = {text_at(from, 1), text_at(from, 2), text_at(from, 3), truth_at(from, 4)};
  return settings;
}

std::map<std::string, std::string, std::less<>> special_of(const wire::result_set& found) {
  std::map<std::string, std::string, std::less<>> settings;
  for (const row& from : found.rows)
    if (from.size() == 2 && from[1]) settings[text_at(from, 0)] = *from[1];
  return settings;
}

std::set<std::string, std::less<>> names_of(const wire::result_set& found) {
  std::set<std::string, std::less<>> names;
  for (const row& from : found.rows) names.insert(text_at(from, 0));
  return names;
}

void fill_wal(check_facts& into, const wire::query_outcome& average, const wire::query_outcome& mark) {
  wal_fact wal;
  if (!average.error && !average.result.rows.empty()) {
    const row& from = average.result.rows[0];
    auto bytes = real_at(from, 0), seconds = real_at(from, 1);
    // Just after a reset it says nothing.
    if (bytes && seconds && *seconds >= 60) {
      wal.average_bytes_s = *bytes / *seconds;
      wal.average_over_s = *seconds;
    }
  }
  if (!mark.error && !mark.result.rows.empty()) {
    const row& from = mark.result.rows[0];
    wal.mark_lsn = real_at(from, 0);
    wal.mark_s = real_at(from, 1).value_or(0);
  }
  into.wal.value = wal;
  if (mark.error) into.wal.missing = mark.error->message();
}

}  // namespace

int version_number(std::string_view text) {
  int major = 0, minor = 0;
  const char* end = text.data() + text.size();
  auto [after, error] = std::from_chars(text.data(), end, major);
  if (error != std::errc{}) return 0;
  if (after != end && *after == '.') std::from_chars(after + 1, end, minor);
  // Before 10 there were two numbers to a major version.
  return major >= 10 ? major * 10'000 + minor : major * 10'000 + minor * 100;
}

hoster_evidence check_facts::evidence() const {
  hoster_evidence from;
  if (!connection.is_unix) from.host = connection.host;
  from.port = connection.port;
  from.user = connection.user;
  if (server) from.version = server->version_text, from.aurora_functions = server->aurora_functions;
  if (special_roles) from.roles = *special_roles;
  if (special_settings) from.settings = *special_settings;
  return from;
}

conversation<> ask_facts(wire::session& with, ask_settings what, check_facts& into) {
  auto version = with.parameters.find("server_version");
  into.version_name = version == with.parameters.end() ? "" : version->second;
  into.version = version_number(into.version_name);
  into.version_name = into.version_name.substr(0, into.version_name.find(' '));
  int major = into.major();
  std::vector<std::string> questions{server_sql(),
                                     settings_sql(),
                                     special_settings_sql(),
                                     roles_sql(),
                                     role_sql(what),
                                     publications_sql(),
                                     tables_sql(what, major),
                                     published_sql(what),
                                     entries_sql(what, major),
                                     slots_sql(),
                                     "SELECT count(*) FROM pg_stat_replication",
                                     std::string(open_transactions_sql),
                                     wal_average_sql(major),
                                     mark_sql(),
                                     default_privileges_sql(what)};
  std::vector<wire::query_outcome> answers = co_await wire::query_each(with, questions);
  fill(into.server, answers[0], server_of, true);
  if (into.server && !answers[0].result.rows.empty()) {
    const row& from = answers[0].result.rows[0];
    into.connection.process_id_differs =
        with.process_id != 0 && number_at<std::int32_t>(from, 2) != with.process_id;
    into.connection.database = text_at(from, 5);
  }
  fill(into.settings, answers[1], settings_of);
  fill(into.special_settings, answers[2], special_of);
  fill(into.special_roles, answers[3], names_of);
  fill(into.role, answers[4], role_of);
  if (into.role && !into.role->exists) into.role.value->name = what.role;
  fill(into.publications, answers[5],
       [](const auto& found) { return each_row<publication_fact>(found, publication_of); });
  fill(into.tables, answers[6], [](const auto& found) { return each_row<table_fact>(found, table_of); });
  fill(into.published, answers[7], [](const auto& found) {
    published_facts published;
    published.tables = each_row<published_fact>(found, [](const row& from) {
      return published_fact{text_at(from, 0), number_at<std::uint32_t>(from, 1)};
    });
    return published;
  });
  if (into.published && !answers[8].error)
    into.published.value->entries = each_row<publication_entry>(answers[8].result, [](const row& from) {
      publication_entry entry{text_at(from, 0), number_at<std::uint32_t>(from, 1), std::nullopt,
                              text_at(from, 3)};
      if (from.size() > 2 && from[2]) entry.columns = columns_of(*from[2]);
      return entry;
    });
  fill(into.slots, answers[9], [](const auto& found) { return each_row<slot_record>(found, slot_of); });
  fill(
      into.wal_senders, answers[10], [](const auto& found) { return number_at<int>(found.rows[0], 0); },
      true);
  fill(into.transactions, answers[11], open_transactions_of);
  fill_wal(into, answers[12], answers[13]);
  fill(into.default_privileges, answers[14], [](const auto& found) {
    return each_row<default_privilege>(
        found, [](const row& from) { return default_privilege{text_at(from, 0), text_at(from, 1)}; });
  });
}

conversation<> ask_again(wire::session& with, check_facts& into) {
  std::vector<std::string> questions{mark_sql(), std::string(open_transactions_sql)};
  std::vector<wire::query_outcome> answers = co_await wire::query_each(with, questions);
  if (!answers[0].error && !answers[0].result.rows.empty() && into.wal && into.wal->mark_lsn) {
    const row& from = answers[0].result.rows[0];
    double passed_s = real_at(from, 1).value_or(0) - into.wal->mark_s;
    if (passed_s > 0)
      into.wal.value->now_bytes_s =
          std::max(0.0, real_at(from, 0).value_or(0) - *into.wal->mark_lsn) / passed_s;
  }
  if (answers[1].error || !into.transactions) co_return;
  // A short one that just happened to be open is in nobody's way.
  std::vector<open_transaction> still = open_transactions_of(answers[1].result);
  std::erase_if(*into.transactions.value, [&](const open_transaction& one) {
    return std::ranges::none_of(still, [&](const open_transaction& other) {
      return one.pid == other.pid && one.prepared == other.prepared && one.since == other.since;
    });
  });
}

}  // namespace tidewire::pgoutput
