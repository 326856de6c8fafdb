// How far an initial copy has come: what the position file keeps of it, so that it goes on after a crash
// (docs/position_file.md).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgoutput/copy_ranges.hpp"
#include "wire/lsn.hpp"

namespace tidewire::pgoutput {

/// A snapshot that rows were read in.
struct copy_snapshot {
  wire::lsn at;         // no row that it sees is from after it
  std::string visible;  // as pg_current_snapshot() prints it: xmin:xmax:xip,…

  friend bool operator==(const copy_snapshot&, const copy_snapshot&) = default;
};

/// The first two numbers of a snapshot's text.
struct xid_bounds {
  std::uint64_t xmin = 0;  // all before it were over
  std::uint64_t xmax = 0;  // none from it on was seen
};
std::optional<xid_bounds> bounds_of(std::string_view visible);

/// A table's own blocks, or those of one of its partitions.
struct copied_part {
  std::uint32_t oid = 0;
  std::uint32_t file = 0;  // pg_class.relfilenode: another one has other blocks
  block_map done;
};

struct copied_table {
  std::uint32_t oid = 0;
  std::string fingerprint;  // of the columns and filters that were read
  std::uint64_t rows = 0;
  std::vector<copied_part> parts;
};

/// Snapshots are counted from 1; the last one is that of the run that goes on.
struct copy_progress {
  std::vector<copy_snapshot> snapshots;
  std::map<std::uint32_t, copied_table> tables;  // by oid; only those that have been begun
};

/// Forgets snapshots that no blocks are as of any more, and counts the others anew.
void prune(copy_progress& progress);

/// One line each, as stored_position::copy has them.
std::string line_of(const copy_snapshot& of);
std::string line_of(const copied_table& of);

/// Nothing if a line is not legal. No lines: an empty progress.
std::optional<copy_progress> parse_copy(const std::vector<std::string>& lines);

}  // namespace tidewire::pgoutput
