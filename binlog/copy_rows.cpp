#include "binlog/copy_rows.hpp"

#include <algorithm>
#include <charconv>

#include "binlog/number.hpp"
#include "binlog/response.hpp"
#include "binlog/row_text.hpp"
#include "binlog/server_error.hpp"
#include "binlog/sql_text.hpp"
#include "binlog/table_of.hpp"

namespace tidewire::binlog {

std::string copy_table::fingerprint() const {
  std::string text = schema + '\0' + name;
  for (const column_facts& each : columns)
    text += '\0' + each.name + '\0' + each.type + '\0' + each.charset + (each.key ? "k" : "");
  if (key) {
    text += '\0' + key->index;
    for (const key_column& each : key->columns)
      text += '\0' + each.name + '\0' + each.collation + (each.descending ? "d" : "");
  }
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

copy_rows::selected copy_rows::selected_of(const column_definition& of, bool zerofill) {
  std::string name = sql_name(of.name);
  switch (of.type) {
    case column_type::float32: return {name + "+0e0", cell_text::float32};  // else it has six digits
    case column_type::float64: return {name + "+0e0", cell_text::float64};
    case column_type::bit: return {name + "+0"};
    case column_type::geometry: return {name, cell_text::binary};
    case column_type::vector: return {name, cell_text::vector};
    default: break;
  }
  if (zerofill) return {name + "+0"};
  if (!of.is_character() || of.hint != column_hint::none) return {name};
  if (of.text == charset::binary) return {name, cell_text::binary};
  // A server would make a question mark of what is no character in the column's set.
  std::string bytes = "CAST(" + name + " AS BINARY)";
  if (of.text == charset::other) return {bytes, cell_text::binary};
  if (of.text == charset::converted) return {bytes, cell_text::converted, of.conversion};
  return {name};
}

copy_rows::copy_rows(const copy_table& of, bool mariadb) : of_(of) {
  table_definition defined = definition_of(of.schema, of.name, of.columns, mariadb);
  described_ = table_of(defined);
  lines_ = table_plan(described_);
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    bool zerofill = of.columns[i].type.ends_with(" zerofill");
    columns_.push_back(selected_of(defined.columns[i], zerofill));
    if (columns_.back().text == cell_text::vector) text_growth_ = 12;
    if (columns_.back().text == cell_text::converted)
      text_growth_ = std::max(text_growth_, worst_utf8_growth);
  }
  if (of.key)
    for (const key_column& each : of.key->columns)
      key_cells_.push_back(each.selected.empty() ? each.number : columns_.size() + extra_++);
  cells_.resize(columns());
  values_.resize(columns_.size());
}

std::string copy_rows::query(const key_range& range) const {
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < columns_.size(); ++i) sql += (i ? "," : "") + columns_[i].expression;
  if (of_.key)
    for (const key_column& each : of_.key->columns)
      if (!each.selected.empty()) sql += "," + each.selected;
  sql += " FROM " + sql_name(of_.schema, of_.name);
  return of_.key ? sql + range_clause(*of_.key, range) : sql;
}

/// A cell as its line has it: in `text_`, which must have the room, or where it is.
value copy_rows::rendered(std::string_view from, const selected& as) {
  std::size_t begin = text_.size();
  switch (as.text) {
    case cell_text::as_it_is: return {from.data(), static_cast<std::uint32_t>(from.size()), value_kind::text};
    case cell_text::binary: return {from.data(), static_cast<std::uint32_t>(from.size()), value_kind::binary};
    case cell_text::converted: {
      char* end = put_as_utf8(text_.room(from.size() * worst_utf8_growth), *as.conversion, as_bytes(from));
      if (!end) return {from.data(), static_cast<std::uint32_t>(from.size()), value_kind::binary};
      text_.end(end);
      break;
    }
    case cell_text::float32:
    case cell_text::float64: {
      double number = 0;
      auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), number);
      if (error != std::errc{} || end != from.data() + from.size())
        malformed("row", {decode_errc::bad_value, 0, "number"});
      char* at = text_.room(float_text_size);
      text_.end(as.text == cell_text::float32 ? put_float(at, static_cast<float>(number))
                                              : put_float(at, number));
      break;
    }
    case cell_text::vector:
      if (from.size() % 4) malformed("row", {decode_errc::bad_length, 0, "vector"});
      text_.put('[');
      for (std::size_t at = 0; at < from.size(); at += 4) {
        if (at) text_.put(',');
        auto bits = load_le<std::uint32_t>(as_bytes(from).data() + at);
        text_.end(put_float(text_.room(float_text_size), std::bit_cast<float>(bits)));
      }
      text_.put(']');
  }
  return {text_.data() + begin, static_cast<std::uint32_t>(text_.size() - begin), value_kind::text};
}

void copy_rows::take(byte_view payload) {
  well_formed(decode_text_row(payload, cells_), "row");
  text_.clear_to(std::size_t{1} << 20);
  // Room for all that is rendered, so that it does not move.
  text_.room(cells_.size() * float_text_size + payload.size() * text_growth_);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    values_[i] = {};
    if (!cells_[i]) continue;
    values_[i] = rendered(*cells_[i], columns_[i]);
    bytes += values_[i].size;
  }
  writer_.read(lines_, values_, bytes);
}

key_values copy_rows::key() const {
  key_values values;
  for (std::size_t cell : key_cells_) {
    if (!cells_[cell]) return {};
    values.emplace_back(*cells_[cell]);
  }
  if (!of_.key || !has_literals(*of_.key, values)) return {};
  return values;
}

}  // namespace tidewire::binlog
