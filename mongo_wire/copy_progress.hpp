// How far the copy of a database's collections has come: what the position file keeps of it, so that it goes
// on after a crash (docs/position_file.md).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mongo_wire/collections.hpp"

namespace tidewire::mongo_wire {

struct copied_collection {
  std::string database, name;
  collection_id id{};
  std::uint64_t documents = 0;
  bool done = false;
  std::vector<std::uint8_t> last;  // a BSON document with one element, the last _id; empty: none yet

  std::pair<std::string, std::string> key() const { return {database, name}; }
};

struct copy_progress {
  bson_timestamp since;   // nothing was read as of an earlier time
  bson_timestamp newest;  // or of a later one
  std::map<std::pair<std::string, std::string>, copied_collection> collections;  // those that were begun
};

/// A last _id that is larger is not kept: the copy then goes on from the one before.
inline constexpr std::size_t max_kept_id_bytes = 16 * 1024;

/// One line each, as stored_position::copy has them.
std::string times_line(const copy_progress& of);
std::string line_of(const copied_collection& of);

/// Nothing if a line is not legal. No lines: an empty progress.
std::optional<copy_progress> parse_copy(const std::vector<std::string>& lines);

}  // namespace tidewire::mongo_wire
