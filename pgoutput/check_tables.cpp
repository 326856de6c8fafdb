// The judgement of the tables: identities and kinds.
#include <algorithm>

#include "pgoutput/check_judging.hpp"
#include "pgoutput/sql_text.hpp"

namespace tidewire::pgoutput {
namespace {

using kind = check_fix::kind;

bool updates_published(const judging& j) {
  auto existing = existing_publications(j.facts, j.wishes.publications);
  return existing.empty() || std::ranges::any_of(existing, [](const publication_fact* each) {
           return each->updates || each->deletes;
         });
}

void judge_identity(const judging& j, const std::vector<const table_fact*>& tables) {
  constexpr const char* code = "TW-CHECK-PG-REPLICA-IDENTITY";
  std::vector<const table_fact*> bare = without_identity(tables);
  std::size_t full = static_cast<std::size_t>(std::ranges::count(tables, 'f', &table_fact::identity));
  if (bare.empty()) {
    std::string note;
    if (full)
      note = counted(full, "table is", "tables are") + " REPLICA IDENTITY FULL: the whole old row is logged";
    j.ok(code, "replica identity", tables.empty() ? "no table asks for one" : "on every table", note);
    return;
  }
  if (!updates_published(j)) {
    check_finding& finding = j.ok(code, "replica identity", "missing on " + tables_text(bare),
                                  "inserts need none, and nothing else is published");
    name_tables(finding, bare);
    return;
  }
  auto each = [](const table_fact& table) {
    return "ALTER TABLE " + sql_name(table.schema, table.name) + " REPLICA IDENTITY FULL;";
  };
  auto all = [] {
    return std::string(
        "DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid "
        "= "
        "c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND "
        "n.nspname <> "
        "'information_schema' AND c.relreplident IN ('d', 'n') AND (c.relreplident = 'n' OR NOT EXISTS "
        "(SELECT FROM "
        "pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)) LOOP EXECUTE format('ALTER TABLE %s "
        "REPLICA "
        "IDENTITY FULL', t); END LOOP; END $$;");
  };
  std::vector<check_fix> fixes = fixes_for(bare, each, all);
  fixes.insert(fixes.begin(), {kind::console, "give them a primary key, which is best; else:", false});
  check_finding& finding =
      j.add(code, "replica identity", check_status::fail, "none on " + tables_text(bare),
            "once they are published, every UPDATE and DELETE of them fails in the source itself",
            std::move(fixes));
  name_tables(finding, bare);
}

/// The identity's columns hold a generated one that is not published.
void judge_generated_identity(const judging& j, const std::vector<const table_fact*>& tables) {
  constexpr const char* code = "TW-CHECK-PG-GENERATED-IDENTITY";
  if (j.major() < 18) {
    j.ok(code, "generated columns in the identity", "no matter before 18");
    return;
  }
  auto existing = existing_publications(j.facts, j.wishes.publications);
  bool stored = !existing.empty() && std::ranges::all_of(existing, [](const publication_fact* each) {
    return each->generated == 's';
  });
  std::vector<const table_fact*> broken;
  for (const table_fact* table : tables) {
    auto in_identity = [&](int column) {
      return table->identity == 'f' ||
             std::ranges::find(table->identity_columns, column) != table->identity_columns.end();
    };
    bool unsent = std::ranges::any_of(table->virtual_columns, in_identity) ||
                  (!stored && std::ranges::any_of(table->generated_columns, in_identity));
    if (unsent && table->kind == 'r') broken.push_back(table);
  }
  if (broken.empty() || !updates_published(j)) {
    j.ok(code, "generated columns in the identity", "none that is left out");
    return;
  }
  std::vector<check_fix> fixes;
  for (const publication_fact* each : existing)
    fixes.push_back(
        {kind::sql,
         "ALTER PUBLICATION " + sql_name(each->name) + " SET (publish_generated_columns = stored);", true});
  fixes.push_back({kind::console, "with a virtual column: another REPLICA IDENTITY than FULL", false});
  check_finding& finding =
      j.add(code, "generated columns in the identity", check_status::fail,
            "not published, on " + tables_text(broken),
            "every UPDATE and DELETE of these tables fails in the source itself", std::move(fixes));
  name_tables(finding, broken);
}

void judge_kinds(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-TABLE-KIND";
  std::vector<const table_fact*> unlogged, foreign, views;
  for (const table_fact& table : *j.facts.tables) {
    bool wanted =
        std::ranges::find(j.wishes.tables, wanted_table{table.schema, table.name}) != j.wishes.tables.end();
    if (!wanted && !j.wishes.tables.empty()) continue;
    if (table.kind == 'f')
      foreign.push_back(&table);
    else if (table.kind == 'v' || table.kind == 'm')
      views.push_back(&table);
    else if (table.persistence == 'u')
      unlogged.push_back(&table);
  }
  if (j.wishes.tables.empty()) views.clear();  // nobody expects these
  if (unlogged.empty() && foreign.empty() && views.empty()) {
    j.ok(code, "unlogged and foreign tables", "none");
    return;
  }
  std::string found;
  std::vector<const table_fact*> all;
  for (auto& [tables, what] :
       {std::pair{&unlogged, "unlogged: "}, std::pair{&foreign, "foreign: "}, std::pair{&views, "views: "}}) {
    if (tables->empty()) continue;
    found += (found.empty() ? "" : "; ") + std::string(what) + tables_text(*tables);
    all.insert(all.end(), tables->begin(), tables->end());
  }
  std::vector<check_fix> fixes;
  if (!unlogged.empty())
    fixes = fixes_for(
        {unlogged.begin(), unlogged.begin() + 1},
        [](const table_fact& table) {
          return "ALTER TABLE " + sql_name(table.schema, table.name) +
                 " SET LOGGED;   (rewrites and locks it)";
        },
        [] { return std::string(); });
  for (check_fix& fix : fixes) fix.can_apply = false;
  if (!foreign.empty())
    fixes.push_back({kind::console, "stream foreign tables from the server that has them", false});
  if (!views.empty()) fixes.push_back({kind::console, "stream the tables that a view is made of", false});
  check_finding& finding = j.add(
      code, "unlogged and foreign tables", j.wishes.tables.empty() ? check_status::warn : check_status::fail,
      found, "their changes are not in the server's log: they are never sent", std::move(fixes));
  name_tables(finding, all);
}

}  // namespace

void judge_tables(const judging& j) {
  if (!j.facts.tables || !j.facts.published) {
    const std::string& missing = j.facts.tables ? j.facts.published.missing : j.facts.tables.missing;
    j.unknown("TW-CHECK-PG-REPLICA-IDENTITY", "replica identity", missing);
    return;
  }
  std::vector<const table_fact*> tables = tables_in_question(j.facts, j.wishes, partitions::with);
  std::erase_if(tables, [](const table_fact* table) { return !publishable(*table); });
  judge_identity(j, tables);
  judge_generated_identity(j, tables);
  judge_kinds(j);
}

}  // namespace tidewire::pgoutput
