// Rows into lines; see row_changes.hpp.
#include "binlog/row_changes.hpp"
#include "binlog/schema_book.hpp"
#include "binlog/schema_history.hpp"
#include "binlog/table_of.hpp"
#include "core/json_text.hpp"

namespace tidewire::binlog {

namespace {

static_assert(event_padding >= json::input_padding, "values go from the event into the line");

bool is_large(const column_definition& of) {
  switch (of.type) {
    case column_type::json:
    case column_type::geometry:
    case column_type::vector:
    case column_type::tiny_blob:
    case column_type::medium_blob:
    case column_type::long_blob:
    case column_type::blob:
    case column_type::blob_compressed: return true;
    default: return false;
  }
}

/// FULL has every column, NOBLOB leaves out large ones only; MINIMAL has what identifies the row.
old_row kind_of(std::span<const cell> cells, const table_definition& table) {
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (cells[i].kind == cell_kind::absent && !is_large(table.columns[i])) return old_row::key;
  return old_row::full;
}

std::size_t bytes_of(std::span<const value> values) {
  std::size_t bytes = 0;
  for (const value& each : values) bytes += each.size;
  return bytes;
}

std::string unique_name(const table_definition& of) {
  return std::to_string(of.schema.size()) + "." + of.schema + "." + of.name;
}

bool same_shape(const table& a, const table& b) {
  if (a.columns.size() != b.columns.size()) return false;
  for (std::size_t i = 0; i < a.columns.size(); ++i) {
    const column &one = a.columns[i], &two = b.columns[i];
    if (one.name != two.name || one.key != two.key || one.form != two.form || one.type != two.type)
      return false;
  }
  return true;
}

}  // namespace

/// Once for each table: what the lines can't have right because the binlog does not tell it.
void row_changes::tell_what_is_missing(const table_definition& of) {
  bool sign = false;
  for (const column_definition& each : of.columns)
    sign |= !each.signedness_known && (is_integer(each.type) || each.type == column_type::decimal);
  if ((of.has_names && !sign) || !told_.insert(unique_name(of)).second) return;
  std::string table = of.schema + "." + of.name;
  std::string text;
  if (!of.has_names) text = "columns of " + table + " are called @1, @2, … because the binlog has no names";
  if (sign)
    text += (text.empty() ? "integers of " + table : std::string("; its integers")) +
            " are read as signed, and text can't be told from bytes, because the binlog does not say";
  warn("TW-MY-METADATA", text + " (binlog_row_metadata is not FULL; a schema file helps)");
}

row_changes::planned& row_changes::plan_of(const table_definition& of) {
  if (last_plan_ && of.serial == last_serial_) [[likely]]
    return *last_plan_;
  constexpr std::size_t most_plans = 8192;
  auto known = plans_.find(of.serial);
  if (known == plans_.end()) {
    if (plans_.size() >= most_plans) plans_.clear(), newest_.clear();
    auto made = std::make_shared<planned>();
    made->described = table_of(of);
    for (std::size_t i = 0; i < made->described.columns.size(); ++i)
      if (!json::is_utf8(made->described.columns[i].name))
        throw failure{failure_kind::refused, "TW-MY-COLUMN-NAME",
                      where() + ": the name of column " + std::to_string(i + 1) + " of " + of.name +
                          " is not UTF-8: JSON can't have it as a key",
                      "rename the column"};
    made->plan = table_plan(made->described);
    if (with_.straight) made->images = row_images::of(of, made->plan);
    tell_what_is_missing(of);
    known = plans_.emplace(of.serial, std::move(made)).first;
  }
  // A table that comes under a new number, but as it was, needs no new line.
  std::shared_ptr<planned>& newest = newest_[unique_name(of)];
  if (!newest || !same_shape(newest->described, known->second->described))
    writer_.named_schema(known->second->described);
  newest = known->second;
  last_serial_ = of.serial;
  last_plan_ = known->second.get();
  return *last_plan_;
}

/// What the new row does not repeat (MariaDB's FULL_NODUP) is in the old one.
void row_changes::fill_unchanged(std::span<const value> before, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    value& each = after_values_[i];
    if (each.kind == value_kind::unchanged && before[i].kind != value_kind::absent) each = before[i];
  }
}

const table_definition& row_changes::known_from_history(const table_definition& of) {
  if (from_history_ && of.serial == from_history_->serial) [[likely]]
    return *from_history_;
  with_.history->want();
  from_history_ = with_.history->improved(of);
  if (!from_history_) throw schema_wanted{of.schema, of.name, mark_of(name_, with_.history->kind())};
  return *from_history_;
}

/// False if some value is not a usual one: then nothing is written.
bool row_changes::straight(row_op op, planned& known, const rows_reader& reader, std::size_t row_bytes) {
  constexpr std::size_t usual_bytes = 64 * 1024;
  if (!known.images || row_bytes > usual_bytes) return false;
  row_images& images = *known.images;
  std::size_t room = images.room(row_bytes) + (op == row_op::update ? images.room(0) : 0);
  return writer_.row_by(op, known.plan, seq_, room, [&](char* at, row_op which) {
    if (op != row_op::update)
      return images.put(at, which == row_op::remove ? reader.before() : reader.after());
    return which == row_op::remove ? images.put_old(at, reader.before())
                                   : images.put_new(at, reader.after(), reader.before());
  });
}

void row_changes::rows(const event_view& event) {
  rows_view m = checked(decode_rows(event, format_));
  if (m.is_dummy()) return tables_.end_statement();
  const table_definition* table = tables_.find(m.table_id);
  if (!table) refuse({decode_errc::unknown_reference, header_bytes, "table id"});
  if (with_.schemas) {
    if (const table_definition* better = with_.schemas->improved(*table)) table = better;
  }
  if (with_.history && !table->has_names) table = &known_from_history(*table);
  std::size_t columns = table->columns.size();
  if (before_cells_.size() < columns) before_cells_.resize(columns), after_cells_.resize(columns);
  row_op op = m.kind == change_kind::insert   ? row_op::insert
              : m.kind == change_kind::update ? row_op::update
                                              : row_op::remove;
  rows_reader reader(m, *table, before_cells_, after_cells_);
  for (;;) {
    std::size_t row_at = reader.offset();
    if (!checked(reader.next())) break;
    if (!next_change()) continue;
    planned& known = plan_of(*table);
    if (reader.whole() && straight(op, known, reader, reader.offset() - row_at)) [[likely]]
      continue;
    std::span<const value> before, after;
    old_row old = old_row::none;
    if (op != row_op::insert) {
      before = checked(before_text_.render(m, *table, reader.before()));
      old = kind_of(reader.before(), *table);
    }
    if (op != row_op::remove) {
      after = checked(after_text_.render(m, *table, reader.after(), reader.before()));
      if (op == row_op::update) {
        after_values_.assign(after.begin(), after.end());
        fill_unchanged(before, columns);
        after = after_values_;
      }
    }
    std::string diffs;
    if (m.partial) [[unlikely]] {
      for (std::size_t i = 0; i < columns; ++i) {
        if (!after_text_.is_diff(i)) continue;
        // Changes to a document that is not here: a member of their own, so that nobody takes them for it.
        // As a whole document would be: what is no JSON, or not UTF-8, becomes a string.
        std::string_view changes = after_values_[i].bytes();
        diffs += (diffs.empty() ? "{" : ",") + json::quoted(known.described.columns[i].name) + ":" +
                 (json::is_value(changes) ? std::string(changes) : json::quoted(changes));
        after_values_[i] = {nullptr, 0, value_kind::absent};
      }
    }
    const table_plan* plan = &known.plan;
    if (old == old_row::key) {
      // Whatever identifies the row is in it, whether it is called a key or not.
      if (!last_plan_->image_plan) {
        tidewire::table all = known.described;
        for (column& each : all.columns) each.key = true;
        last_plan_->image_plan = std::make_unique<table_plan>(all);
      }
      plan = last_plan_->image_plan.get();
    }
    writer_.row(op, *plan, seq_, old, before, after, bytes_of(before) + bytes_of(after));
    if (!diffs.empty()) writer_.extend("json_diff", diffs + "}");
  }
  if (m.ends_statement()) tables_.end_statement();
}

}  // namespace tidewire::binlog
