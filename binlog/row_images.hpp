// Whole row images straight into a line: for usual values what row_text and envelope_writer make together,
// but without a text in between.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "binlog/rows.hpp"
#include "binlog/text_buffer.hpp"
#include "core/envelope.hpp"

namespace tidewire::binlog {

/// Made once for a table.
class row_images {
 public:
  /// `plan` and `of` must live as long. Nothing for a table with a column that only row_text knows.
  static std::optional<row_images> of(const table_definition& of, const table_plan& plan);

  /// Room for one image of values that have `bytes` bytes together.
  std::size_t room(std::size_t bytes) const { return fixed_room_ + bytes * growth_; }

  /// Writes `,"name":value` for each column and returns the end; null if some value is not a usual one, or
  /// not legal: then row_text tells. A cell for each column, none absent. `at` has room() and
  /// json::output_slack bytes, and the cells have json::input_padding bytes behind them.
  char* put(char* at, std::span<const cell> cells);
  /// The same for an update's old row …
  char* put_old(char* at, std::span<const cell> cells);
  /// … and for its new one, in the same room: most of it is as it was, and is copied as text.
  char* put_new(char* at, std::span<const cell> cells, std::span<const cell> old);

 private:
  enum class how : std::uint8_t {
    int8,
    uint8,
    int16,
    uint16,
    int24,
    uint24,
    int32,
    uint32,
    int64,
    uint64,
    number,  // unsigned, little-endian
    bit,
    year,
    float32,
    float64,
    decimal,
    date,
    time,
    datetime,
    timestamp,
    text,
    converted,
    binary,
    padded,
    enumeration,
    set,
    json,
  };
  struct column {
    how form;
    std::uint8_t precision = 0;
    std::uint8_t scale = 0;
    std::uint32_t length = 0;
    std::string_view name;  // with what belongs to it, and padding behind
    const text_conversion* conversion = nullptr;
    std::vector<std::string> labels;  // as in JSON, without quotes
  };

  static bool plan_labels(const column_definition& from, column& to);
  bool add(const column_definition& from, std::string_view name);
  static bool form_of_text(const column_definition& from, column& to);
  char* member(char* at, const column& of, const cell& from);
  char* value(char* at, const column& of, const cell& from);
  char* converted(char* at, const column& of, const cell& from);
  char* json(char* at, const cell& from);

  std::vector<column> columns_;
  std::size_t fixed_room_ = 0;
  std::size_t growth_ = json::worst_growth;
  text_buffer text_;
  std::vector<const char*> places_;  // of an old row's members in the line, and its end
};

}  // namespace tidewire::binlog
