// Names and texts as MySQL's SQL has them.
#pragma once

#include <string>
#include <string_view>

namespace tidewire::binlog {

/// `name`, with backticks doubled.
inline std::string sql_name(std::string_view name) {
  std::string out = "`";
  for (char c : name) out += c == '`' ? "``" : std::string(1, c);
  return out + '`';
}

inline std::string sql_name(std::string_view schema, std::string_view table) {
  return sql_name(schema) + '.' + sql_name(table);
}

/// 'text'. A backslash is an escape there unless the session says otherwise; so it is doubled.
inline std::string sql_text(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + '\'';
}

/// A schema in a GRANT, where % and _ are wild.
inline std::string sql_schema_pattern(std::string_view schema) {
  std::string pattern;
  for (char c : schema) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return sql_name(pattern);
}

/// An account: user and host.
struct account_name {
  std::string user;
  std::string host = "%";

  std::string sql() const { return sql_name(user) + '@' + sql_name(host); }
  friend bool operator==(const account_name&, const account_name&) = default;
};

/// `user@host`, or `user` for any host; the host follows the last @.
inline account_name account_of(std::string_view text) {
  account_name account;
  std::size_t at = text.rfind('@');
  account.user = text.substr(0, at);
  if (at != text.npos) account.host = text.substr(at + 1);
  return account;
}

}  // namespace tidewire::binlog
