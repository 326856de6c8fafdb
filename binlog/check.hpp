// From what is known of a server to findings: pure, without a server. docs/checks_mysql.md has a section for
// each code.
#pragma once

#include <string>
#include <vector>

#include "binlog/check_facts.hpp"
#include "core/check_report.hpp"
#include "core/failure.hpp"

namespace tidewire::binlog {

/// A table that is wanted by name.
struct wanted_table {
  std::string schema;
  std::string name;

  std::string full_name() const { return schema + '.' + name; }
  friend bool operator==(const wanted_table&, const wanted_table&) = default;
};

struct check_wishes {
  std::vector<wanted_table> tables;  // empty: every one that the account may see
  std::optional<hoster> at;          // instead of the one that was found out
};

/// schema.name, or name alone where there is a default; a part may be in backticks or double quotes, and is
/// taken literally otherwise. Throws failure TW-USAGE-OPTION.
wanted_table parse_wanted_table(std::string_view text, std::string_view default_schema);
/// Throws failure TW-USAGE-OPTION for a word that is none of ours.
hoster parse_hoster(std::string_view word);

/// Everything, for a server that was reached.
std::vector<check_finding> judge(const check_facts& facts, const check_wishes& wishes);

/// For a server that was not: why, and what to do.
std::vector<check_finding> judge_no_connection(const failure& why, const check_facts& facts,
                                               const check_wishes& wishes);

/// The hoster that was asked for, or what the facts tell.
detected_hoster hoster_of(const check_facts& facts, const check_wishes& wishes);
server_kind kind_of(const check_facts& facts, const check_wishes& wishes);

/// The wanted ones that exist, else all that the account may see; without views.
std::vector<const table_fact*> tables_in_question(const check_facts& facts, const check_wishes& wishes);
const table_fact* find_table(const check_facts& facts, const wanted_table& wanted);

/// How long binlogs are kept, in seconds.
struct retention {
  bool known = false;
  bool for_ever = false;
  bool none = false;  // the hoster removes them as soon as it can
  double seconds = 0;
  std::string found;  // "binlog_expire_logs_seconds is 2592000"
};
retention retention_of(const check_facts& facts, hoster at);

/// A source that stops on Friday evening is to be there on Monday morning.
inline constexpr double wanted_retention_s = 3 * 86400;
inline constexpr int advised_retention_hours = 7 * 24;

/// Whether the oldest version that can be read is reached.
bool version_supported(const check_facts& facts);
/// "8.0.33", and "MySQL 8.0.33".
std::string short_version(const check_facts& facts);
std::string version_text(const check_facts& facts);

}  // namespace tidewire::binlog
