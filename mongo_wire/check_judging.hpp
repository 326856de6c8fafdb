// What the files of the judgement share. For mongo_wire/check*.cpp only.
#pragma once

#include "mongo_wire/check.hpp"

namespace tidewire::mongo_wire {

/// One run over the facts; each check adds one finding.
struct judging : check_findings {
  const check_facts& facts;
  const check_wishes& wishes;
  hoster at;

  /// The server would not tell, for want of a right in `needs`.
  check_finding& unknown(const char* code, const char* title, const std::string& missing,
                         const std::vector<privilege>& needs) const;

  const std::string& database() const { return facts.connection.database; }
  bool whole_cluster() const { return database().empty(); }
};

void judge_connection(const judging& j);   // check_connection.cpp
void judge_server(const judging& j);       // check_server.cpp
void judge_rights(const judging& j);       // check_rights.cpp
void judge_collections(const judging& j);  // check_collections.cpp
void judge_history(const judging& j);      // check_history.cpp

void judge_hoster(const judging& j);  // check_connection.cpp
void judge_srv(const judging& j);

/// How the user gets these rights: a role of its own that can be extended, a built-in one, Atlas' pages.
std::vector<check_fix> rights_fixes(const judging& j, const std::vector<privilege>& needed,
                                    std::string_view built_in);

/// 5400 s: "1.5 h".
std::string hours_text(double seconds);
std::string counted(std::size_t count, const char* one, const char* several);

}  // namespace tidewire::mongo_wire
