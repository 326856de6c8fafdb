// What SHOW GRANTS says, line by line, and what it amounts to. No I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire::binlog {

/// One line. Names of privileges are in upper case with single spaces, those of objects as they are.
struct grant_line {
  enum class kind { privileges, revoked, roles, other };
  enum class scope { global, schema, table, other };

  kind is = kind::other;
  scope on = scope::other;
  std::vector<std::string> privileges;         // that hold for the whole object
  std::vector<std::string> column_privileges;  // that hold for some of its columns
  std::string schema;                          // a pattern as LIKE has them, where it is the scope
  std::string table;
  std::vector<std::string> roles;
  std::string grantee;  // without its host
  bool grant_option = false;
  bool requires_tls = false;

  bool names(std::string_view privilege) const;
};

/// Nothing for what is none of the known forms: then nobody knows what the account may do.
std::optional<grant_line> parse_grant(std::string_view line);

/// More lines than this are not looked at.
inline constexpr std::size_t max_grant_lines = 10'000;

/// Everything that an account may do. The two settings come before the lines.
struct grant_list {
  std::vector<grant_line> lines;
  std::size_t not_understood = 0;
  bool literal_schemas = false;  // partial_revokes: no wildcards in the names of schemas
  bool fold_case = false;        // lower_case_table_names

  void add(std::string_view line);
  bool global(std::string_view privilege) const;
  bool on_schema(std::string_view schema, std::string_view privilege) const;
  /// Whether on_schema is false only because nobody knows which of several patterns counts.
  bool unclear_on_schema(std::string_view schema, std::string_view privilege) const;
  bool on_table(std::string_view schema, std::string_view table, std::string_view privilege) const;
  /// On whatever, some columns of a table too.
  bool anywhere(std::string_view privilege) const;
  bool requires_tls() const;
  std::vector<std::string> roles() const;

 private:
  enum class answer { no, yes, unclear };

  bool pattern_fits(const grant_line& line, std::string_view name) const;
  answer counts(const grant_line& line, std::string_view name, std::string_view privilege) const;
  bool exact(std::string_view pattern) const;
};

/// Whether a name is one that the pattern means: % and _ are wild unless behind a backslash.
bool schema_matches(std::string_view pattern, std::string_view name, bool literal);

}  // namespace tidewire::binlog
