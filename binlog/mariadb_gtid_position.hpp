// MariaDB's positions: per domain the last GTID, as in gtid_slave_pos and @slave_connect_state.
#pragma once

#include <string>
#include <vector>

#include "binlog/mariadb_gtid_event.hpp"

namespace tidewire::binlog {

/// At most one GTID per domain, ordered by domain.
class mariadb_gtid_position {
 public:
  /// `0-1-100,7-1-1`, in any order, white space allowed around items. Errors: bad_value with the offset in
  /// the text, also for a domain that comes twice.
  static decoded<mariadb_gtid_position> parse(std::string_view text);

  /// The position behind a Gtid_list: of each domain the last entry, which is the most recent.
  static mariadb_gtid_position behind(const gtid_list_view& list);

  std::string text() const;

  /// The domain is now at `id`, whatever it was at before.
  void set(const mariadb_gtid& id);
  /// As `set`, but only forward: false, and nothing changed, if the domain is at that sequence number or
  /// beyond it.
  bool advance(const mariadb_gtid& id);
  /// Of each domain the one that is further.
  void add(const mariadb_gtid_position& other);
  /// Leaves the domains in which this position is further than `other`, with what it has there.
  void subtract(const mariadb_gtid_position& other);

  /// Whether the domain is at that sequence number or beyond it.
  bool contains(const mariadb_gtid& id) const;
  bool contains(const mariadb_gtid_position& other) const;

  /// Null if nothing of the domain is known.
  const mariadb_gtid* find(std::uint32_t domain) const;
  const std::vector<mariadb_gtid>& gtids() const { return gtids_; }
  bool empty() const { return gtids_.empty(); }

  friend bool operator==(const mariadb_gtid_position&, const mariadb_gtid_position&) = default;

 private:
  std::vector<mariadb_gtid> gtids_;
};

/// Room for any mariadb_gtid's text.
inline constexpr std::size_t mariadb_gtid_text_size = 10 + 1 + 10 + 1 + 20;
char* put_mariadb_gtid(char* out, const mariadb_gtid& id);

/// The whole of `text` is one GTID.
decoded<mariadb_gtid> parse_mariadb_gtid(std::string_view text);

}  // namespace tidewire::binlog
