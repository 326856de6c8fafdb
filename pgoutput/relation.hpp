// What the relation and type messages have told so far. Row messages name their table by oid only.
//
// Messages of a streamed transaction take effect when it is replayed at its commit, and not at all when it is
// aborted: the server sends them again for whoever needs them next.
#pragma once

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "pgoutput/message_row.hpp"
#include "pgoutput/message_schema.hpp"

namespace tidewire::pgoutput {

struct relation_column {
  std::string name;
  std::uint32_t type_id = 0;
  std::int32_t type_modifier = -1;
  std::uint8_t flags = 0;

  bool key() const { return flags & 1; }
};

/// An owned copy of a relation message.
struct relation {
  std::uint32_t oid = 0;
  std::uint32_t index = 0;    // counts the relations of a cache in the order of their first announcement
  std::uint32_t version = 0;  // 1 when first announced; one more with every change of what follows
  std::string schema;         // never empty
  std::string name;
  replica_identity identity = replica_identity::primary_key;
  std::vector<relation_column> columns;
};

/// An empty name on the wire stands for pg_catalog.
inline std::string_view schema_name(std::string_view sent) {
  return sent.empty() ? "pg_catalog" : sent;
}

/// Whether `message` describes `known` as it is, versions aside.
inline bool same_description(const relation& known, const relation_view& message) {
  if (known.oid != message.oid || known.name != message.name || known.identity != message.identity ||
      known.schema != schema_name(message.schema) || known.columns.size() != message.column_count)
    return false;
  column_reader reader(message);
  column_view sent;
  for (const relation_column& column : known.columns) {
    if (!reader.next(sent) || column.flags != sent.flags || column.type_id != sent.type_id ||
        column.type_modifier != sent.type_modifier || column.name != sent.name)
      return false;
  }
  return true;
}

/// In a key-only old row the columns outside the key come as null but mean absent: says so. Only for
/// old_tuple::key; `old_values` are those of a row of `of`.
inline void mark_absent(std::span<value> old_values, const relation& of) {
  std::size_t count = std::min(old_values.size(), of.columns.size());
  for (std::size_t i = 0; i < count; ++i)
    if (old_values[i].kind == value_kind::null && !of.columns[i].key())
      old_values[i].kind = value_kind::absent;
}

/// The announced relations by oid. Addresses of relations are stable until clear(); what they point to
/// changes when a changed description is announced.
class relation_cache {
 public:
  struct limits {
    std::size_t relations = 200'000;
    std::size_t bytes = std::size_t{128} << 20;  // about, of all descriptions together
  };

  struct announced {
    const relation* known = nullptr;
    bool changed = false;  // new, or described differently than before
  };

  relation_cache() = default;
  explicit relation_cache(limits bounds) : bounds_(bounds) {}
  relation_cache(const relation_cache&) = delete;
  relation_cache& operator=(const relation_cache&) = delete;

  /// Takes in a relation message. limit_exceeded leaves the cache as it was.
  decoded<announced> announce(const relation_view& message) {
    auto at = entries_.find(message.oid);
    if (at != entries_.end() && same_description(at->second.described, message)) {
      at->second.connection = connection_;
      return announced{&at->second.described, false};
    }
    std::size_t before = at == entries_.end() ? 0 : footprint(at->second.described);
    std::size_t after = footprint(message);
    if (bytes_ - before + after > bounds_.bytes)
      return std::unexpected(decode_error{decode_errc::limit_exceeded, 0, "bytes of relations"});
    if (at == entries_.end()) {
      if (entries_.size() >= bounds_.relations)
        return std::unexpected(decode_error{decode_errc::limit_exceeded, 0, "number of relations"});
      at = entries_.try_emplace(message.oid).first;
      at->second.described.index = static_cast<std::uint32_t>(entries_.size() - 1);
    }
    bytes_ = bytes_ - before + after;
    at->second.connection = connection_;
    describe(at->second.described, message);
    return announced{&at->second.described, true};
  }

  /// unknown_reference if `oid` was not announced on this connection. `streamed` tells where in the message
  /// the oid stands, for the error's offset.
  decoded<const relation*> find(std::uint32_t oid, bool streamed) {
    const relation* known = recent_[recent_slot(oid)];
    if (!known || known->oid != oid) [[unlikely]]
      known = look_up(oid);
    if (!known) [[unlikely]]
      return std::unexpected(
          decode_error{decode_errc::unknown_reference, streamed ? std::size_t{4} : 0, "relation"});
    return known;
  }

  /// The relation of a decoded row; bad_value if the row does not have exactly its columns.
  decoded<const relation*> find(const row_view& row, bool streamed) {
    auto found = find(row.relation, streamed);
    if (!found) return found;
    std::size_t columns = (*found)->columns.size();
    if (row.new_offset != 0 && row.new_count != columns) [[unlikely]]
      return std::unexpected(decode_error{decode_errc::bad_value, row.new_offset, "column count"});
    if (row.old != old_tuple::none && row.old_count != columns) [[unlikely]]
      return std::unexpected(decode_error{decode_errc::bad_value, row.old_offset, "column count"});
    return found;
  }

  /// A new connection: nothing counts as announced any more, but what is announced again without a change
  /// is recognised as unchanged.
  void reconnected() {
    ++connection_;
    recent_.fill(nullptr);
  }

  void clear() {
    entries_.clear();
    recent_.fill(nullptr);
    bytes_ = 0;
  }

  std::size_t size() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct entry {
    relation described;
    std::uint64_t connection = 0;
  };

  static std::size_t recent_slot(std::uint32_t oid) { return oid * 0x9e37'79b1u >> 26; }

  [[gnu::noinline]] const relation* look_up(std::uint32_t oid) {
    auto at = entries_.find(oid);
    if (at == entries_.end() || at->second.connection != connection_) return nullptr;
    return recent_[recent_slot(oid)] = &at->second.described;
  }

  static std::size_t footprint(const relation& of) {
    std::size_t bytes = sizeof(entry) + of.schema.size() + of.name.size();
    for (const relation_column& column : of.columns) bytes += sizeof column + column.name.size();
    return bytes;
  }

  static std::size_t footprint(const relation_view& of) {
    std::size_t bytes = sizeof(entry) + schema_name(of.schema).size() + of.name.size();
    column_reader reader(of);
    for (column_view sent; reader.next(sent);) bytes += sizeof(relation_column) + sent.name.size();
    return bytes;
  }

  static void describe(relation& into, const relation_view& message) {
    into.oid = message.oid;
    ++into.version;
    into.schema = schema_name(message.schema);
    into.name = message.name;
    into.identity = message.identity;
    into.columns.clear();
    into.columns.reserve(message.column_count);
    column_reader reader(message);
    for (column_view sent; reader.next(sent);)
      into.columns.push_back({std::string(sent.name), sent.type_id, sent.type_modifier, sent.flags});
  }

  limits bounds_;
  std::unordered_map<std::uint32_t, entry> entries_;  // its nodes do not move
  std::array<const relation*, 64> recent_{};          // found of late, by recent_slot
  std::uint64_t connection_ = 0;
  std::size_t bytes_ = 0;
};

/// The names of types that are not built in, by oid. Of a domain Postgres tells the *base type's* name: two
/// oids may have the same name.
class type_names {
 public:
  struct limits {
    std::size_t types = 200'000;
    std::size_t bytes = std::size_t{32} << 20;  // about, of all names together
  };

  struct name {
    std::string schema;  // never empty
    std::string type;
  };

  type_names() = default;
  explicit type_names(limits bounds) : bounds_(bounds) {}

  /// Takes in a type message. limit_exceeded leaves everything as it was.
  decoded<const name*> announce(const type_view& message) {
    std::size_t after = sizeof(name) + schema_name(message.schema).size() + message.name.size();
    auto at = names_.find(message.oid);
    std::size_t before =
        at == names_.end() ? 0 : sizeof(name) + at->second.schema.size() + at->second.type.size();
    if (bytes_ - before + after > bounds_.bytes)
      return std::unexpected(decode_error{decode_errc::limit_exceeded, 0, "bytes of types"});
    if (at == names_.end()) {
      if (names_.size() >= bounds_.types)
        return std::unexpected(decode_error{decode_errc::limit_exceeded, 0, "number of types"});
      at = names_.try_emplace(message.oid).first;
    }
    bytes_ = bytes_ - before + after;
    at->second.schema = schema_name(message.schema);
    at->second.type = message.name;
    return &at->second;
  }

  /// Null for a type that was not announced: the built-in ones never are.
  const name* find(std::uint32_t oid) const {
    auto at = names_.find(oid);
    return at == names_.end() ? nullptr : &at->second;
  }

  std::size_t size() const { return names_.size(); }

 private:
  limits bounds_;
  std::unordered_map<std::uint32_t, name> names_;
  std::size_t bytes_ = 0;
};

}  // namespace tidewire::pgoutput
