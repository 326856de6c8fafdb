#include "pgoutput/check.hpp"

#include <algorithm>
#include <cstdlib>

#include "pgoutput/check_judging.hpp"
#include "pgoutput/sql_text.hpp"

namespace tidewire::pgoutput {
namespace {

// A partition's partition's…: no deeper than that, whatever the catalog says.
constexpr int max_partition_depth = 100;

[[noreturn]] void bad_table(std::string_view text) {
  throw failure{failure_kind::usage, "TW-USAGE-OPTION", "not a table: " + std::string(text),
                "schema.name; a part that holds a dot or a quote goes into double quotes"};
}

/// One part of a name, and what follows it.
std::string take_part(std::string_view& rest, std::string_view whole) {
  std::string part;
  if (!rest.starts_with('"')) {
    part = rest.substr(0, rest.find('.'));
    rest.remove_prefix(part.size());
    return part;
  }
  for (rest.remove_prefix(1);; rest.remove_prefix(1)) {
    if (rest.empty()) bad_table(whole);
    if (rest.starts_with("\"\""))
      rest.remove_prefix(1);
    else if (rest.starts_with('"'))
      break;
    part += rest[0];
  }
  rest.remove_prefix(1);
  return part;
}

double unit_bytes(std::string_view unit) {
  for (auto [name, factor] :
       {std::pair{"B", 1.0}, std::pair{"kB", 1024.0}, std::pair{"8kB", 8192.0}, std::pair{"MB", 1048576.0},
        std::pair{"16MB", 16777216.0}, std::pair{"GB", 1073741824.0}})
    if (unit == name) return factor;
  return 1;
}

double unit_ms(std::string_view unit) {
  for (auto [name, factor] :
       {std::pair{"us", 0.001}, std::pair{"ms", 1.0}, std::pair{"s", 1000.0}, std::pair{"min", 60'000.0},
        std::pair{"h", 3'600'000.0}, std::pair{"d", 86'400'000.0}})
    if (unit == name) return factor;
  return 1;
}

}  // namespace

wanted_table parse_wanted_table(std::string_view text) {
  std::string_view rest = text;
  wanted_table table;
  table.name = take_part(rest, text);
  table.schema = "public";
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    table.schema = std::exchange(table.name, {});
    table.name = take_part(rest, text);
  }
  if (!rest.empty() || table.schema.empty() || table.name.empty()) bad_table(text);
  return table;
}

detected_hoster hoster_of(const check_facts& facts, const check_wishes& wishes) {
  if (wishes.at) return {*wishes.at, "--hoster"};
  return detect_hoster(facts.evidence());
}

std::vector<check_finding> judge(const check_facts& facts, const check_wishes& wishes) {
  std::vector<check_finding> out;
  judging j{{out}, facts, wishes, hoster_of(facts, wishes).at};
  judge_connection(j);
  // What has no logical replication has none of the rest either.
  if (std::ranges::any_of(out, [](const check_finding& each) {
        return each.code == "TW-CHECK-PG-HOSTER" && each.status == check_status::fail;
      }))
    return out;
  judge_server(j);
  judge_role(j);
  judge_publication(j);
  judge_tables(j);
  judge_slots(j);
  judge_wal(j);
  return out;
}

std::vector<const publication_fact*> existing_publications(const check_facts& facts,
                                                           const std::vector<std::string>& names) {
  std::vector<const publication_fact*> found;
  if (!facts.publications) return found;
  for (const publication_fact& each : *facts.publications)
    if (std::ranges::find(names, each.name) != names.end()) found.push_back(&each);
  return found;
}

bool publishable(const table_fact& table) {
  return (table.kind == 'r' || table.kind == 'p') && table.persistence == 'p';
}

std::vector<const table_fact*> published_tables(const check_facts& facts,
                                                const std::vector<std::string>& publications,
                                                partitions below) {
  std::vector<const table_fact*> found;
  if (!facts.published || !facts.tables) return found;
  std::unordered_set<std::uint32_t> published;
  for (const published_fact& each : facts.published->tables)
    if (std::ranges::find(publications, each.publication) != publications.end()) published.insert(each.table);
  std::unordered_map<std::uint32_t, std::uint32_t> parents;
  if (below == partitions::with)
    for (const table_fact& table : *facts.tables)
      if (table.parent != 0) parents.emplace(table.oid, table.parent);
  for (const table_fact& table : *facts.tables) {
    std::uint32_t at = table.oid;
    for (int depth = 0; at != 0 && depth < max_partition_depth && !published.contains(at); ++depth) {
      auto parent = parents.find(at);
      at = parent == parents.end() ? 0 : parent->second;
    }
    if (at != 0 && published.contains(at)) found.push_back(&table);
  }
  return found;
}

published_cover::published_cover(const check_facts& facts, const std::vector<std::string>& publications) {
  for (const table_fact* table : published_tables(facts, publications, partitions::with))
    published_.insert(table->oid);
  if (!facts.tables) return;
  for (const table_fact& table : *facts.tables)
    if (table.parent != 0) children_[table.parent].push_back(&table);
}

bool published_cover::holds(const table_fact& table, int depth) const {
  if (published_.contains(table.oid)) return true;
  auto children = children_.find(table.oid);
  if (table.kind != 'p' || children == children_.end() || depth == max_partition_depth) return false;
  return std::ranges::all_of(children->second,
                             [&](const table_fact* child) { return holds(*child, depth + 1); });
}

std::vector<const table_fact*> tables_in_question(const check_facts& facts, const check_wishes& wishes,
                                                  partitions below) {
  std::vector<const table_fact*> found;
  if (!facts.tables) return found;
  if (wishes.tables.empty() && !existing_publications(facts, wishes.publications).empty())
    return published_tables(facts, wishes.publications, below);
  for (const table_fact& table : *facts.tables) {
    bool wanted =
        wishes.tables.empty()
            ? publishable(table)
            : std::ranges::find(wishes.tables, wanted_table{table.schema, table.name}) != wishes.tables.end();
    if (wanted) found.push_back(&table);
  }
  return found;
}

std::vector<const table_fact*> without_identity(const std::vector<const table_fact*>& tables) {
  std::vector<const table_fact*> found;
  for (const table_fact* table : tables)
    if (table->kind == 'r' && table->identity != 'f' &&
        (table->identity == 'n' || table->identity_columns.empty()))
      found.push_back(table);
  return found;
}

// ---- Shared words

std::string judging::role_name() const {
  if (facts.role && !facts.role->name.empty()) return sql_name(facts.role->name);
  return sql_name(facts.connection.user);
}

std::string tables_text(const std::vector<const table_fact*>& tables) {
  std::vector<std::string> names;
  for (const table_fact* each : tables) {
    if (names.size() == max_named_objects) break;
    names.push_back(each->full_name());
  }
  return counted(tables.size(), "table: ", "tables: ") + first_of(names, tables.size());
}

void name_tables(check_finding& finding, const std::vector<const table_fact*>& tables) {
  finding.object_count = tables.size();
  for (const table_fact* each : tables) {
    if (finding.objects.size() == max_named_objects) break;
    finding.objects.push_back(each->full_name());
  }
}

std::vector<check_fix> fixes_for(const std::vector<const table_fact*>& tables,
                                 const std::function<std::string(const table_fact&)>& each,
                                 const std::function<std::string()>& all) {
  std::vector<check_fix> fixes;
  if (tables.size() > max_named_objects) {
    fixes.push_back({check_fix::kind::sql, all(), true});
    return fixes;
  }
  for (const table_fact* table : tables) fixes.push_back({check_fix::kind::sql, each(*table), true});
  return fixes;
}

double bytes_of(const setting_fact& setting) {
  double value = std::strtod(setting.value.c_str(), nullptr);
  return value < 0 ? -1 : value * unit_bytes(setting.unit);
}

double ms_of(const setting_fact& setting) {
  double value = std::strtod(setting.value.c_str(), nullptr);
  return value < 0 ? -1 : value * unit_ms(setting.unit);
}

std::string names_text(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& each : names) text += (text.empty() ? "" : ", ") + sql_name(each);
  return text;
}

}  // namespace tidewire::pgoutput
