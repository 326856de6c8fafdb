// What tables hold, read in one consistent snapshot.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "binlog/schema_read.hpp"
#include "binlog/source.hpp"
#include "core/envelope.hpp"
#include "core/pipeline.hpp"

namespace tidewire::binlog {

struct copy_start {
  position resume;     // where the stream begins: all changes that the rows don't hold come behind it
  std::string place;   // file:offset; everything before it is in the rows
  bool exact = false;  // everything behind `resume` is not in the rows
};

/// Opens the session's snapshot, without any lock. Throws failure TW-MY-SNAPSHOT where it can't be known
/// where the stream must begin.
conversation<copy_start> begin_copy(session& with, server_facts server);

/// The tables that a copy reads: without views, system tables, and what is not in `only` (schema.name each),
/// unless that is empty. Throws failure TW-MY-SNAPSHOT for one of `only` that is not there.
conversation<table_facts> tables_to_copy(session& with, std::vector<std::string> only);

/// Writes the lines of a copy, and waits where the pipeline is full. The link's tick must be set.
class table_copier {
 public:
  table_copier(session& with, pipeline& lines, const copy_start& start, bool mariadb)
      : with_(with), lines_(lines), start_(start), mariadb_(mariadb) {}

  conversation<> begin(std::size_t tables);
  conversation<> table(std::string schema, std::string name, std::vector<column_facts> columns);
  /// The copy is complete, and its last line belongs to `done`.
  conversation<> end(std::size_t tables, checkpoint done);

  std::uint64_t rows() const { return rows_; }

 private:
  struct plan;
  conversation<> room();
  void mark(const char* stage, const tidewire::table* of, std::optional<std::uint64_t> tables,
            std::optional<std::uint64_t> rows);
  void row(byte_view payload, plan& of);

  session& with_;
  pipeline& lines_;
  const copy_start& start_;
  bool mariadb_;
  envelope_writer writer_{none_};
  json::buffer none_;
  json::buffer* batch_ = nullptr;
  std::uint64_t rows_ = 0;
};

}  // namespace tidewire::binlog
