// The judgement of the tables: which are wanted, and what about them does not go with a binlog.
#include <algorithm>
#include <array>

#include "binlog/check_judging.hpp"

namespace tidewire::binlog {
namespace {

using kind = check_fix::kind;
using tables = std::vector<const table_fact*>;

template <class Which>
tables those(const tables& of, Which which) {
  tables found;
  std::ranges::copy_if(of, std::back_inserter(found), [&](const table_fact* each) { return which(*each); });
  return found;
}

std::vector<check_fix> for_each(const tables& of, const std::string& what) {
  std::vector<check_fix> fixes;
  if (of.size() > max_named_objects) {
    fixes.push_back({kind::sql, "ALTER TABLE SCHEMA.TABLE " + what + ";   -- for each of them", false});
    return fixes;
  }
  for (const table_fact* each : of)
    fixes.push_back(
        {kind::sql, "ALTER TABLE " + sql_name(each->schema, each->name) + " " + what + ";", false});
  return fixes;
}

void judge_wanted(const judging& j, const tables& all) {
  constexpr const char* code = "TW-CHECK-MY-TABLES";
  std::vector<std::string> wrong;
  for (const wanted_table& each : j.wishes.tables) {
    const table_fact* table = find_table(j.facts, each);
    if (!table)
      wrong.push_back(each.full_name() + " is not there, or the account has no right on it");
    else if (!table->is_table)
      wrong.push_back(each.full_name() + " is no table: nothing of it is in the binlog");
  }
  if (wrong.empty()) {
    j.ok(code, "tables", all.empty() ? "none is seen" : tables_text(all));
    return;
  }
  check_finding& made = j.add(code, "tables", check_status::fail, first_of(wrong, wrong.size()), "",
                              {{kind::setting, "check the spelling of --table", false}});
  made.object_count = wrong.size();
  for (const wanted_table& each : j.wishes.tables) {
    const table_fact* table = find_table(j.facts, each);
    if ((!table || !table->is_table) && made.objects.size() < max_named_objects)
      made.objects.push_back(each.full_name());
  }
}

void judge_keys(const judging& j, const tables& all) {
  constexpr const char* code = "TW-CHECK-MY-KEYS";
  // Of a table whose columns the account sees only in part a key may be hidden.
  tables bare = those(all, [&](const table_fact& each) {
    return !each.keyed &&
           (!j.facts.rights || j.facts.rights->grants.on_table(each.schema, each.name, "SELECT"));
  });
  if (bare.empty()) return void(j.ok(code, "primary keys", "every table has one"));
  name_tables(
      j.add(code, "primary keys", check_status::warn, "none: " + tables_text(bare),
            "nothing but the whole row says which one was changed; two equal rows can't be told apart",
            for_each(bare, "ADD COLUMN row_id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY")),
      bare);
}

void judge_engines(const judging& j, const tables& all) {
  constexpr const char* code = "TW-CHECK-MY-ENGINES";
  constexpr std::array<std::string_view, 6> transactional{"InnoDB",     "ROCKSDB",   "TokuDB",
                                                          "ndbcluster", "BLACKHOLE", ""};
  tables plain = those(all, [&](const table_fact& each) {
    return std::ranges::find(transactional, each.engine) == transactional.end();
  });
  if (plain.empty()) return void(j.ok(code, "engines", "all tables have transactions"));
  std::vector<std::string> engines;
  for (const table_fact* each : plain)
    if (std::ranges::find(engines, each->engine) == engines.end()) engines.push_back(each->engine);
  name_tables(
      j.add(code, "engines", check_status::warn,
            first_of(engines, engines.size()) + ", without transactions: " + tables_text(plain),
            "their changes stay, and are streamed, when the rest of a transaction is rolled back, and "
            "a crash may leave table and binlog different",
            for_each(plain, "ENGINE=InnoDB")),
      plain);
}

void judge_old_times(const judging& j, const tables& all) {
  constexpr const char* code = "TW-CHECK-MY-OLD-TIMES";
  tables fractions = those(all, [](const table_fact& each) { return each.old_fractions; });
  tables old = those(all, [](const table_fact& each) { return each.old_times; });
  if (old.empty()) return void(j.ok(code, "forms of times", "the present one"));
  if (fractions.empty()) {
    name_tables(j.ok(code, "forms of times", "the old one, without fractions, in " + tables_text(old),
                     "they are read; ALTER TABLE … FORCE brings them to the present form"),
                old);
    return;
  }
  name_tables(j.add(code, "forms of times", check_status::fail,
                    "the old one, with fractions of seconds, in " + tables_text(fractions),
                    "the binlog does not say how many digits such a value has: nobody can decode it",
                    for_each(fractions, "FORCE")),
              fractions);
  if (j.facts.mariadb)
    j.out.back().fixes.insert(j.out.back().fixes.begin(),
                              {kind::sql, "SET GLOBAL mysql56_temporal_format = ON;", true});
}

/// From 9.6 on the server itself follows foreign keys, and logs what it does, unless InnoDB is told to.
bool cascades_logged(const check_facts& facts) {
  const std::string* native = facts.setting("innodb_native_foreign_keys");
  return !facts.mariadb && native && *native == "OFF";
}

void judge_cascades(const judging& j, const tables& all) {
  constexpr const char* code = "TW-CHECK-MY-CASCADES";
  constexpr const char* title = "cascading foreign keys";
  if (cascades_logged(j.facts)) return void(j.ok(code, title, "this server logs what they change"));
  if (!j.facts.cascades) return void(j.unknown(code, title, j.facts.cascades.missing));
  std::vector<const cascade_fact*> found;
  for (const cascade_fact& each : *j.facts.cascades)
    if (std::ranges::any_of(all, [&](const table_fact* table) {
          return table->schema == each.schema && table->name == each.child;
        }))
      found.push_back(&each);
  if (found.empty()) return void(j.ok(code, title, "none is seen"));
  std::vector<std::string> names;
  for (const cascade_fact* each : found) {
    if (names.size() == max_named_objects) break;
    names.push_back(each->schema + '.' + each->child + " (" + each->name + " " + each->rules + ")");
  }
  check_finding& made =
      j.add(code, title, check_status::warn, first_of(names, found.size()),
            "rows that the server deletes or changes through them are not in its binlog: they never arrive",
            {{kind::sql,
              "ALTER TABLE SCHEMA.TABLE DROP FOREIGN KEY NAME, ADD FOREIGN KEY … ON DELETE RESTRICT;   -- "
              "and change "
              "the rows in the application",
              false}});
  made.object_count = found.size();
  for (const cascade_fact* each : found)
    if (made.objects.size() < max_named_objects) made.objects.push_back(each->schema + '.' + each->child);
}

}  // namespace

void judge_tables(const judging& j) {
  if (!j.facts.tables) {
    j.unknown("TW-CHECK-MY-TABLES", "tables", j.facts.tables.missing);
    return;
  }
  tables all = tables_in_question(j.facts, j.wishes);
  judge_wanted(j, all);
  if (all.empty()) return;
  judge_keys(j, all);
  judge_engines(j, all);
  judge_old_times(j, all);
  judge_cascades(j, all);
}

}  // namespace tidewire::binlog
