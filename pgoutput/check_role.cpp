// The judgement of the role: login, replication, and its rights on the tables.
#include <algorithm>
#include <functional>
#include <set>

#include "pgoutput/check_judging.hpp"
#include "pgoutput/sql_text.hpp"

namespace tidewire::pgoutput {
namespace {

using kind = check_fix::kind;

constexpr double day_s = 86'400;

void judge_login(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-LOGIN";
  if (!j.facts.role) {
    j.unknown(code, "login", j.facts.role.missing);
    return;
  }
  const role_fact& role = *j.facts.role;
  if (!role.exists || !role.can_login || !role.may_connect) {
    std::vector<check_fix> fixes;
    if (!role.can_login) fixes.push_back({kind::sql, "ALTER ROLE " + j.role_name() + " LOGIN;", true});
    if (!role.may_connect)
      fixes.push_back({kind::sql,
                       "GRANT CONNECT ON DATABASE " + sql_name(j.facts.connection.database) + " TO " +
                           j.role_name() + ";",
                       true});
    j.add(code, "login", check_status::fail,
          role.name + (role.can_login ? " may not connect" : " may not log in"), "", std::move(fixes));
    return;
  }
  if (role.password_ends_in_s && *role.password_ends_in_s < 30 * day_s) {
    j.add(code, "login", check_status::warn,
          role.name + ", its password ends in " + seconds_text(std::max(0.0, *role.password_ends_in_s)),
          "from then on no reconnect succeeds",
          {{kind::sql, "ALTER ROLE " + j.role_name() + " VALID UNTIL 'infinity';", true}});
    return;
  }
  j.ok(code, "login", role.name);
}

void judge_replication(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-REPLICATION";
  if (!j.facts.role) {
    j.unknown(code, "right to replicate", j.facts.role.missing);
    return;
  }
  const role_fact& role = *j.facts.role;
  std::string_view group = replication_role(j.at);
  std::string by;
  if (role.replication)
    by = "REPLICATION";
  else if (!group.empty() && role.member_of.contains(group))
    by = "member of " + std::string(group);
  else if (role.superuser)
    by = "superuser";
  if (j.facts.probe && j.facts.probe->works) {
    j.ok(code, "right to replicate",
         by.empty() ? "a replication connection works" : by + "; a replication connection works");
    return;
  }
  std::string said = j.facts.probe ? j.facts.probe->text : "";
  if (by.empty()) {
    j.add(code, "right to replicate", check_status::fail,
          "the role " + role.name + " has none" + (said.empty() ? "" : " (" + said + ")"),
          "only a replication connection is sent changes", replication_fixes(j.at, role.name));
    return;
  }
  if (!j.facts.probe) {
    j.ok(code, "right to replicate", by);
    return;
  }
  if (j.facts.probe->sqlstate == "53300") {
    j.add(
        code, "right to replicate", check_status::warn, by + ", but there was no room to try it: " + said,
        "check holds one connection and tries a second one",
        {{kind::console, "stop another connection, or make room: max_wal_senders, max_connections", false}});
    return;
  }
  bool denied = j.facts.probe->sqlstate.starts_with("28") || j.facts.probe->sqlstate == "42501";
  std::vector<check_fix> fixes;
  if (denied && j.at == hoster::self_hosted)
    fixes.push_back(
        {kind::console,
         "a line for this role, database and address in pg_hba.conf, then SELECT pg_reload_conf(); "
         "(a logical replication connection matches the database's name, not \"replication\")",
         false});
  else
    fixes.push_back({kind::setting, "connect to the server itself, not to a pooler or proxy", false});
  j.add(code, "right to replicate", check_status::fail, by + ", but a replication connection fails: " + said,
        "", std::move(fixes));
}

std::vector<const table_fact*> where(const std::vector<const table_fact*>& tables,
                                     const std::function<bool(const table_fact&)>& holds) {
  std::vector<const table_fact*> found;
  for (const table_fact* table : tables)
    if (holds(*table)) found.push_back(table);
  return found;
}

void judge_row_security(const judging& j, const std::vector<const table_fact*>& tables) {
  constexpr const char* code = "TW-CHECK-PG-ROW-SECURITY";
  auto hidden = where(tables, [](const table_fact& table) { return table.rows_hidden; });
  auto secured = where(tables, [](const table_fact& table) { return table.row_security; });
  if (hidden.empty()) {
    bool past = j.facts.role && (j.facts.role->superuser || j.facts.role->bypass_rls);
    j.ok(code, "row security",
         secured.empty() ? std::string("on none of the tables") + (past ? ", and the role passes it" : "")
                         : "the role passes it (" + counted(secured.size(), "table", "tables") + ")");
    return;
  }
  check_finding& finding = j.add(
      code, "row security", check_status::warn, "hides rows of " + tables_text(hidden),
      "a copy of these tables lacks the rows that the policies hide from the role, without an error; the "
      "stream has them",
      {{kind::sql, "ALTER ROLE " + j.role_name() + " BYPASSRLS;", true}});
  name_tables(finding, hidden);
  if (j.at == hoster::rds || j.at == hoster::aurora || j.at == hoster::cloud_sql)
    finding.fixes.push_back(
        {kind::console,
         "where the admin may not give BYPASSRLS: a policy for the role on each of the tables, "
         "CREATE POLICY tidewire ON TABLE FOR SELECT TO " +
             j.role_name() + " USING (true);",
         false});
}

void judge_usage(const judging& j, const std::vector<const table_fact*>& tables) {
  constexpr const char* code = "TW-CHECK-PG-SCHEMA-USAGE";
  std::vector<std::string> schemas;
  for (const table_fact* table : tables)
    if (!table->schema_usage && (schemas.empty() || schemas.back() != table->schema))
      schemas.push_back(table->schema);
  if (schemas.empty()) {
    j.ok(code, "USAGE of schemas", tables.empty() ? "no table asks for one" : "on all of them");
    return;
  }
  check_finding& finding = j.add(
      code, "USAGE of schemas", check_status::fail,
      "missing on " + counted(schemas.size(), "schema: ", "schemas: ") + first_of(schemas, schemas.size()),
      "without it the tables inside can't be copied");
  finding.object_count = schemas.size();
  std::string list;
  for (const std::string& schema : schemas) {
    if (finding.objects.size() < max_named_objects) finding.objects.push_back(schema);
    list += (list.empty() ? "" : ", ") + sql_name(schema);
  }
  finding.fixes.push_back({kind::sql, "GRANT USAGE ON SCHEMA " + list + " TO " + j.role_name() + ";", true});
}

void judge_select(const judging& j, const std::vector<const table_fact*>& tables) {
  constexpr const char* code = "TW-CHECK-PG-SELECT";
  auto denied = where(tables, [](const table_fact& table) { return !table.select; });
  if (denied.empty()) {
    j.ok(code, "SELECT",
         tables.empty() ? "no table to read" : "on all " + counted(tables.size(), "table", "tables"));
    return;
  }
  std::string role = j.role_name();
  std::vector<std::string> schemas;
  for (const table_fact* table : denied)
    if (std::ranges::find(schemas, table->schema) == schemas.end()) schemas.push_back(table->schema);
  auto each = [&](const table_fact& table) {
    return "GRANT SELECT ON " + sql_name(table.schema, table.name) + " TO " + role + ";";
  };
  auto all = [&] {
    std::string list;
    for (const std::string& schema : schemas) list += (list.empty() ? "" : ", ") + sql_name(schema);
    return "GRANT SELECT ON ALL TABLES IN SCHEMA " + list + " TO " + role + ";";
  };
  check_finding& finding =
      j.add(code, "SELECT", check_status::fail, "missing on " + tables_text(denied),
            "the initial copy reads the tables; the stream alone would work", fixes_for(denied, each, all));
  name_tables(finding, denied);
}

void judge_other_publications(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-OTHER-PUBLICATIONS";
  if (!j.facts.published || !j.facts.tables) {
    j.unknown(code, "other publications",
              j.facts.published ? j.facts.tables.missing : j.facts.published.missing);
    return;
  }
  std::set<std::string> names;
  for (const published_fact& each : j.facts.published->tables)
    if (std::ranges::find(j.wishes.publications, each.publication) == j.wishes.publications.end())
      names.insert(each.publication);
  std::vector<std::string> listed(names.begin(), names.end());
  if (listed.empty()) {
    j.ok(code, "other publications", "none has a table that the role can't read");
    return;
  }
  std::vector<const table_fact*> denied;
  for (const table_fact* table : published_tables(j.facts, listed, partitions::without))
    if (!table->select) denied.push_back(table);
  if (denied.empty()) {
    j.ok(code, "other publications", "none has a table that the role can't read");
    return;
  }
  check_finding& finding =
      j.add(code, "other publications", check_status::warn,
            first_of(listed, listed.size()) + " has what the role can't read, " + tables_text(denied),
            "with REPLICATION the role can stream these tables through that publication, SELECT or not: mind "
            "whom you "
            "give its password");
  name_tables(finding, denied);
  finding.fixes.push_back({kind::sql,
                           "ALTER PUBLICATION " + sql_name(listed[0]) + " DROP TABLE " +
                               sql_name(denied[0]->schema, denied[0]->name) +
                               ";   (or GRANT SELECT, if it may be read)",
                           false});
}

}  // namespace

void judge_role(const judging& j) {
  judge_login(j);
  judge_replication(j);
  if (!j.facts.tables || !j.facts.published) {
    const std::string& missing = j.facts.tables ? j.facts.published.missing : j.facts.tables.missing;
    j.unknown("TW-CHECK-PG-ROW-SECURITY", "row security", missing);
    j.unknown("TW-CHECK-PG-SCHEMA-USAGE", "USAGE of schemas", missing);
    j.unknown("TW-CHECK-PG-SELECT", "SELECT", missing);
  } else {
    std::vector<const table_fact*> tables = tables_in_question(j.facts, j.wishes, partitions::without);
    judge_row_security(j, tables);
    judge_usage(j, tables);
    judge_select(j, tables);
  }
  judge_other_publications(j);
}

}  // namespace tidewire::pgoutput
