// Which tables' columns a logged statement may change.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidewire::binlog {

/// Never too few: what is not understood may have changed everything. Names as they stand in the statement;
/// without one's schema it is that of the database in use. They are compared without case (`covers`), because
/// servers may do so.
struct ddl_tables {
  bool all = false;
  std::vector<std::string> schemas;                         // all tables of these
  std::vector<std::pair<std::string, std::string>> tables;  // schema and name

  bool none() const { return !all && schemas.empty() && tables.empty(); }
  bool covers(std::string_view schema, std::string_view table) const;
};

/// `sql` in UTF-8; `database` is the one in use.
ddl_tables tables_of_ddl(std::string_view sql, std::string_view database);

}  // namespace tidewire::binlog
