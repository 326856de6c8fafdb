// How far a copy of collections has come, as lines of a position file: what parses is printed and parsed to
// the same, and the last _id of each is one that a server can be asked for.
#include <cstdint>
#include <string>
#include <vector>

#include "mongo_wire/bson_walk.hpp"
#include "mongo_wire/copy_progress.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

std::vector<std::string> lines_of(const copy_progress& of) {
  std::vector<std::string> lines{times_line(of)};
  for (const auto& [key, collection] : of.collections) lines.push_back(line_of(collection));
  return lines;
}

void check(const copied_collection& of) {
  require(!of.database.empty() && of.database.find('.') == std::string::npos && !of.name.empty());
  require(of.last.size() <= max_kept_id_bytes);
  if (!of.last.empty()) require(validate_document(of.last, {.utf8 = false}).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < size;) {
    std::string& line = lines.emplace_back();
    while (at < size && data[at] != '\n') line += static_cast<char>(data[at++]);
    ++at;
  }
  auto progress = parse_copy(lines);
  if (!progress) return 0;
  require(progress->since <= progress->newest);
  require(lines.empty() || progress->collections.size() == lines.size() - 1);
  for (const auto& [key, collection] : progress->collections) {
    require(key == collection.key());
    check(collection);
  }
  std::vector<std::string> printed = lines_of(*progress);
  auto again = parse_copy(printed);
  require(again && again->since == progress->since && again->newest == progress->newest);
  require(lines_of(*again) == printed);
  return 0;
}
