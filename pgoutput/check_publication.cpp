// The judgement of the publications.
#include <algorithm>
#include <unordered_map>

#include "pgoutput/check_judging.hpp"
#include "pgoutput/sql_text.hpp"

namespace tidewire::pgoutput {
namespace {

using kind = check_fix::kind;
using publications = std::vector<const publication_fact*>;

void judge_existence(const judging& j, const publications& existing) {
  constexpr const char* code = "TW-CHECK-PG-PUBLICATION";
  std::vector<std::string> missing = j.wishes.publications;
  for (const publication_fact* each : existing) std::erase(missing, each->name);
  if (missing.empty()) {
    j.ok(code, "publication", names_text(j.wishes.publications));
    return;
  }
  std::vector<check_fix> fixes;
  for (const std::string& name : missing)
    fixes.push_back({kind::sql, create_publication_sql(j.facts, j.wishes, j.at, name), true});
  j.add(code, "publication", check_status::fail, names_text(missing) + " does not exist",
        "it says which tables' changes are sent; make it before the slot", std::move(fixes));
}

void judge_actions(const judging& j, const publications& existing) {
  constexpr const char* code = "TW-CHECK-PG-PUBLICATION-ACTIONS";
  std::string found;
  std::vector<check_fix> fixes;
  for (const publication_fact* each : existing) {
    std::string missing;
    for (auto [has, name] : {std::pair{each->inserts, "insert"}, std::pair{each->updates, "update"},
                             std::pair{each->deletes, "delete"}, std::pair{each->truncates, "truncate"}})
      if (!has) missing += (missing.empty() ? "" : ", ") + std::string(name);
    if (missing.empty()) continue;
    found += (found.empty() ? "" : "; ") + sql_name(each->name) + " leaves out " + missing;
    fixes.push_back(
        {kind::sql,
         "ALTER PUBLICATION " + sql_name(each->name) + " SET (publish = 'insert, update, delete, truncate');",
         true});
  }
  if (found.empty())
    j.ok(code, "published actions", "insert, update, delete, truncate");
  else
    j.add(code, "published actions", check_status::fail, found,
          "what is not published never arrives: the copy and the table drift apart without an error",
          std::move(fixes));
}

void judge_wanted(const judging& j, const publications& existing) {
  constexpr const char* code = "TW-CHECK-PG-PUBLICATION-TABLES";
  published_cover covered(j.facts, j.wishes.publications);
  std::vector<std::string> unknown;
  std::vector<const table_fact*> missing;
  for (const wanted_table& wanted : j.wishes.tables) {
    auto at = std::ranges::find_if(*j.facts.tables, [&](const table_fact& table) {
      return table.schema == wanted.schema && table.name == wanted.name;
    });
    if (at == j.facts.tables->end())
      unknown.push_back(wanted.full_name());
    else if (publishable(*at) && !covered(*at))
      missing.push_back(&*at);
  }
  if (unknown.empty() && missing.empty()) {
    j.ok(code, "published tables", "all " + counted(j.wishes.tables.size(), "wanted table", "wanted tables"));
    return;
  }
  std::string found;
  std::vector<check_fix> fixes;
  if (!unknown.empty()) {
    found = "there is no " + first_of(unknown, unknown.size());
    fixes.push_back({kind::setting, "check the spelling of --table: upper and lower case count", false});
  }
  if (!missing.empty()) {
    found += (found.empty() ? "" : "; ") + std::string("not published: ") + tables_text(missing);
    std::string list;
    for (const table_fact* table : missing)
      list += (list.empty() ? "" : ", ") + sql_name(table->schema, table->name);
    fixes.push_back(
        {kind::sql, "ALTER PUBLICATION " + sql_name(existing[0]->name) + " ADD TABLE " + list + ";", true});
  }
  check_finding& finding = j.add(code, "published tables", check_status::fail, found,
                                 "their changes never arrive", std::move(fixes));
  name_tables(finding, missing);
  for (const std::string& name : unknown) {
    ++finding.object_count;
    if (finding.objects.size() < max_named_objects) finding.objects.push_back(name);
  }
}

void judge_published(const judging& j, const publications& existing) {
  constexpr const char* code = "TW-CHECK-PG-PUBLICATION-TABLES";
  if (!j.wishes.tables.empty()) return judge_wanted(j, existing);
  std::vector<const table_fact*> published =
      published_tables(j.facts, j.wishes.publications, partitions::with);
  published_cover covered(j.facts, j.wishes.publications);
  bool all = std::ranges::any_of(existing, [](const publication_fact* each) { return each->all_tables; });
  std::vector<const table_fact*> outside;
  for (const table_fact& table : *j.facts.tables)
    if (publishable(table) && table.parent == 0 && !covered(table)) outside.push_back(&table);
  if (published.empty() && !all) {
    std::string name = sql_name(existing[0]->name);
    j.add(code, "published tables", check_status::fail, "none", "there is nothing to stream",
          {{kind::sql, "ALTER PUBLICATION " + name + " ADD TABLE SCHEMA.TABLE;", false}});
    return;
  }
  std::string note;
  if (!all && !outside.empty())
    note = "not published: " + tables_text(outside) + "; a new table has to be added by hand";
  else if (!all)
    note = "a new table has to be added by hand";
  check_finding& finding =
      j.ok(code, "published tables",
           counted(published.size(), "table", "tables") + (all ? ", and every new one" : ""), note);
  if (!all) name_tables(finding, outside);
}

std::vector<const table_fact*> tables_of(const judging& j,
                                         const std::vector<const publication_entry*>& entries) {
  std::unordered_map<std::uint32_t, bool> oids;
  for (const publication_entry* each : entries) oids[each->table] = true;
  std::vector<const table_fact*> found;
  for (const table_fact& table : *j.facts.tables)
    if (oids.contains(table.oid)) found.push_back(&table);
  return found;
}

void judge_row_filters(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-ROW-FILTER";
  std::vector<const publication_entry*> filtered;
  for (const publication_entry& each : j.facts.published->entries)
    if (!each.filter.empty()) filtered.push_back(&each);
  std::vector<const table_fact*> tables = tables_of(j, filtered);
  if (tables.empty()) {
    j.ok(code, "row filters", j.major() >= 15 ? "none" : "none (they come with 15)");
    return;
  }
  check_finding& finding = j.add(code, "row filters", check_status::warn,
                                 "on " + tables_text(tables) + ", for example " + filtered[0]->filter,
                                 "rows outside are never sent; an UPDATE that moves a row over the border "
                                 "arrives as an insert or a delete",
                                 {{kind::sql,
                                   "ALTER PUBLICATION " + sql_name(filtered[0]->publication) +
                                       " DROP TABLE " + sql_name(tables[0]->schema, tables[0]->name) +
                                       ", then ADD TABLE without WHERE, if it is not meant",
                                   false}});
  name_tables(finding, tables);
}

bool holds_all(const std::vector<int>& list, const std::vector<int>& wanted) {
  return std::ranges::all_of(wanted,
                             [&](int column) { return std::ranges::find(list, column) != list.end(); });
}

void judge_column_lists(const judging& j, const publications& existing) {
  constexpr const char* code = "TW-CHECK-PG-COLUMN-LIST";
  std::vector<const publication_entry*> listed, broken, different;
  std::unordered_map<std::uint32_t, const table_fact*> tables;
  for (const table_fact& table : *j.facts.tables) tables.emplace(table.oid, &table);
  std::unordered_map<std::uint32_t, std::vector<int>> first_list;
  for (const publication_entry& each : j.facts.published->entries) {
    if (!each.columns) continue;
    listed.push_back(&each);
    std::vector<int> sorted = *each.columns;
    std::ranges::sort(sorted);
    auto [at, is_first] = first_list.emplace(each.table, sorted);
    if (!is_first && at->second != sorted) different.push_back(&each);
    auto publication = std::ranges::find(existing, each.publication, &publication_fact::name);
    auto table = tables.find(each.table);
    if (publication == existing.end() || table == tables.end()) continue;
    if (!(*publication)->updates && !(*publication)->deletes) continue;
    // With FULL no list will do, not even one of every column.
    if (table->second->identity == 'f' || !holds_all(*each.columns, table->second->identity_columns))
      broken.push_back(&each);
  }
  // A table that one publication lists columns of and another has whole.
  std::unordered_map<std::uint32_t, std::size_t> publishing, listing;
  for (const published_fact& each : j.facts.published->tables)
    if (std::ranges::find(j.wishes.publications, each.publication) != j.wishes.publications.end())
      ++publishing[each.table];
  for (const publication_entry* each : listed) ++listing[each->table];
  for (const publication_entry* each : listed)
    if (publishing[each->table] > listing[each->table]) different.push_back(each);
  auto add = [&](const std::vector<const publication_entry*>& entries, check_status status,
                 const std::string& what, const char* why) {
    std::vector<const table_fact*> found = tables_of(j, entries);
    std::string fix = "ALTER PUBLICATION " + sql_name(entries[0]->publication) + " DROP TABLE ";
    fix += found.empty() ? "…" : sql_name(found[0]->schema, found[0]->name);
    check_finding& finding =
        j.add(code, "column lists", status, what + tables_text(found), why,
              {{kind::sql, fix + ", then ADD TABLE with the columns that are wanted", false}});
    name_tables(finding, found);
  };
  if (!broken.empty())
    add(broken, check_status::fail, "without the replica identity's columns: ",
        "every UPDATE and DELETE of these tables fails in the source itself");
  else if (!different.empty())
    add(different, check_status::fail, "not the same in all publications: ", "the server ends such a stream");
  else if (!listed.empty())
    add(listed, check_status::warn, "on ", "other columns, and new ones, are never sent");
  else
    j.ok(code, "column lists", j.major() >= 15 ? "none" : "none (they come with 15)");
}

void judge_generated(const judging& j, const publications& existing) {
  constexpr const char* code = "TW-CHECK-PG-GENERATED-COLUMNS";
  std::vector<const table_fact*> unsent, sent;
  bool stored = !existing.empty() && std::ranges::all_of(existing, [](const publication_fact* each) {
    return each->generated == 's';
  });
  for (const table_fact* table : published_tables(j.facts, j.wishes.publications, partitions::without)) {
    if (table->generated_columns.empty() && table->virtual_columns.empty()) continue;
    if (stored && table->virtual_columns.empty())
      sent.push_back(table);
    else
      unsent.push_back(table);
  }
  if (unsent.empty()) {
    j.ok(code, "generated columns",
         sent.empty() ? "none" : "sent (publish_generated_columns), on " + tables_text(sent));
    return;
  }
  std::vector<check_fix> fixes;
  if (j.major() >= 18 && !stored)
    for (const publication_fact* each : existing)
      fixes.push_back(
          {kind::sql,
           "ALTER PUBLICATION " + sql_name(each->name) + " SET (publish_generated_columns = stored);", true});
  check_finding& finding =
      j.add(code, "generated columns", check_status::warn, "not sent, on " + tables_text(unsent),
            j.major() >= 18 ? "virtual ones never are; stored ones are if the publication says so"
                            : "they are sent from Postgres 18 on, if the publication says so",
            std::move(fixes));
  name_tables(finding, unsent);
}

void judge_partitions(const judging& j, const publications& existing) {
  constexpr const char* code = "TW-CHECK-PG-PARTITIONS";
  published_cover covered(j.facts, j.wishes.publications);
  std::vector<const table_fact*> roots, wanted;
  for (const table_fact& table : *j.facts.tables) {
    if (table.kind != 'p' || !covered(table)) continue;
    roots.push_back(&table);
    if (std::ranges::find(j.wishes.tables, wanted_table{table.schema, table.name}) != j.wishes.tables.end())
      wanted.push_back(&table);
  }
  bool some = std::ranges::any_of(existing, [](const publication_fact* each) { return each->via_root; });
  bool every = std::ranges::all_of(existing, [](const publication_fact* each) { return each->via_root; });
  if (roots.empty()) {
    j.ok(code, "partitioned tables", "none");
    return;
  }
  std::vector<check_fix> fixes;
  if (j.major() >= 13)
    for (const publication_fact* each : existing)
      if (!each->via_root)
        fixes.push_back(
            {kind::sql,
             "ALTER PUBLICATION " + sql_name(each->name) + " SET (publish_via_partition_root = true);",
             true});
  if (some && !every) {
    check_finding& finding =
        j.add(code, "partitioned tables", check_status::warn,
              "some publications send them under the root's name, some under the partitions': " +
                  tables_text(roots),
              "which of the names a row comes under is hard to tell", std::move(fixes));
    name_tables(finding, roots);
    return;
  }
  if (!every && !wanted.empty()) {
    check_finding& finding =
        j.add(code, "partitioned tables", check_status::warn,
              "changes come under the names of the partitions, not of " + tables_text(wanted),
              j.major() >= 13 ? "publish_via_partition_root sends them under the name that was asked for"
                              : "from Postgres 13 on publish_via_partition_root changes that",
              std::move(fixes));
    name_tables(finding, wanted);
    return;
  }
  std::string note = every ? "TRUNCATE of a single partition is not sent"
                           : "a partition attached later comes under its own name";
  // What was written to the table before is what the server remembers of it.
  if (j.major() < 15)
    note +=
        "; before Postgres 15, rows of a table that had changes before it was attached are not sent until "
        "the "
        "stream has reconnected";
  check_finding& finding =
      j.ok(code, "partitioned tables",
           tables_text(roots) + (every ? ", under the root's name" : ", under the partitions' names"),
           std::move(note));
  name_tables(finding, roots);
}

}  // namespace

std::string create_publication_sql(const check_facts& facts, const check_wishes& wishes, hoster at,
                                   const std::string& name) {
  std::string begin = "CREATE PUBLICATION " + sql_name(name) + " FOR ";
  if (wishes.tables.empty() && takes_all_tables(at)) return begin + "ALL TABLES;";
  std::string list;
  for (const table_fact* table : tables_in_question(facts, wishes, partitions::without)) {
    if (!publishable(*table) || (wishes.tables.empty() && table->parent != 0)) continue;
    list += (list.empty() ? "" : ", ") + sql_name(table->schema, table->name);
  }
  return begin + "TABLE " + (list.empty() ? "SCHEMA.TABLE" : list) + ";";
}

void judge_publication(const judging& j) {
  if (!j.facts.publications || !j.facts.tables || !j.facts.published) {
    const std::string& missing = !j.facts.publications ? j.facts.publications.missing
                                 : !j.facts.tables     ? j.facts.tables.missing
                                                       : j.facts.published.missing;
    j.unknown("TW-CHECK-PG-PUBLICATION", "publication", missing);
    return;
  }
  publications existing = existing_publications(j.facts, j.wishes.publications);
  judge_existence(j, existing);
  if (existing.empty()) return;
  judge_actions(j, existing);
  judge_published(j, existing);
  judge_row_filters(j);
  judge_column_lists(j, existing);
  judge_generated(j, existing);
  judge_partitions(j, existing);
}

}  // namespace tidewire::pgoutput
