// A table map's table as the lines know it.
#pragma once

#include <string>

#include "binlog/table_definition.hpp"
#include "core/table.hpp"

namespace tidewire::binlog {

/// Columns that the binlog gives no name are called @1, @2, …
table table_of(const table_definition& from);

/// As in CREATE TABLE, as far as the binlog tells: `int unsigned`, `decimal(10,2)`, `varchar character set
/// gbk`.
std::string type_text(const column_definition& of);

}  // namespace tidewire::binlog
