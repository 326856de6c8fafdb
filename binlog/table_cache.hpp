// The tables that rows events may refer to. Definitions are kept beyond their statement, because the next one
// usually brings the same again.
#pragma once

#include <memory>
#include <unordered_map>

#include "binlog/table_definition.hpp"

namespace tidewire::binlog {

class table_cache {
 public:
  struct limits {
    std::size_t tables = 4096;                  // kept in all
    std::size_t bytes = std::size_t{32} << 20;  // of their table maps, likewise
  };

  table_cache() = default;
  explicit table_cache(limits bounds) : bounds_(bounds) {}

  /// Takes a table map over: rows may refer to it until the statement ends. The definition is the same object
  /// with the same serial as before if the table map is the same, byte for byte; it lives until the next
  /// add() or clear(). limit_exceeded if one statement refers to more tables than are kept.
  decoded<const table_definition*> add(const event_view& event, const format_description& format);

  /// Null if no table map of the running statement had that id.
  const table_definition* find(std::uint64_t id) const {
    auto at = entries_.find(id);
    return at != entries_.end() && at->second->statement == statement_ ? &at->second->table : nullptr;
  }

  /// For whoever knows more of the schema than the binlog tells; same conditions as find().
  table_definition* edit(std::uint64_t id) { return const_cast<table_definition*>(find(id)); }

  /// After the rows event that ends a statement.
  void end_statement() { ++statement_; }

  /// Another file, or another server.
  void clear();

 private:
  struct entry {
    table_definition table;
    std::vector<std::uint8_t> body;  // of its event, to recognise it
    std::uint64_t statement = 0;
  };

  void make_room(std::size_t bytes);

  limits bounds_;
  std::unordered_map<std::uint64_t, std::unique_ptr<entry>> entries_;
  std::size_t bytes_ = 0;
  std::uint64_t statement_ = 1;
  std::uint64_t serial_ = 0;
};

}  // namespace tidewire::binlog
