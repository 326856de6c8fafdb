// The schema of a MySQL or MariaDB stream whose binlog has no names: read from the server where that is
// proven right, followed through the statements, and kept beside the position.
#pragma once

#include <asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "binlog/connect.hpp"
#include "binlog/row_changes.hpp"
#include "binlog/schema_book.hpp"
#include "binlog/schema_history.hpp"
#include "binlog/schema_read.hpp"
#include "binlog/source.hpp"
#include "core/posix_file.hpp"

namespace tidewire {

/// What a person has given; empty without a path. Throws failure TW-MY-SCHEMA-FILE.
binlog::schema_book read_schema(const std::string& path);
/// How changes are read with it: warnings are logged. `schemas` outlives what is made of this.
binlog::row_changes::settings changes_with(const std::string& spill_dir, const binlog::schema_book& schemas);

/// PATH.schema; everything else is as with the position file, whose lock holds for it too.
class schema_file {
 public:
  /// Of that position file; empty: nothing is kept.
  explicit schema_file(const std::string& position_path);

  /// Throws failure TW-MY-SCHEMA-STORED, TW-POSITION-FILE.
  std::optional<binlog::schema_history> load(const binlog::position& at) const;
  void store(const binlog::schema_history& what) const;
  /// Durable too.
  void remove() const;

 private:
  std::string path_;
  std::string name_;
  posix::descriptor folder_;
};

class schema_keeper {
 public:
  using connector = std::function<asio::awaitable<std::unique_ptr<binlog::client>>()>;

  schema_keeper(const std::string& position_path, connector connect, binlog::dump_settings dump)
      : file_(position_path), connect_(std::move(connect)), dump_(std::move(dump)) {}

  /// Before anything is stored: for a stream that begins or, with `stored`, goes on at `from`. `with` is a
  /// session for queries; a scan of the binlog has one of its own.
  asio::awaitable<void> begin(binlog::client& with, const binlog::server_facts& server,
                              const binlog::position& from, bool stored);

  /// Rows are to be read at `from`, or in the transaction behind it, of a table that is not known (or of
  /// none: then what statements have changed is learned as far as it can be). Throws failure
  /// TW-MY-SCHEMA-UNKNOWN (refused) where it can't be found out.
  asio::awaitable<void> learn(binlog::client& with, const binlog::server_facts& server,
                              const binlog::position& from, const binlog::schema_wanted& wanted);

  /// Makes what was learned durable, without what no stream needs that goes on at `durable`.
  void save(const binlog::position& durable);

  binlog::schema_history& history() { return *history_; }

 private:
  schema_file file_;
  connector connect_;
  binlog::dump_settings dump_;
  std::optional<binlog::schema_history> history_;
};

}  // namespace tidewire
