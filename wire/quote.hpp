// Names and texts inside SQL and replication commands.
#pragma once

#include <string>
#include <string_view>

namespace tidewire::wire {

/// "name", with quotes doubled.
inline std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

/// 'text', with quotes doubled: for replication commands, and for SQL under standard_conforming_strings,
/// which our sessions pin.
inline std::string quote_literal(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + '\'';
}

}  // namespace tidewire::wire
