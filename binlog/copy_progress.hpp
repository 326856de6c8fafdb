// How far a copy of tables has come: what the position file keeps of it, so that it goes on after a crash
// (docs/position_file.md).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binlog/copy_key.hpp"

namespace tidewire::binlog {

struct copied_table {
  std::string schema, name;
  std::string fingerprint;  // of its columns and the key that it is read by
  std::uint64_t rows = 0;   // in the sink
  /// What has been copied, in the key's order; a table that was copied whole has one without bounds.
  std::vector<key_range> ranges;

  bool done() const { return ranges.size() == 1 && ranges[0] == key_range{}; }
};

struct copy_progress {
  std::string place;   // of the first snapshot, file:offset; empty: nothing was begun
  bool exact = false;  // all rows are as of it
  std::map<std::pair<std::string, std::string>, copied_table> tables;  // those that were begun
};

/// One line each, as stored_position::copy has them.
std::string rows_line(const copy_progress& of);
std::string line_of(const copied_table& of);

/// Nothing if a line is not legal. No lines: an empty progress.
std::optional<copy_progress> parse_copy(const std::vector<std::string>& lines);

}  // namespace tidewire::binlog
