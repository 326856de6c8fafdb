#include "binlog/schema_book.hpp"

#include <charconv>
#include <utility>

#include "binlog/table_of.hpp"
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

/// The numbers in parentheses: decimal(10,2).
std::pair<std::uint32_t, std::uint32_t> numbers_of(std::string_view type) {
  std::pair<std::uint32_t, std::uint32_t> found{0, 0};
  std::size_t open = type.find('(');
  if (open == type.npos) return found;
  const char* end = type.data() + type.size();
  const char* at = std::from_chars(type.data() + open + 1, end, found.first).ptr;
  if (at != end && *at == ',') std::from_chars(at + 1, end, found.second);
  return found;
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
      char c = type[at];
      if (c == '\'' || c == '\\') {
        if (at + 1 >= type.size() || (c == '\'' && type[at + 1] != '\'')) break;
        c = type[++at];
        if (type[at - 1] == '\\') c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == '0' ? '\0' : c;
      }
      label += c;
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

/// A character beyond the basic plane is a question mark in information_schema.
bool may_be_replaced(const std::vector<std::string>& labels, std::string_view set) {
  if (set != "utf8mb4" && !set.starts_with("utf16") && set != "utf32" && set != "gb18030") return false;
  for (const std::string& each : labels)
    if (each.contains('?')) return true;
  return false;
}

/// What both say, so that a person sees what was changed.
std::string shown(const table_definition& table) {
  std::string text;
  for (const column_definition& each : table.columns) {
    text += (text.empty() ? "" : ", ") + (each.name.empty() ? "" : each.name + " ") + type_text(each);
    if (each.type == column_type::varchar) text += "(" + std::to_string(each.length) + " bytes)";
    if (text.size() > 600) return text + ", …";
  }
  return text;
}
std::string shown(const std::vector<column_facts>& columns) {
  std::string text;
  for (const column_facts& each : columns) {
    text += (text.empty() ? "" : ", ") + each.name + " " + each.type.substr(0, 60);
    if (text.size() > 600) return text + ", …";
  }
  return text;
}

[[noreturn]] void disagree(const table_definition& table, const std::vector<column_facts>& known,
                           const std::string& how) {
  throw failure{
      failure_kind::refused, "TW-MY-SCHEMA",
      "the schema of " + table.schema + "." + table.name + " is not that of the binlog: " + how +
          ". The binlog has " + std::to_string(table.columns.size()) + " columns (" + shown(table) +
          "), the schema " + std::to_string(known.size()) + " (" + shown(known) + ")",
      "the table was changed in a way that the binlog does not show: give the schema as it was then "
      "(--schema), or log with binlog_row_metadata=FULL"};
}

/// What the binlog tells of a column beside its type agrees with what the schema says of it.
bool sizes_agree(const column_definition& column, const column_facts& known) {
  auto [first, second] = numbers_of(known.type);
  std::string_view base = base_of(known.type);
  switch (column.type) {
    case column_type::decimal: return column.precision == first && column.scale == second;
    case column_type::time:
    case column_type::datetime:
    case column_type::timestamp: return column.precision == first;
    case column_type::bit: return column.length == first;
    case column_type::string:
    case column_type::varchar:
      if (base == "binary" || base == "varbinary") return column.length == first;
      if (base == "char" || base == "varchar")  // in bytes there, in characters here
        return first <= column.length && column.length <= first * 4;
      if (base == "uuid" || base == "inet6") return column.length == 16;
      return true;
    default: return true;
  }
}

bool charsets_agree(const column_definition& column, const column_facts& known) {
  std::string_view set = charset_name(column.collation);
  if (set.empty() || known.charset.empty()) return true;
  return set == known.charset || (set == "utf8mb3" && known.charset == "utf8");
}

void improve(std::size_t number, table_definition& table, const std::vector<column_facts>& all) {
  column_definition& column = table.columns[number];
  const column_facts& known = all[number];
  type_facts facts = facts_of(known.type);
  bool fits = false;
  for (column_type each : facts.as) fits |= each == column.type;
  if (!fits || !sizes_agree(column, known))
    disagree(table, all,
             "column " + std::to_string(number + 1) + " is " + known.type.substr(0, 60) + " there and " +
                 type_text(column) + " here");
  if (!column.name.empty() && column.name != known.name)
    disagree(table, all, "column " + column.name + " is called " + known.name);
  if (!charsets_agree(column, known))
    disagree(table, all,
             "column " + known.name + " is in " + known.charset + " there and in " +
                 std::string(charset_name(column.collation)) + " here");
  column.name = known.name;
  column.key |= known.key;
  if (has_signedness(column.type) && column.type != column_type::year) {
    bool is_unsigned = known.type.find(" unsigned") != std::string::npos;
    if (column.signedness_known && column.is_unsigned != is_unsigned)
      disagree(table, all, "column " + known.name + " has a sign in one of them only");
    column.is_unsigned = is_unsigned;
  }
  column.signedness_known = true;
  column.hint = facts.hint;
  if (column.type == column_type::vector && column.dimension == 0)
    column.dimension = numbers_of(known.type).first;
  if (column.collation == 0) {
    charset text = facts.text != charset::unknown ? facts.text : charset_named(known.charset);
    if (text != charset::unknown) {
      column.text = text;
      column.conversion = conversion_of(known.charset);
      column.collation = collation_of(known.charset == "utf8" ? "utf8mb3" : known.charset);
    }
  }
  if (column.labels.empty() && (column.type == column_type::enumeration || column.type == column_type::set)) {
    // information_schema speaks UTF-8 of three bytes, whatever the column's set.
    column.labels = labels_of(known.type);
    column.labels_in_utf8 = true;
    if (may_be_replaced(column.labels, known.charset)) column.labels.clear();
  }
}

}  // namespace

table_definition definition_of(std::string_view schema, std::string_view table,
                               const std::vector<column_facts>& columns, bool mariadb) {
  table_definition made;
  made.schema = schema;
  made.name = table;
  made.mariadb = mariadb;
  for (const column_facts& each : columns) {
    type_facts facts = facts_of(each.type);
    if (facts.as.empty()) disagree(made, columns, "the type " + each.type.substr(0, 60) + " is not known");
    column_definition column;
    // MariaDB's VECTOR is a VARBINARY in the binlog.
    column.type = mariadb && facts.as[0] == column_type::vector ? column_type::varchar : facts.as[0];
    auto [first, second] = numbers_of(each.type);
    column.length = first;
    if (facts.hint != column_hint::none) column.length = facts.hint == column_hint::inet4 ? 4 : 16;
    if (column.type != column_type::enumeration && column.type != column_type::set) {
      column.precision = static_cast<std::uint8_t>(first);
      column.scale = static_cast<std::uint8_t>(second);
    }
    made.columns.push_back(std::move(column));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) improve(i, made, columns);
  made.has_names = true;
  return made;
}

std::vector<std::string> take_fields(std::string_view line) {
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
  return fields;
}

void put_fields(std::string& out, std::initializer_list<std::string_view> fields) {
  bool first = true;
  for (std::string_view each : fields) {
    if (!std::exchange(first, false)) out += '\t';
    for (char c : each) {
      if (c != '\t' && c != '\n' && c != '\0' && c != '\\') {
        out += c;
        continue;
      }
      out += '\\';
      out += c == '\t' ? 't' : c == '\n' ? 'n' : c == '\0' ? '0' : '\\';
    }
  }
  out += '\n';
}

void schema_book::forget(std::string_view schema, std::string_view table) {
  auto at = tables_.find(std::pair(std::string(schema), std::string(table)));
  if (at != tables_.end()) tables_.erase(at);
}

bool schema_book::knows(std::string_view schema, std::string_view table) const {
  return tables_.contains(std::pair(std::string(schema), std::string(table)));
}

void schema_book::set(std::string_view schema, std::string_view table, std::vector<column_facts> columns) {
  tables_[{std::string(schema), std::string(table)}] = {std::move(columns), 0, nullptr};
}

const table_definition* schema_book::improved(const table_definition& from) const {
  auto at = tables_.find(std::pair(from.schema, from.name));
  if (at == tables_.end()) return nullptr;
  const entry& known = at->second;
  if (known.improved && known.serial == from.serial) return known.improved.get();
  if (known.columns.size() != from.columns.size())
    disagree(from, known.columns,
             std::to_string(known.columns.size()) + " columns there, " + std::to_string(from.columns.size()) +
                 " here");
  auto made = std::make_unique<table_definition>(from);
  for (std::size_t i = 0; i < from.columns.size(); ++i) improve(i, *made, known.columns);
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
    std::vector<std::string> fields = take_fields(line);
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
