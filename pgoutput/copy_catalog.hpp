// What an initial copy has to read: the tables that publications list, as the stream describes them, and
// where their rows are stored.
#pragma once

#include <string>
#include <vector>

#include "pgoutput/copy_columns.hpp"
#include "pgoutput/copy_ranges.hpp"
#include "pgoutput/relation.hpp"
#include "pgoutput/source.hpp"
#include "wire/session.hpp"

namespace tidewire::pgoutput {

/// Something with blocks of its own: a plain table, or a leaf of a partitioned one.
struct stored_part {
  std::uint32_t oid = 0;
  std::string name;        // quoted, with its schema
  std::uint32_t file = 0;  // pg_class.relfilenode as the snapshot sees it
  std::uint32_t blocks = 0;
  std::uint64_t bytes = 0;  // of its main fork
  double rows = 0;          // the planner's estimate; negative: none
  bool heap = true;         // ctid tells the place

  /// Whether a range of blocks can be read without the rest (TID range scans: 14+).
  bool divisible(int version) const { return heap && version >= 140'000; }
};

struct listed_table {
  relation described;            // as a relation message would have it
  type_names types;              // as type messages would announce those of the columns
  std::vector<copy_form> forms;  // one per column
  std::string select_list;       // what COPY's query selects, in the order of the columns
  std::string row_filter;        // empty: all rows
  std::vector<stored_part> parts;

  /// Whether an older and a newer reading of a row can be told to be the same row.
  bool keyed() const;
  /// Changes when columns or filters do.
  std::string fingerprint() const;
};

struct copy_wishes {
  std::vector<std::string> publications;
  std::vector<std::string> tables;  // schema.name each; empty: all that the publications list
};

/// The tables in the order in which they should be copied, the largest first. Throws
/// TW-PG-PUBLICATION-MISSING, TW-PG-COLUMN-LISTS (publications with different column lists for one table),
/// TW-PG-TABLE-MISSING (a wish that no publication lists), TW-PG-TABLE-PRIVILEGE, TW-PG-TABLE-CHANGED
/// (transient: a table went meanwhile).
conversation<std::vector<listed_table>> list_tables(wire::session& with, int version,
                                                    const copy_wishes& what);

}  // namespace tidewire::pgoutput
