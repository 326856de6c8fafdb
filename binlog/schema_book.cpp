#include "binlog/schema_book.hpp"

#include "core/failure.hpp"

namespace tidewire::binlog {

namespace {

struct type_facts {
  std::vector<column_type> as;  // what the binlog may call it
  charset text = charset::unknown;
  column_hint hint = column_hint::none;
};

std::string_view base_of(std::string_view type) {
  std::size_t end = 0;
  while (end < type.size() &&
         ((type[end] >= 'a' && type[end] <= 'z') || (type[end] >= '0' && type[end] <= '9')))
    ++end;
  return type.substr(0, end);
}

type_facts facts_of(std::string_view type) {
  using enum column_type;
  std::string_view base = base_of(type);
  if (base == "tinyint") return {{tiny_int}};
  if (base == "smallint") return {{small_int}};
  if (base == "mediumint") return {{medium_int}};
  if (base == "int") return {{integer}};
  if (base == "bigint") return {{big_int}};
  if (base == "float") return {{float32}};
  if (base == "double") return {{float64}};
  if (base == "decimal") return {{decimal}};
  if (base == "bit") return {{bit}};
  if (base == "year") return {{year}};
  if (base == "date") return {{date, new_date}};
  if (base == "time") return {{time, time_old}};
  if (base == "datetime") return {{datetime, datetime_old}};
  if (base == "timestamp") return {{timestamp, timestamp_old}};
  if (base == "char") return {{string}};
  if (base == "varchar") return {{varchar, var_string, varchar_compressed}};
  if (base == "binary") return {{string}, charset::binary};
  if (base == "varbinary") return {{varchar, var_string, varchar_compressed}, charset::binary};
  if (base == "tinytext" || base == "text" || base == "mediumtext" || base == "longtext")
    return {{blob, blob_compressed}};
  if (base == "tinyblob" || base == "blob" || base == "mediumblob" || base == "longblob")
    return {{blob, blob_compressed}, charset::binary};
  if (base == "enum") return {{enumeration}};
  if (base == "set") return {{set}};
  if (base == "json") return {{json}};
  if (base == "vector") return {{vector, varchar}, charset::binary};
  if (base == "uuid") return {{string}, charset::binary, column_hint::uuid};
  if (base == "inet4") return {{string}, charset::binary, column_hint::inet4};
  if (base == "inet6") return {{string}, charset::binary, column_hint::inet6};
  if (base == "geometry" || base == "point" || base == "linestring" || base == "polygon" ||
      base == "multipoint" || base == "multilinestring" || base == "multipolygon" ||
      base == "geometrycollection" || base == "geomcollection")
    return {{geometry}};
  return {};
}

/// 'a','it''s' inside the parentheses of enum(…) and set(…).
std::vector<std::string> labels_of(std::string_view type) {
  std::vector<std::string> labels;
  std::size_t at = type.find('(');
  while (at < type.size()) {
    at = type.find('\'', at);
    if (at == type.npos) break;
    std::string label;
    for (++at; at < type.size(); ++at) {
      if (type[at] == '\'') {
        if (at + 1 >= type.size() || type[at + 1] != '\'') break;
        ++at;
      }
      label += type[at];
    }
    labels.push_back(std::move(label));
    ++at;
  }
  return labels;
}

charset charset_named(std::string_view name) {
  if (name == "utf8mb4" || name == "utf8mb3" || name == "utf8") return charset::utf8;
  if (name == "ascii") return charset::ascii;
  if (name == "binary") return charset::binary;
  if (name.empty()) return charset::unknown;
  return conversion_of(name) ? charset::converted : charset::other;
}

[[noreturn]] void disagree(const table_definition& table, const std::string& how) {
  throw failure{failure_kind::refused, "TW-MY-SCHEMA",
                "the schema of " + table.schema + "." + table.name + " is not that of the binlog: " + how,
                "the table was changed since: give the schema as it was then, or log with "
                "binlog_row_metadata=FULL"};
}

void improve(column_definition& column, const column_facts& known, const table_definition& table) {
  type_facts facts = facts_of(known.type);
  bool fits = false;
  for (column_type each : facts.as) fits |= each == column.type;
  if (!fits)
    disagree(table, "column " + known.name + " is " + known.type + " there and of type " +
                        std::to_string(static_cast<int>(column.type)) + " here");
  if (!column.name.empty() && column.name != known.name)
    disagree(table, "column " + column.name + " is called " + known.name);
  column.name = known.name;
  column.key |= known.key;
  column.is_unsigned = known.type.find(" unsigned") != std::string::npos;
  column.signedness_known = true;
  column.hint = facts.hint;
  if (column.collation == 0) {
    charset text = facts.text != charset::unknown ? facts.text : charset_named(known.charset);
    if (text != charset::unknown) column.text = text, column.conversion = conversion_of(known.charset);
  }
  if (column.labels.empty() && (column.type == column_type::enumeration || column.type == column_type::set)) {
    // information_schema speaks UTF-8, whatever the column's set.
    column.labels = labels_of(known.type);
    column.text = charset::utf8;
    column.conversion = nullptr;
  }
}

}  // namespace

void schema_book::set(std::string_view schema, std::string_view table, std::vector<column_facts> columns) {
  tables_[{std::string(schema), std::string(table)}] = {std::move(columns), 0, nullptr};
}

const table_definition* schema_book::improved(const table_definition& from) const {
  auto at = tables_.find(std::pair(from.schema, from.name));
  if (at == tables_.end()) return nullptr;
  const entry& known = at->second;
  if (known.improved && known.serial == from.serial) return known.improved.get();
  if (known.columns.size() != from.columns.size())
    disagree(from, std::to_string(known.columns.size()) + " columns there, " +
                       std::to_string(from.columns.size()) + " here");
  auto made = std::make_unique<table_definition>(from);
  for (std::size_t i = 0; i < from.columns.size(); ++i) improve(made->columns[i], known.columns[i], from);
  made->has_names = true;
  known.improved = std::move(made);
  known.serial = from.serial;
  return known.improved.get();
}

schema_book schema_book::parse(std::string_view text) {
  schema_book book;
  std::size_t number = 0;
  std::string schema, table;
  std::vector<column_facts> columns;
  auto flush = [&] {
    if (!columns.empty()) book.set(schema, table, std::move(columns));
    columns.clear();
  };
  while (!text.empty()) {
    ++number;
    std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty()) continue;
    std::vector<std::string> fields(1);
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\t') {
        fields.emplace_back();
      } else if (line[i] == '\\' && i + 1 < line.size()) {
        ++i;
        fields.back() += line[i] == 'n' ? '\n' : line[i] == 't' ? '\t' : line[i] == '0' ? '\0' : line[i];
      } else {
        fields.back() += line[i];
      }
    }
    if (fields.size() != 6)
      throw failure{
          failure_kind::usage, "TW-MY-SCHEMA-FILE",
          "line " + std::to_string(number) + " of the schema file has " + std::to_string(fields.size()) +
              " fields instead of 6",
          "table_schema, table_name, column_name, column_type, character_set_name, column_key, separated "
          "by tabs, as mysql -N -B prints them"};
    if (facts_of(fields[3]).as.empty())
      throw failure{
          failure_kind::usage, "TW-MY-SCHEMA-FILE",
          "line " + std::to_string(number) + " of the schema file has the unknown type " + fields[3],
          "column_type as information_schema.columns has it"};
    if (fields[0] != schema || fields[1] != table) flush();
    schema = fields[0];
    table = fields[1];
    columns.push_back({fields[2], fields[3], fields[4] == "NULL" ? "" : fields[4], fields[5] == "PRI"});
  }
  flush();
  return book;
}

}  // namespace tidewire::binlog
