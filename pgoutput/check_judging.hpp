// What the files of the judgement share. For pgoutput/check_*.cpp only.
#pragma once

#include <functional>

#include "pgoutput/check.hpp"

namespace tidewire::pgoutput {

/// One run over the facts. Each check adds one finding (some several).
struct judging : check_findings {
  const check_facts& facts;
  const check_wishes& wishes;
  hoster at;

  int major() const { return facts.major(); }
  /// The role as SQL has it, for fixes.
  std::string role_name() const;
};

void judge_connection(const judging& j);   // check_connection.cpp
void judge_server(const judging& j);       // check_server.cpp
void judge_role(const judging& j);         // check_role.cpp
void judge_publication(const judging& j);  // check_publication.cpp
void judge_tables(const judging& j);       // check_tables.cpp
void judge_slots(const judging& j);        // check_slots.cpp
void judge_wal(const judging& j);          // check_wal.cpp

/// Names the first of the tables in the finding, and in its text: "3 tables: a, b, c".
void name_tables(check_finding& finding, const std::vector<const table_fact*>& tables);
std::string tables_text(const std::vector<const table_fact*>& tables);

/// A fix for each of a few tables, or one statement that does it for all of them. `each` makes a table's
/// statement, `all` the one for many.
std::vector<check_fix> fixes_for(const std::vector<const table_fact*>& tables,
                                 const std::function<std::string(const table_fact&)>& each,
                                 const std::function<std::string()>& all);

/// A setting's value in bytes or milliseconds, by its unit; negative: no limit.
double bytes_of(const setting_fact& setting);
double ms_of(const setting_fact& setting);

/// "a", "b": the publications' names in SQL.
std::string names_text(const std::vector<std::string>& names);

}  // namespace tidewire::pgoutput
