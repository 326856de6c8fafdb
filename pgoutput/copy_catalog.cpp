#include "pgoutput/copy_catalog.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "pgoutput/catalog_types.hpp"
#include "wire/query.hpp"
#include "wire/quote.hpp"

namespace tidewire::pgoutput {
namespace {

using row = std::vector<std::optional<std::string>>;

template <class T>
T number_of(std::string_view text) {
  T number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string text_of(const row& from, std::size_t column) {
  return column < from.size() ? from[column].value_or("") : "";
}

std::string literals(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& each : texts) list += (list.empty() ? "" : ", ") + wire::quote_literal(each);
  return list;
}

/// What the publications list, one row for each table: several filters are joined as the server does.
std::string tables_query(int version, const copy_wishes& what) {
  // Filters and column lists exist since 15.
  bool fine = version >= 150'000;
  std::string listed = "listed AS (SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident, " +
                       std::string(fine ? "CASE WHEN bool_or(p.rowfilter IS NULL) THEN NULL ELSE "
                                          "string_agg(DISTINCT '(' || p.rowfilter || ')', ' OR ') END"
                                        : "NULL") +
                       " AS row_filter, " +
                       (fine ? "count(DISTINCT p.attnames::text), min(p.attnames::text)" : "1, NULL::text") +
                       " FROM pg_catalog.pg_publication_tables p"
                       " JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname"
                       " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename"
                       " WHERE p.pubname IN (" +
                       literals(what.publications) + ") GROUP BY 1, 2, 3, 4, 5)";
  std::string query = "WITH " + listed + " SELECT * FROM listed l";
  // One publication lists the root of a partitioned table, another its leaves: all comes as the root's.
  if (version >= 130'000)
    query +=
        " WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(l.oid) a JOIN listed r ON r.oid = "
        "a.relid WHERE a.relid <> l.oid)";
  return query;
}

std::string columns_query(int version, const std::string& oids, const copy_wishes& what) {
  std::string key =
      "(c.relreplident = 'f' OR EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND "
      "a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) AND i.indisvalid AND "
      "(c.relreplident = 'd' AND i.indisprimary OR c.relreplident = 'i' AND i.indisreplident)))";
  // Once, not for each column: of a publication FOR ALL TABLES it is a walk over all of them, and a planner
  // without statistics walks once for each of 1600 columns.
  std::string listed =
      "WITH published AS MATERIALIZED (SELECT DISTINCT schemaname, tablename, attnames "
      "FROM pg_catalog.pg_publication_tables WHERE pubname IN (" +
      literals(what.publications) + ")) ";
  std::string query =
      (version >= 150'000 ? listed : "") + "SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, " + key +
      ", t.typtype, s.proname, pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT'), u.nspname, "
      "b.typname"
      " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
      " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_proc s ON s.oid = t.typsend"
      // As a type message has it: the name of a domain is that of what it is based on in the end.
      " JOIN LATERAL (WITH RECURSIVE d AS (SELECT t.oid AS id, t.typbasetype AS base UNION ALL SELECT e.oid, "
      "e.typbasetype FROM d JOIN pg_catalog.pg_type e ON e.oid = d.base) SELECT id FROM d WHERE base = 0) f "
      "ON true"
      " JOIN pg_catalog.pg_type b ON b.oid = f.id JOIN pg_catalog.pg_namespace u ON u.oid = b.typnamespace" +
      (version >= 150'000
           ? " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN published p ON "
             "p.schemaname = n.nspname AND p.tablename = c.relname AND a.attname = ANY (p.attnames)"
           : "") +
      " WHERE a.attrelid IN (" + oids + ") AND a.attnum > 0 AND NOT a.attisdropped";
  // Generated columns: never before 18; then the publication says.
  if (version < 180'000) query += " AND coalesce(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') = ''";
  return query + " ORDER BY a.attrelid, a.attnum";
}

std::string parts_query(int version, const std::string& oids) {
  std::string leaves = "SELECT c.oid AS root, c.oid AS leaf FROM pg_catalog.pg_class c WHERE c.oid IN (" +
                       oids + ") AND c.relkind = 'r'";
  if (version >= 120'000)
    leaves +=
        " UNION ALL SELECT c.oid, t.relid::oid FROM pg_catalog.pg_class c, "
        "pg_catalog.pg_partition_tree(c.oid) t WHERE c.oid IN (" +
        oids + ") AND c.relkind = 'p' AND t.isleaf";
  std::string heap =
      version >= 120'000 ? "c.relam = (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'heap')" : "true";
  return "SELECT p.root, c.oid, n.nspname, c.relname, c.relfilenode, "
         "coalesce(pg_catalog.pg_relation_size(c.oid), 0), "
         "pg_catalog.current_setting('block_size'), c.reltuples, " +
         heap +
         ", pg_catalog.has_any_column_privilege(c.oid, 'SELECT') AND "
         "pg_catalog.has_schema_privilege(n.oid, 'USAGE') FROM (" +
         leaves +
         ") p JOIN pg_catalog.pg_class c ON c.oid = p.leaf JOIN pg_catalog.pg_namespace n ON n.oid = "
         "c.relnamespace WHERE c.relkind = 'r' ORDER BY 1, 2";
}

/// Tables by oid, in the order of the answer.
class table_list {
 public:
  listed_table& add(std::uint32_t oid) {
    places_.emplace(oid, tables.size());
    return tables.emplace_back();
  }
  listed_table* find(std::uint32_t oid) {
    auto at = places_.find(oid);
    return at == places_.end() ? nullptr : &tables[at->second];
  }
  std::vector<listed_table> tables;

 private:
  std::unordered_map<std::uint32_t, std::size_t> places_;
};

std::string quoted_name(std::string_view schema, std::string_view name) {
  return wire::quote_identifier(schema) + "." + wire::quote_identifier(name);
}

void take_tables(table_list& list, const wire::result_set& found, const copy_wishes& what) {
  std::vector<std::string> wanted = what.tables;
  for (const row& each : found.rows) {
    std::string name = text_of(each, 1) + "." + text_of(each, 2);
    if (!what.tables.empty()) {
      if (std::ranges::find(what.tables, name) == what.tables.end()) continue;
      std::erase(wanted, name);
    }
    if (number_of<int>(text_of(each, 6)) > 1)
      throw failure{failure_kind::refused, "TW-PG-COLUMN-LISTS",
                    "the publications have different column lists for " + name,
                    "the server does not stream such a table either: give them the same list"};
    auto oid = number_of<std::uint32_t>(text_of(each, 0));
    listed_table& table = list.add(oid);
    table.described.oid = oid;
    table.described.version = 1;
    table.described.schema = text_of(each, 1);
    table.described.name = text_of(each, 2);
    std::string identity = text_of(each, 4);
    table.described.identity = static_cast<replica_identity>(identity.empty() ? 'd' : identity[0]);
    table.row_filter = text_of(each, 5);
  }
  if (!wanted.empty())
    throw failure{failure_kind::refused, "TW-PG-TABLE-MISSING",
                  "no publication that was named lists the table " + wanted[0],
                  "check the name (schema.name, as the database has it), or ALTER PUBLICATION … ADD TABLE"};
}

[[noreturn]] void not_readable(const std::string& what) {
  throw failure{failure_kind::refused, "TW-PG-TABLE-PRIVILEGE", "the role may not read " + what,
                "GRANT USAGE on its schema and SELECT on the table (and each of its partitions) to the role"};
}

void take_columns(table_list& list, const wire::result_set& found, int version) {
  for (const row& each : found.rows) {
    listed_table* table = list.find(number_of<std::uint32_t>(text_of(each, 0)));
    if (!table) continue;
    relation_column column;
    column.name = text_of(each, 1);
    column.type_id = number_of<std::uint32_t>(text_of(each, 2));
    column.type_modifier = number_of<std::int32_t>(text_of(each, 3));
    column.flags = text_of(each, 4) == "t" ? 1 : 0;
    std::string kind = text_of(each, 5);
    copy_form form = copy_form_of(column.type_id, kind.empty() ? 'b' : kind[0], text_of(each, 6), version);
    if (text_of(each, 7) == "f")
      not_readable("the column " + column.name + " of " + table->described.schema + "." +
                   table->described.name);
    table->select_list +=
        (table->select_list.empty() ? "" : ", ") + copy_expression(wire::quote_identifier(column.name), form);
    table->forms.push_back(form);
    if (column.type_id >= first_own_type &&
        !table->types.announce({0, column.type_id, text_of(each, 8), text_of(each, 9)}))
      throw failure{failure_kind::refused, "TW-PG-DECODE",
                    "the names of the columns' types are beyond all limits",
                    "leave tables out of the publication"};
    table->described.columns.push_back(std::move(column));
  }
}

void take_parts(table_list& list, const wire::result_set& found) {
  for (const row& each : found.rows) {
    listed_table* table = list.find(number_of<std::uint32_t>(text_of(each, 0)));
    if (!table) continue;
    stored_part part;
    part.oid = number_of<std::uint32_t>(text_of(each, 1));
    part.name = quoted_name(text_of(each, 2), text_of(each, 3));
    part.file = number_of<std::uint32_t>(text_of(each, 4));
    part.bytes = number_of<std::uint64_t>(text_of(each, 5));
    auto block = std::max<std::uint64_t>(1, number_of<std::uint64_t>(text_of(each, 6)));
    part.blocks = static_cast<std::uint32_t>(std::min<std::uint64_t>(part.bytes / block, no_block_end - 1));
    std::string rows = text_of(each, 7);
    part.rows = std::strtod(rows.c_str(), nullptr);
    part.heap = text_of(each, 8) == "t";
    // Nothing at all: it was dropped after the snapshot that still sees it.
    if (text_of(each, 9).empty())
      throw failure{failure_kind::transient, "TW-PG-TABLE-CHANGED",
                    "the table " + part.name + " was dropped just now", "the tables are listed again"};
    if (text_of(each, 9) != "t") not_readable(part.name);
    table->parts.push_back(std::move(part));
  }
}

/// Newer servers open each table that a publication lists: one that was dropped meanwhile ends the
/// query.
conversation<wire::result_set> list(wire::session& with, std::string sql, const char* what) {
  try {
    wire::result_set found = co_await wire::query(with, sql, std::string("could not list ") + what);
    co_return found;
  } catch (const wire::server_failure& why) {
    if (why.sqlstate() != "XX000" || why.details.field('R') != "relation_open") throw;
    throw failure{failure_kind::transient, "TW-PG-TABLE-CHANGED",
                  "a table was dropped just now: " + why.details.whole(), "the tables are listed again"};
  }
}

}  // namespace

bool listed_table::keyed() const {
  if (described.identity == replica_identity::full) return false;
  return std::ranges::any_of(described.columns, &relation_column::key);
}

std::string listed_table::fingerprint() const {
  std::string text = described.schema + '\0' + described.name + '\0' + row_filter;
  for (const relation_column& each : described.columns)
    text += '\0' + each.name + '\0' + std::to_string(each.type_id) + '\0' +
            std::to_string(each.type_modifier) + (each.key() ? "k" : "");
  // FNV-1a: this tells changes apart, it keeps nobody out.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte : text) hash = (hash ^ byte) * 0x100000001b3;
  char digits[16];
  for (char& each : digits) {
    each = "0123456789abcdef"[hash >> 60];
    hash <<= 4;
  }
  return {digits, sizeof digits};
}

conversation<std::vector<listed_table>> list_tables(wire::session& with, int version,
                                                    const copy_wishes& what) {
  wire::result_set known =
      co_await wire::query(with, "SELECT pubname FROM pg_catalog.pg_publication WHERE pubname IN (" +
                                     literals(what.publications) + ")");
  for (const std::string& name : what.publications) {
    auto same = [&name](const row& each) { return text_of(each, 0) == name; };
    if (std::ranges::none_of(known.rows, same))
      throw failure{
          failure_kind::refused, "TW-PG-PUBLICATION-MISSING",
          "there is no publication " + wire::quote_identifier(name),
          "CREATE PUBLICATION " + wire::quote_identifier(name) + " FOR ALL TABLES (or FOR TABLE …)"};
  }
  std::string sql = tables_query(version, what);
  wire::result_set tables = co_await list(with, sql, "the tables");
  table_list listed;
  take_tables(listed, tables, what);
  if (listed.tables.empty()) co_return std::move(listed.tables);
  std::string oids;
  for (const listed_table& each : listed.tables)
    oids += (oids.empty() ? "" : ", ") + std::to_string(each.described.oid);
  sql = columns_query(version, oids, what);
  wire::result_set columns = co_await list(with, sql, "the columns");
  take_columns(listed, columns, version);
  sql = parts_query(version, oids);
  wire::result_set parts = co_await list(with, sql, "where rows are stored");
  take_parts(listed, parts);
  // The largest first; of equal ones the order is always the same.
  auto size = [](const listed_table& table) {
    std::uint64_t bytes = 0;
    for (const stored_part& each : table.parts) bytes += each.bytes;
    return std::pair{bytes, table.described.oid};
  };
  std::ranges::sort(listed.tables, std::ranges::greater{}, size);
  co_return std::move(listed.tables);
}

}  // namespace tidewire::pgoutput
