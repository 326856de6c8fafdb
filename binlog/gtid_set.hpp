// Sets of MySQL's GTIDs: gtid_executed, Previous_gtids, what a dump is to leave out.
#pragma once

#include <string>
#include <vector>

#include "binlog/event.hpp"
#include "binlog/gtid.hpp"

namespace tidewire::binlog {

/// Numbers first to last, both in it.
struct gtid_interval {
  std::int64_t first = 0;
  std::int64_t last = 0;

  friend bool operator==(const gtid_interval&, const gtid_interval&) = default;
};

/// Ordered by UUID, then tag; the intervals of each are ascending, disjoint and not adjacent. So equal sets
/// are equal member by member, and print the same.
class gtid_set {
 public:
  struct group {
    server_uuid uuid;
    gtid_tag tag;
    std::vector<gtid_interval> intervals;  // never empty

    friend bool operator==(const group&, const group&) = default;
  };

  /// What the servers accept: UUIDs with or without dashes, in either case, white space and empty items
  /// between them, tags, intervals in any order and overlapping; one that ends before it begins counts as
  /// empty. Errors: bad_value with the offset in the text.
  static decoded<gtid_set> parse(std::string_view text);

  /// The binary form of Previous_gtids events and of dump requests, in either of its formats; which one is
  /// told by its bytes. Errors count from the start of `bytes`.
  static decoded<gtid_set> decode(byte_view bytes);

  /// Appends the binary form: the tagged one if there is a tag, or if `tagged` asks for it.
  void encode(std::vector<std::uint8_t>& out, bool tagged = false) const;

  /// As the server prints it: `uuid:1-5:7:tag:1-3`, UUIDs separated by `separator` (in @@gtid_executed a
  /// comma and a newline).
  std::string text(std::string_view separator = ",\n") const;

  /// Does nothing if it is there. `id.number` must be legal.
  void add(const gtid& id) { add(id.uuid, id.tag, {id.number, id.number}); }
  /// Ignores an interval that ends before it begins.
  void add(const server_uuid& uuid, const gtid_tag& tag, gtid_interval interval);
  void add(const gtid_set& other);
  void subtract(const gtid_set& other);

  bool contains(const gtid& id) const;
  /// Whether all of `other` is in this set.
  bool contains(const gtid_set& other) const;
  bool intersects(const gtid_set& other) const;

  bool empty() const { return groups_.empty(); }
  bool has_tags() const;
  /// How many ids there are; saturates.
  std::uint64_t count() const;
  const std::vector<group>& groups() const { return groups_; }
  void clear() { groups_.clear(); }

  friend bool operator==(const gtid_set&, const gtid_set&) = default;

 private:
  const group* find(const server_uuid& uuid, const gtid_tag& tag) const;
  group& find_or_make(const server_uuid& uuid, const gtid_tag& tag);

  std::vector<group> groups_;
};

/// The GTIDs in the files before this one. Errors count from the start of the event.
decoded<gtid_set> decode_previous_gtids(const event_view& event);

}  // namespace tidewire::binlog
