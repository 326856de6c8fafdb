// The judgement of what the account may do.
#include <algorithm>

#include "binlog/check_judging.hpp"
#include "binlog/xa_prepared.hpp"

namespace tidewire::binlog {
namespace {

using kind = check_fix::kind;

/// A role that was granted and is not in force gives nothing.
std::vector<check_fix> fixes_of(const judging& j, const std::string& grant) {
  std::vector<check_fix> fixes{{kind::sql, grant, true}};
  if (!j.facts.rights) return fixes;
  std::vector<std::string> roles = j.facts.rights->grants.roles();
  if (roles.empty()) return fixes;
  // MariaDB has one default role, MySQL many.
  std::string all = j.facts.mariadb
                        ? "SET DEFAULT ROLE " + sql_name(roles[0]) + " FOR " + j.account_sql() + ";"
                        : "SET DEFAULT ROLE ALL TO " + j.account_sql() + ";";
  fixes.push_back({kind::sql, all + "   -- if one of its roles has the right", false});
  return fixes;
}

std::string grant_sql(const judging& j, const std::string& right, const std::string& on) {
  return "GRANT " + right + " ON " + on + " TO " + j.account_sql() + ";";
}

void judge_replication(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-REPLICATION";
  constexpr const char* title = "right to read the binlog";
  if (j.facts.registers && *j.facts.registers) {
    j.ok(code, title, "the server takes us as a replica");
    return;
  }
  if (j.facts.registers) {
    j.add(code, title, check_status::fail, "none (" + j.facts.registers.missing + ")",
          "REPLICATION SLAVE is what a stream needs", fixes_of(j, grant_sql(j, "REPLICATION SLAVE", "*.*")));
    return;
  }
  j.unknown(code, title, j.facts.registers.missing);
}

void judge_monitor(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-MONITOR";
  constexpr const char* title = "right to see where the binlog is";
  if (j.facts.kept) {
    j.ok(code, title, counted(j.facts.kept->files, "file is", "files are") + " listed");
    return;
  }
  if (j.facts.settings && !j.facts.has_log()) return;  // there is none to list
  j.add(code, title, check_status::fail, "none (" + j.facts.kept.missing + ")",
        j.monitor_right() + " is what a stream needs to begin",
        fixes_of(j, grant_sql(j, j.monitor_right(), "*.*")));
}

/// Each table's own grant for a few, their schemas' for many.
std::vector<check_fix> select_fixes(const judging& j, const std::vector<const table_fact*>& tables) {
  std::vector<check_fix> fixes;
  if (tables.size() <= max_named_objects) {
    for (const table_fact* each : tables)
      fixes.push_back({kind::sql, grant_sql(j, "SELECT", sql_name(each->schema, each->name)), true});
    return fixes;
  }
  std::vector<std::string> schemas;
  for (const table_fact* each : tables)
    if (std::ranges::find(schemas, each->schema) == schemas.end()) schemas.push_back(each->schema);
  for (const std::string& each : schemas)
    fixes.push_back({kind::sql, grant_sql(j, "SELECT", sql_schema_pattern(each) + ".*"), true});
  return fixes;
}

void judge_select(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-SELECT";
  if (!j.facts.rights) return void(j.unknown(code, "SELECT", j.facts.rights.missing));
  if (!j.facts.tables) return void(j.unknown(code, "SELECT", j.facts.tables.missing));
  const grant_list& grants = j.facts.rights->grants;
  std::vector<const table_fact*> denied, unclear;
  std::vector<const table_fact*> tables = tables_in_question(j.facts, j.wishes);
  for (const table_fact* each : tables) {
    if (grants.on_table(each->schema, each->name, "SELECT")) continue;
    (grants.unclear_on_schema(each->schema, "SELECT") ? unclear : denied).push_back(each);
  }
  if (!denied.empty() && grants.not_understood != 0) {
    j.unknown(code, "SELECT",
              counted(grants.not_understood, "line", "lines") + " of SHOW GRANTS is of an unknown form");
    return;
  }
  if (!denied.empty()) {
    name_tables(j.add(code, "SELECT", check_status::fail, "missing on " + tables_text(denied),
                      "columns' names, and what tables hold now, can't be read", select_fixes(j, denied)),
                denied);
    return;
  }
  if (!unclear.empty()) {
    name_tables(
        j.unknown(code, "SELECT",
                  "several patterns of the account's grants fit, and servers differ in which one counts: " +
                      tables_text(unclear),
                  select_fixes(j, unclear)),
        unclear);
    return;
  }
  bool nothing = j.wishes.tables.empty() && !grants.anywhere("SELECT");
  if (nothing && grants.not_understood == 0) {
    j.add(code, "SELECT", check_status::fail, "on nothing",
          "columns' names, and what tables hold now, can't be read",
          fixes_of(j, grant_sql(j, "SELECT", "SCHEMA.*")));
    return;
  }
  if (tables.empty() && !j.wishes.tables.empty()) return;  // which is told of the tables
  j.ok(code, "SELECT",
       tables.empty() ? "no table is there yet" : "on " + counted(tables.size(), "table", "tables"),
       grants.global("SELECT") || !j.wishes.tables.empty()
           ? ""
           : "tables that the account has no right on are not seen here; their changes come all the same");
}

/// Needed for one option only, so nothing is wrong without it.
void judge_lock_tables(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-LOCK-TABLES";
  constexpr const char* title = "LOCK TABLES, for --exact";
  bool can_be_exact = j.facts.mariadb || j.facts.version >= 80000;
  if (!can_be_exact || !j.facts.rights || !j.facts.tables) return;
  const grant_list& grants = j.facts.rights->grants;
  std::vector<std::string> missing;
  std::vector<const table_fact*> tables = tables_in_question(j.facts, j.wishes);
  for (const table_fact* each : tables)
    if (!grants.on_schema(each->schema, "LOCK TABLES") &&
        std::ranges::find(missing, each->schema) == missing.end())
      missing.push_back(each->schema);
  if (tables.empty()) return;
  if (missing.empty()) return void(j.ok(code, title, "on " + counted(tables.size(), "table", "tables")));
  std::vector<check_fix> fixes;
  if (missing.size() > max_named_objects)
    fixes.push_back({kind::sql, grant_sql(j, "LOCK TABLES", "*.*"), true});
  if (fixes.empty())
    for (const std::string& each : missing)
      fixes.push_back({kind::sql, grant_sql(j, "LOCK TABLES", sql_schema_pattern(each) + ".*"), true});
  j.add(code, title, check_status::ok,
        "not on " + counted(missing.size(), "schema: ", "schemas: ") + first_of(missing, missing.size()),
        j.facts.mariadb ? "a copy with --exact and several connections may take it, nothing else does"
                        : "a copy with --exact takes it, nothing else does",
        std::move(fixes));
}

void judge_prepared(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-XA";
  constexpr const char* title = "prepared XA transactions";
  if (!j.facts.prepared) {
    std::vector<check_fix> fixes;
    if (!j.facts.mariadb) fixes = fixes_of(j, grant_sql(j, "XA_RECOVER_ADMIN", "*.*"));
    j.unknown(code, title, j.facts.prepared.missing, std::move(fixes));
    return;
  }
  if (j.facts.prepared->empty()) return void(j.ok(code, title, "none"));
  std::vector<check_fix> fixes;
  for (const std::string& each : *j.facts.prepared) {
    if (fixes.size() == max_named_objects) break;
    fixes.push_back({kind::sql, "XA ROLLBACK " + each + ";   -- or XA COMMIT, if nobody will", false});
  }
  j.add(code, title, check_status::warn, prepared_text(*j.facts.prepared),
        "no copy and no new stream begins before they have ended", std::move(fixes));
}

}  // namespace

void judge_rights(const judging& j) {
  judge_replication(j);
  judge_monitor(j);
  judge_select(j);
  judge_lock_tables(j);
  judge_prepared(j);
}

}  // namespace tidewire::binlog
