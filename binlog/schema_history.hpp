// What is known of tables at the stream's place, and was known at every place from which it may have to go
// on: statements that change tables are followed, and what a server told is never used for rows of another
// time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binlog/ddl_tables.hpp"
#include "binlog/position.hpp"
#include "binlog/schema_book.hpp"

namespace tidewire::binlog {

/// Whether a transaction is behind a position. `mark` names it as a position does: gtid: or domains: with its
/// one id, or file: with any place behind its first event.
bool is_behind(const std::string& mark, const position& at);

/// Not thread-safe. See docs/mysql.md for the file.
class schema_history {
 public:
  /// Nothing is known, from this place on.
  explicit schema_history(position since) : since_(std::move(since)) {}

  position_kind kind() const { return since_.kind; }

  /// There are tables without names in the binlog: from now on those that statements name are to be known.
  void want() { wanted_ = true; }

  /// See schema_book. Null: it is not known how the table looks here.
  const table_definition* improved(const table_definition& from) const { return book_.improved(from); }

  bool knows(std::string_view schema, std::string_view table) const { return book_.knows(schema, table); }

  /// How a table looks here: it has been so since the last statement that may have changed it.
  void learned(std::string_view schema, std::string_view table, std::vector<column_facts> columns);

  /// A statement has come, in the transaction that `mark` names. What is known of the tables ends here,
  /// unless the statement has come before and what followed is known.
  void touched(const ddl_tables& which, const std::string& mark);

  /// Tables that statements have named or changed and of which nothing is known, at most so many; without
  /// those that were asked for, until another statement comes.
  std::vector<std::pair<std::string, std::string>> unknown(std::size_t most) const;
  bool any_unknown() const { return wanted_ && any_unknown_; }
  void asked_for(const std::vector<std::pair<std::string, std::string>>& tables);

  /// No stream will go on from before `durable`.
  void forget_before(const position& durable);
  /// Whether text() says something new since saved().
  bool changed() const { return changed_; }
  void saved() { changed_ = false; }

  /// The file's bytes and back, for a stream that goes on at `at`. Throws failure TW-MY-SCHEMA-STORED
  /// (refused) for what is not whole, or knows nothing of that place.
  std::string text() const;
  static schema_history parse(std::string_view text, const position& at);

 private:
  struct version {
    std::string mark;  // of the statement that it is behind; empty: there was none since since_
    std::optional<std::vector<column_facts>> columns;  // nothing: not known
  };
  struct history {
    std::vector<version> versions;
    std::size_t current = 0;
    bool asked = false;
  };
  struct touch {
    ddl_tables which;
    std::string mark;
  };

  void show(const std::pair<std::string, std::string>& name, const history& of);
  static schema_history read(std::string_view text);

  position since_;
  std::map<std::pair<std::string, std::string>, history, std::less<>> tables_;
  std::vector<touch> touches_;
  schema_book book_;  // what is known here
  bool changed_ = false;
  bool any_unknown_ = false;
  bool wanted_ = false;
};

}  // namespace tidewire::binlog
