#include "binlog/table_of.hpp"

#include "binlog/row_text.hpp"

namespace tidewire::binlog {

namespace {

json_form json_form_of(const column_definition& of) {
  // Decimals have more digits than JSON's readers keep.
  if (of.type == column_type::decimal) return json_form::string;
  switch (form_of(of)) {
    case value_form::integer: return json_form::integer;
    case value_form::number: return json_form::number;
    case value_form::json: return json_form::json;
    case value_form::text:
    case value_form::binary: break;
  }
  return json_form::string;
}

std::string with_fraction(const char* name, const column_definition& of) {
  return of.precision ? std::string(name) + "(" + std::to_string(of.precision) + ")" : name;
}

std::string with_charset(const char* text, const char* binary, const column_definition& of) {
  if (of.text == charset::binary) return binary;
  std::string_view set = charset_name(of.collation);
  if (of.text == charset::utf8 || set.empty()) return text;
  return std::string(text) + " character set " + std::string(set);
}

std::string base_type(const column_definition& of) {
  switch (of.type) {
    case column_type::tiny_int: return "tinyint";
    case column_type::small_int: return "smallint";
    case column_type::medium_int: return "mediumint";
    case column_type::integer: return "int";
    case column_type::big_int: return "bigint";
    case column_type::float32: return "float";
    case column_type::float64: return "double";
    case column_type::decimal:
    case column_type::decimal_old:
      return "decimal(" + std::to_string(of.precision) + "," + std::to_string(of.scale) + ")";
    case column_type::null: return "null";
    case column_type::timestamp_old:
    case column_type::timestamp: return with_fraction("timestamp", of);
    case column_type::datetime_old:
    case column_type::datetime: return with_fraction("datetime", of);
    case column_type::time_old:
    case column_type::time: return with_fraction("time", of);
    case column_type::date:
    case column_type::new_date: return "date";
    case column_type::year: return "year";
    case column_type::bit: return "bit(" + std::to_string(of.length) + ")";
    case column_type::enumeration: return with_charset("enum", "enum", of);
    case column_type::set: return with_charset("set", "set", of);
    case column_type::json: return "json";
    case column_type::geometry: return "geometry";
    case column_type::vector:
      return of.dimension ? "vector(" + std::to_string(of.dimension) + ")" : std::string("vector");
    case column_type::varchar:
    case column_type::var_string:
    case column_type::varchar_compressed: return with_charset("varchar", "varbinary", of);
    case column_type::string:
      switch (of.hint) {
        case column_hint::none: break;
        case column_hint::uuid: return "uuid";
        case column_hint::inet4: return "inet4";
        case column_hint::inet6: return "inet6";
      }
      return of.text == charset::binary ? "binary(" + std::to_string(of.length) + ")"
                                        : with_charset("char", "binary", of);
    case column_type::tiny_blob:
    case column_type::medium_blob:
    case column_type::long_blob:
    case column_type::blob:
    case column_type::blob_compressed: return with_charset("text", "blob", of);
    case column_type::typed_array: return "array";
  }
  return "unknown";
}

}  // namespace

std::string type_text(const column_definition& of) {
  std::string text = base_type(of);
  if (of.is_unsigned && of.type != column_type::year) text += " unsigned";
  return text;
}

table table_of(const table_definition& from) {
  table made;
  made.schema = from.schema;
  made.name = from.name;
  std::size_t number = 0;
  for (const column_definition& each : from.columns) {
    column to;
    ++number;
    to.name = each.name.empty() ? "@" + std::to_string(number) : each.name;
    to.key = each.key;
    to.form = json_form_of(each);
    to.type = type_text(each);
    made.columns.push_back(std::move(to));
  }
  return made;
}

}  // namespace tidewire::binlog
