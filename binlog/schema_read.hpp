// Tables' columns as a server has them now.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "binlog/schema_book.hpp"
#include "binlog/text_query.hpp"

namespace tidewire::binlog {

using table_names = std::vector<std::pair<std::string, std::string>>;  // schema and name
using table_facts = std::map<std::pair<std::string, std::string>, std::vector<column_facts>>;

/// Beyond so many columns read_schema does not read all tables at once.
inline constexpr std::size_t most_schema_columns = 200'000;

/// Of all tables that the account may see; nothing if they have more than most_schema_columns.
conversation<std::optional<table_facts>> read_schema(session& with);
/// Of these; those that are not there, or that the account may not see, are missing. The session's sql_mode
/// must be empty.
conversation<table_facts> read_schema(session& with, table_names of);

}  // namespace tidewire::binlog
