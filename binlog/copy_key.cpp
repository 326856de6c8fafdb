#include "binlog/copy_key.hpp"

#include <algorithm>
#include <charconv>

#include "binlog/sql_text.hpp"
#include "core/json.hpp"

namespace tidewire::binlog {

namespace {

/// A character set's or collation's name goes into SQL as it is.
bool is_plain_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::optional<key_column> text_column(key_column made, const column_definition& of, const column_facts& known,
                                      const key_facts::part& part) {
  if (of.text == charset::binary) {
    made.as = key_literal::binary;
    return made;
  }
  // What can't be proven legal in its set the server may refuse to take as a literal.
  bool known_set = of.text == charset::utf8 || of.text == charset::ascii || of.text == charset::converted;
  if (!known_set || !is_plain_name(known.charset) || !is_plain_name(part.collation)) return std::nullopt;
  made.as = key_literal::text;
  made.set_name = known.charset;
  made.collation = part.collation;
  made.set = of.text;
  made.conversion = of.conversion;
  // Elsewhere the row's cell has the bytes as they are stored.
  if (of.text != charset::converted && known.charset != "utf8mb4")
    made.selected = "CAST(" + sql_name(made.name) + " AS BINARY)";
  return made;
}

/// 0: the labels are not told.
std::uint64_t highest_label(const column_definition& of) {
  std::uint64_t count = of.labels.size();
  if (of.type != column_type::set) return count;
  return count < 64 ? (std::uint64_t{1} << count) - 1 : ~std::uint64_t{0};
}

std::optional<key_column> column_of(std::size_t number, const column_definition& of,
                                    const column_facts& known, const key_facts::part& part) {
  key_column made;
  made.number = number;
  made.name = known.name;
  made.descending = part.descending;
  switch (of.type) {
    case column_type::tiny_int:
    case column_type::small_int:
    case column_type::medium_int:
    case column_type::integer:
    case column_type::big_int:
    case column_type::decimal:
      if (known.type.ends_with(" zerofill")) made.selected = sql_name(made.name);
      return made;
    // Labels stand in their own order, and are compared so only with numbers.
    case column_type::enumeration:
    case column_type::set: made.labels = highest_label(of); [[fallthrough]];
    case column_type::bit:
    case column_type::year: made.selected = sql_name(made.name) + "+0"; return made;
    case column_type::date:
    case column_type::time:
    case column_type::datetime:
    case column_type::timestamp: made.as = key_literal::quoted; return made;
    case column_type::string:
    case column_type::varchar:
    case column_type::blob: break;
    default: return std::nullopt;
  }
  if (of.hint == column_hint::none) return text_column(std::move(made), of, known, part);
  made.as = key_literal::quoted;  // an address or a UUID
  return made;
}

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == text.npos;
}

/// -12.5
bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  std::size_t point = text.find('.');
  constexpr std::string_view digits = "0123456789";
  if (!all_of(text.substr(0, point), digits)) return false;
  return point == text.npos || all_of(text.substr(point + 1), digits);
}

/// 0 is an ENUM's empty error value.
bool is_label(const key_column& of, std::string_view value) {
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc{} && end == value.data() + value.size() && number <= of.labels;
}

bool is_legal(const key_column& of, std::string_view bytes) {
  switch (of.set) {
    case charset::utf8: return json::is_utf8(bytes);
    case charset::ascii: return std::ranges::all_of(bytes, [](char c) { return (c & 0x80) == 0; });
    case charset::converted: {
      std::string room(bytes.size() * worst_utf8_growth + 1, '\0');
      return put_as_utf8(room.data(), *of.conversion, as_bytes(bytes)) != nullptr;
    }
    default: return false;
  }
}

std::string hex_literal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "x'";
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text + '\'';
}

bool lists_labels(const key_column& of) {
  return of.labels != 0 && of.labels <= max_listed_labels;
}

constexpr std::uint64_t no_label = 65535;  // of tables with so many labels no lists are made

/// Labels' numbers from `first` to `last` as a condition: of ENUM and SET the servers make ranges where a
/// value is equal to a number, not where it is less or more. Empty where there is none. One alone gets
/// company that no row has: else the servers would make an equality of it (of one that stands there twice,
/// too), take the column for a constant in ORDER BY, and sort.
std::string listed(const std::string& name, std::uint64_t first, std::uint64_t last) {
  std::string text;
  for (std::uint64_t i = first; i <= last; ++i) text += (text.empty() ? " IN (" : ",") + std::to_string(i);
  if (first == last) text += "," + std::to_string(no_label);
  return text.empty() ? text : name + text + ')';
}

std::uint64_t label_of(const std::string& value) {
  std::uint64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

/// The values behind `at` (or before it, or at it). Empty: there is none.
std::string beyond(const key_column& of, const std::string& at, bool more, bool with) {
  std::string name = sql_name(of.name);
  if (!lists_labels(of)) return name + (more ? ">" : "<") + (with ? "=" : "") + at;
  std::uint64_t number = label_of(at);
  if (more) return listed(name, number + (with ? 0 : 1), of.labels);
  return with || number > 0 ? listed(name, 0, number - (with ? 0 : 1)) : "";
}

std::string equal(const key_column& of, const std::string& at) {
  std::string name = sql_name(of.name);
  return lists_labels(of) ? listed(name, label_of(at), label_of(at)) : name + "=" + at;
}

/// The rows behind `at` (or before it): k1>1 OR (k1=1 AND k2>2) OR …, which is what both servers' optimisers
/// make ranges of the index of; of (k1,k2)>(1,2) they do not.
std::string side(const copy_key& of, const key_values& at, bool behind) {
  std::string text, same;
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    const key_column& column = of.columns[i];
    std::string value = *literal_of(column, at[i]);
    bool last = i + 1 == of.columns.size();
    std::string compare = beyond(column, value, behind != column.descending, last && !behind);
    if (!compare.empty()) {
      if (!text.empty()) text += " OR ";
      text += "(" + (i ? same + " AND " : std::string()) + compare + ")";
    }
    same += (i ? " AND " : "") + equal(column, value);
  }
  if (text.empty()) return "(1=0)";
  return of.columns.size() == 1 ? text : "(" + text + ")";
}

}  // namespace

std::optional<copy_key> copy_key_of(const table_definition& table, const std::vector<column_facts>& columns,
                                    const key_facts& key) {
  copy_key made;
  made.index = key.index;
  if (key.parts.empty() || key.parts.size() > max_key_columns) return std::nullopt;
  for (const key_facts::part& each : key.parts) {
    auto at = std::ranges::find(columns, each.column, &column_facts::name);
    if (at == columns.end() || each.prefix) return std::nullopt;
    auto number = static_cast<std::size_t>(at - columns.begin());
    auto column = column_of(number, table.columns[number], *at, each);
    if (!column) return std::nullopt;
    made.columns.push_back(std::move(*column));
    column_type type = table.columns[number].type;
    bool labelled = type == column_type::enumeration || type == column_type::set;
    made.finds_ranges &= !labelled || lists_labels(made.columns.back());
    made.lists_labels |= lists_labels(made.columns.back());
  }
  return made;
}

std::optional<std::string> literal_of(const key_column& of, std::string_view value) {
  if (value.size() > max_key_value_bytes) return std::nullopt;
  switch (of.as) {
    case key_literal::number:
      if (!is_number(value) || (of.labels && !is_label(of, value))) return std::nullopt;
      return std::string(value);
    case key_literal::quoted:
      if (!all_of(value, "0123456789abcdefABCDEF:.- ")) return std::nullopt;
      return sql_text(value);
    case key_literal::text:
      if (!is_legal(of, value)) return std::nullopt;
      return "_" + of.set_name + " " + hex_literal(value) + " COLLATE " + of.collation;
    case key_literal::binary: return hex_literal(value);
  }
  return std::nullopt;
}

bool has_literals(const copy_key& of, const key_values& values) {
  if (values.size() != of.columns.size()) return false;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!literal_of(of.columns[i], values[i])) return false;
  return true;
}

std::string range_clause(const copy_key& of, const key_range& range) {
  std::string text = " FORCE INDEX (" + sql_name(of.index) + ")";
  if (!range.after.empty()) text += " WHERE " + side(of, range.after, true);
  if (!range.up_to.empty())
    text += (range.after.empty() ? " WHERE " : " AND ") + side(of, range.up_to, false);
  text += " ORDER BY ";
  for (std::size_t i = 0; i < of.columns.size(); ++i)
    text += (i ? "," : "") + sql_name(of.columns[i].name) + (of.columns[i].descending ? " DESC" : "");
  return text;
}

std::string selected_key(const copy_key& of) {
  std::string text;
  for (const key_column& each : of.columns) {
    if (!text.empty()) text += ',';
    if (!each.selected.empty())
      text += each.selected;
    else if (each.as == key_literal::text)
      text += "CAST(" + sql_name(each.name) + " AS BINARY)";
    else
      text += sql_name(each.name);
  }
  return text;
}

}  // namespace tidewire::binlog
