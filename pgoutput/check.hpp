// From what is known of a server to findings: pure, without a server. docs/checks.md has a section for each
// code.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/check_report.hpp"
#include "core/failure.hpp"
#include "pgoutput/check_facts.hpp"

namespace tidewire::pgoutput {

/// A table that is wanted by name.
struct wanted_table {
  std::string schema;
  std::string name;

  std::string full_name() const { return schema + '.' + name; }
  friend bool operator==(const wanted_table&, const wanted_table&) = default;
};

/// What the stream will be asked for.
struct check_wishes {
  std::vector<std::string> publications{"tidewire"};
  std::string slot = "tidewire";
  std::vector<wanted_table> tables;  // empty: whatever the publications have
  std::optional<hoster> at;          // instead of the one that was found out
  double open_transaction_s = 10;    // an older one would keep a slot from being made
};

/// schema.name, or name alone for public; a part may be in double quotes, as SQL has them, and is taken
/// literally otherwise. Throws failure TW-USAGE-OPTION.
wanted_table parse_wanted_table(std::string_view text);

/// Everything, for a server that was reached.
std::vector<check_finding> judge(const check_facts& facts, const check_wishes& wishes);

/// For a server that was not: why, and what to do.
std::vector<check_finding> judge_no_connection(const failure& why, const check_facts& facts,
                                               const check_wishes& wishes);

/// The hoster that was asked for, or what the facts tell.
detected_hoster hoster_of(const check_facts& facts, const check_wishes& wishes);

/// The tables that the publications publish; with their partitions also what lies below a published root.
enum class partitions { with, without };
std::vector<const table_fact*> published_tables(const check_facts& facts,
                                                const std::vector<std::string>& publications,
                                                partitions below);

/// What it is about: the wanted tables, else what the publications have, else (where there is no publication
/// yet) every table that one could have.
std::vector<const table_fact*> tables_in_question(const check_facts& facts, const check_wishes& wishes,
                                                  partitions below);

/// Tells of each table whether all its changes are published: its own, or those of every partition below it.
class published_cover {
 public:
  published_cover(const check_facts& facts, const std::vector<std::string>& publications);
  bool operator()(const table_fact& table) const { return holds(table, 0); }

 private:
  bool holds(const table_fact& table, int depth) const;

  std::unordered_set<std::uint32_t> published_;
  std::unordered_map<std::uint32_t, std::vector<const table_fact*>> children_;
};

/// Whether a publication can have it.
bool publishable(const table_fact& table);

/// The publications of that name that exist.
std::vector<const publication_fact*> existing_publications(const check_facts& facts,
                                                           const std::vector<std::string>& names);

/// Makes a publication of that name: of all tables where that is possible, else of each by name.
std::string create_publication_sql(const check_facts& facts, const check_wishes& wishes, hoster at,
                                   const std::string& name);

/// Of the tables those whose UPDATE and DELETE fail once they are published, because nothing
/// identifies a row.
std::vector<const table_fact*> without_identity(const std::vector<const table_fact*>& tables);

}  // namespace tidewire::pgoutput
