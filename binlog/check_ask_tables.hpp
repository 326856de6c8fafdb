// The questions about tables, and what all questions share. For binlog/check_ask*.cpp and log_distance.cpp
// only.
#pragma once

#include "binlog/check_facts.hpp"
#include "binlog/text_query.hpp"

namespace tidewire::binlog {

using answer = asked<text_result>;

/// The answer, or the server's words.
conversation<answer> ask(session& with, std::string sql, std::string doing);

/// Empty for NULL.
std::string text_of(const std::vector<std::optional<std::string>>& row, std::size_t column);

conversation<> ask_tables(session& with, check_facts& into);
/// After ask_tables.
conversation<> ask_cascades(session& with, check_facts& into);

/// Adds what a table's SHOW CREATE TABLE says of foreign keys that act.
void add_cascades(std::string_view definition, const std::string& schema, const std::string& table,
                  std::vector<cascade_fact>& into);

}  // namespace tidewire::binlog
