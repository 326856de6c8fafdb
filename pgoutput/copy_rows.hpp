// From what one COPY sends to lines.
#pragma once

#include <vector>

#include "core/envelope.hpp"
#include "pgoutput/binary_row.hpp"
#include "pgoutput/copy_catalog.hpp"
#include "wire/copy_binary.hpp"

namespace tidewire::pgoutput {

/// A table as its rows are written. Must outlive the rows' writers.
struct copied_lines {
  explicit copied_lines(const listed_table& of);

  const listed_table& listed;
  table described;
  table_plan plan;
};

/// What Postgres sends is taken as hostile: what is not right ends in failure TW-PG-COPY-DECODE.
class copy_rows {
 public:
  /// A COPY of that table begins; its rows carry this position.
  void begin(const copied_lines& of, std::string_view position);
  /// The buffer that the next lines go to.
  void write_to(json::buffer& out) { writer_.write_to(out); }

  /// One CopyData, with json::input_padding readable bytes behind it.
  void take(byte_view payload);
  /// Throws if the COPY ended without its trailer.
  void end() const;

  /// Since begin().
  std::uint64_t rows() const { return rows_; }

 private:
  void one(std::span<value> row, std::size_t payload_bytes);
  [[noreturn]] void refuse(const decode_error& error) const;

  const copied_lines* of_ = nullptr;
  wire::copy_binary_reader reader_;
  std::vector<value> values_;
  std::vector<std::uint16_t> bytes_columns_;  // those whose bytes are their text
  bool converts_ = false;
  binary_row text_;
  no_types no_types_;
  json::buffer none_;
  envelope_writer writer_{none_};
  std::uint64_t rows_ = 0;
};

}  // namespace tidewire::pgoutput
