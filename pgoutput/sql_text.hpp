// Names and texts in SQL that people will read, copy and run: control characters are written as escapes, so
// that a statement is one line and nothing in it steers a terminal.
#pragma once

#include <string>
#include <string_view>

#include "wire/quote.hpp"

namespace tidewire::pgoutput {

namespace detail {

inline bool has_control(std::string_view text) {
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  return false;
}

/// The inside of a U&"…" or U&'…'.
inline std::string unicode_escaped(std::string_view text, char quote) {
  constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == quote)
      out.append(2, c);
    else if (byte < 0x20 || byte == 0x7f)
      out += {'\\', '0', '0', hex[byte >> 4], hex[byte & 15]};
    else
      out += c;
  }
  return out;
}

}  // namespace detail

/// "name", or U&"…" where it holds control characters.
inline std::string sql_name(std::string_view name) {
  if (!detail::has_control(name)) return wire::quote_identifier(name);
  return "U&\"" + detail::unicode_escaped(name, '"') + '"';
}

/// "schema"."name".
inline std::string sql_name(std::string_view schema, std::string_view name) {
  return sql_name(schema) + '.' + sql_name(name);
}

/// 'text', or U&'…'. Under standard_conforming_strings, which our sessions pin.
inline std::string sql_text(std::string_view text) {
  if (!detail::has_control(text)) return wire::quote_literal(text);
  return "U&'" + detail::unicode_escaped(text, '\'') + '\'';
}

}  // namespace tidewire::pgoutput
