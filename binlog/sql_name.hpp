// Names in the text of logged statements.
#pragma once

#include <string>
#include <string_view>

#include "binlog/query_kind.hpp"

namespace tidewire::binlog::detail {

/// Whether a character can be in a name without quotes.
inline bool is_name_character(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         c == '_' || c == '$';
}

/// Takes the name that `left` begins with, behind white space and comments. It comes without its quotes;
/// empty if there is none.
inline std::string take_identifier(std::string_view& left) {
  left = word_reader(left).rest();
  std::string name;
  if (left.starts_with('`') || left.starts_with('"')) {
    char quote = left[0];
    left.remove_prefix(1);
    while (!left.empty()) {
      char c = left[0];
      left.remove_prefix(1);
      if (c == quote) {
        if (!left.starts_with(quote)) break;
        left.remove_prefix(1);
      }
      name += c;
    }
    return name;
  }
  while (!left.empty() && is_name_character(left[0])) {
    name += left[0];
    left.remove_prefix(1);
  }
  return name;
}

}  // namespace tidewire::binlog::detail
