// What the files of the judgement share. For binlog/check_*.cpp only.
#pragma once

#include "binlog/check.hpp"

namespace tidewire::binlog {

/// One run over the facts; each check adds one finding.
struct judging : check_findings {
  const check_facts& facts;
  const check_wishes& wishes;
  server_kind server;

  std::vector<check_fix> set(std::string_view name, std::string_view value, bool restart = false) const {
    return setting_fixes(server, name, value, restart);
  }
  /// The account as SQL has it, for fixes.
  std::string account_sql() const;
  /// The right to see where the binlog is, as the server names it.
  std::string monitor_right() const;
};

void judge_connection(const judging& j);  // check_connection.cpp
void judge_log(const judging& j);         // check_log.cpp
void judge_history(const judging& j);     // check_history.cpp
void judge_rights(const judging& j);      // check_rights.cpp
void judge_tables(const judging& j);      // check_tables.cpp

std::string tables_text(const std::vector<const table_fact*>& tables);
void name_tables(check_finding& finding, const std::vector<const table_fact*>& tables);

}  // namespace tidewire::binlog
