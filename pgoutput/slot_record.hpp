// A replication slot as the server's view shows it, whatever the version has of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pgoutput/row_text.hpp"
#include "wire/lsn.hpp"

namespace tidewire::pgoutput {

struct slot_record {
  std::string name;
  std::string plugin;
  bool logical = true;
  std::string database;
  bool temporary = false;
  bool active = false;
  std::uint64_t retained_bytes = 0;
  std::string wal_status;                      // 13+
  std::optional<std::int64_t> safe_wal_bytes;  // 13+, where there is a limit
  bool two_phase = false;                      // 14+
  bool failover = false;                       // 17+
  bool synced = false;                         // 17+
  std::string invalidation;                    // why it is of no use any more; empty: it is
  std::optional<double> inactive_s;            // 17+
  wire::lsn confirmed;
};

/// `condition` is SQL on the columns of pg_replication_slots; empty: all, those that keep most first, at most
/// a thousand.
std::string slots_sql(const std::string& condition = {});
inline constexpr std::size_t slot_confirmed_column = 15;
/// Of a row of that query.
slot_record slot_of(const text_row& row);

}  // namespace tidewire::pgoutput
