// A table that is copied: what to ask for, so that a value is the one that a row event has, and its rows as
// lines.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "binlog/copy_key.hpp"
#include "binlog/text_buffer.hpp"
#include "core/envelope.hpp"

namespace tidewire::binlog {

struct copy_table {
  std::string schema, name;
  std::vector<column_facts> columns;
  std::optional<copy_key> key;        // that it is read by in pieces; nothing: it is read whole
  std::uint64_t rows = 0, bytes = 0;  // as the server estimates them
  bool has_snapshots = true;          // else its rows are as of when they are read

  std::string fingerprint() const;
  std::string text() const { return schema + "." + name; }
};

/// Of one worker. `of` outlives it.
class copy_rows {
 public:
  /// Throws failure TW-MY-SCHEMA.
  copy_rows(const copy_table& of, bool mariadb);
  copy_rows(const copy_rows&) = delete;
  copy_rows& operator=(const copy_rows&) = delete;

  const tidewire::table& described() const { return described_; }
  /// A table without a key has no ranges.
  std::string query(const key_range& range) const;
  /// Of its result.
  std::size_t columns() const { return columns_.size() + extra_; }

  /// `fields` are members that all rows' lines have.
  void begin(std::string_view fields) { writer_.enter_read_fields(fields); }
  void write_to(json::buffer& out) { writer_.write_to(out); }
  /// One row of the result. Throws failure TW-MY-MALFORMED.
  void take(byte_view payload);
  /// Of the row that was taken last, whose payload must still be there. Empty if it has none, or one that has
  /// no literals.
  key_values key() const;

 private:
  enum class cell_text : std::uint8_t { as_it_is, binary, converted, float32, float64, vector };
  struct selected {
    std::string expression;
    cell_text text = cell_text::as_it_is;
    const text_conversion* conversion = nullptr;
  };
  static selected selected_of(const column_definition& of, bool zerofill);
  value rendered(std::string_view from, const selected& as);

  const copy_table& of_;
  tidewire::table described_;
  table_plan lines_;
  std::vector<selected> columns_;
  std::size_t extra_ = 0;               // of the result's columns: those that only tell the key
  std::vector<std::size_t> key_cells_;  // which of the result's columns tell it
  std::vector<std::optional<std::string_view>> cells_;
  std::vector<value> values_;
  text_buffer text_;             // what is not given as it came
  std::size_t text_growth_ = 0;  // from a row's bytes, beside its numbers
  json::buffer none_;
  envelope_writer writer_{none_};
};

}  // namespace tidewire::binlog
