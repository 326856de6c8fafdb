// From the bytes of a row to values as text: what the server's own SELECT prints, in UTF-8.
#pragma once

#include <span>
#include <vector>

#include "binlog/inflate.hpp"
#include "binlog/json_diff.hpp"
#include "binlog/rows.hpp"
#include "core/value.hpp"

namespace tidewire::binlog {

/// What a column's values are written as.
enum class value_form : std::uint8_t { integer, number, text, json, binary };

/// BIT and labels that the binlog does not name are integers. A character column is text if its characters
/// can be given as UTF-8, and also if its character set is not told; binary if they are in a set that is not
/// converted here (column.text is charset::other, column.collation tells which).
value_form form_of(const column_definition& column);

/// Renders rows into core values. Keeps its memory from one row to the next, so that a row of usual values
/// allocates nothing.
class row_text {
 public:
  struct limits {
    std::uint32_t value_bytes = std::uint32_t{1} << 30;  // of a compressed column's value
  };

  row_text() = default;
  explicit row_text(limits bounds) : bounds_(bounds) {}

  /// One value per cell; they are valid until the next call and as long as the event. Values whose text is as
  /// it lies in the event point there, the others into this object (with text_buffer::slack bytes behind
  /// them).
  ///
  /// Absent cells become value_kind::absent; in an update's new row, where it means that the column did not
  /// change, value_kind::unchanged. Changes to a JSON column (cell_kind::diff) are applied to the document in
  /// `before`, the update's old row; without one (MINIMAL row images) the value is the changes themselves, as
  /// a JSON array, and is_diff() of the column is true.
  ///
  /// Errors tell the place in the event, and the column in `failed_column`.
  decoded<std::span<const value>> render(const rows_view& rows, const table_definition& table,
                                         std::span<const cell> cells, std::span<const cell> before = {});

  bool is_diff(std::size_t column) const { return column < diffs_.size() && diffs_[column]; }
  /// After an error of render().
  std::size_t failed_column() const { return failed_column_; }

 private:
  bool one(const column_definition& column, const cell& from, value& to);
  bool integer(const column_definition& column, const cell& from);
  bool temporal(const column_definition& column, const cell& from);
  bool label(const column_definition& column, const cell& from, value& to);
  bool put_label(const column_definition& column, std::string_view label);
  bool set_labels(const column_definition& column, std::uint64_t bits, value& to);
  bool characters(const column_definition& column, byte_view bytes, value& to);
  bool padded(const column_definition& column, const cell& from, value& to);
  bool compressed(const column_definition& column, const cell& from, value& to);
  bool vector(const cell& from);
  bool json(const cell& from);
  bool json_changes(const cell& from, const cell* old);

  bool fail(decode_errc code, const char* field) {
    error_ = {code, 0, field};
    return false;
  }
  /// The value is what was rendered since `begin`.
  void rendered(value& to, std::size_t begin, value_kind kind = value_kind::text);

  limits bounds_;
  std::vector<value> values_;
  std::vector<bool> diffs_;
  std::vector<std::uint32_t> rendered_;  // the columns whose data are an offset into text_ until the end
  text_buffer text_;
  std::vector<std::uint8_t> inflated_;
  inflater inflater_;
  json_patcher patcher_;
  decode_error error_;
  std::size_t failed_column_ = 0;
  std::uint32_t column_ = 0;
  bool has_diffs_ = false;
};

/// MariaDB's INET6 as its SELECT prints it; `bytes` are 16. Needs 45 bytes of room; returns the end.
char* put_inet6(char* out, const std::uint8_t* bytes);

}  // namespace tidewire::binlog
