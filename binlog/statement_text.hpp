// A logged statement's text in UTF-8, and the tables that it may change.
#pragma once

#include <string>

#include "binlog/ddl_tables.hpp"
#include "binlog/query.hpp"

namespace tidewire::binlog {

/// In UTF-8 where the session's character set is one that we convert; else as it is.
std::string statement_text(const query_view& m);

ddl_tables tables_of_statement(const query_view& m);

}  // namespace tidewire::binlog
