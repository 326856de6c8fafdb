// In which form a table's columns are copied so that each value's text is exactly the one that the stream
// gives: binary where tidewire makes the text itself, or where the bytes are the text; else as text made by
// the server.
#pragma once

#include <string>
#include <string_view>

#include "pgoutput/builtin_types.hpp"

namespace tidewire::pgoutput {

enum class copy_form : std::uint8_t {
  converted,  // binary, and the text is made here
  bytes,      // binary, and the bytes are the text
  text,       // the server makes the text
};

namespace detail {

/// Whether the text made here is the one of this server's own output function.
constexpr bool prints_alike(const builtin_type& type, int version) {
  using enum binary_form;
  switch (type.form) {
    case none:
    case composite:
    case domain: return false;
    // Before 12 with 17 digits instead of the shortest ones.
    case float4:
    case float8:
    case point:
    case line:
    case lseg:
    case box:
    case path:
    case polygon:
    case circle: return version >= 120'000;
    case character: return version >= 150'000;  // a byte over 127
    case interval: return version >= 170'000;   // infinity
    case lsn: return version < 190'000;         // leading zeros
    default: break;
  }
  // XML's binary form has an encoding declaration that its text has not.
  if (type.oid == 142) return false;
  if (type.element == 0) return true;
  const builtin_type* element = find_builtin_type(type.element);
  return element && prints_alike(*element, version);
}

}  // namespace detail

/// `kind` and `send` are pg_type's typtype and the name of typsend; `version` the server's (150018).
constexpr copy_form copy_form_of(std::uint32_t type, char kind, std::string_view send, int version) {
  if (const builtin_type* known = find_builtin_type(type)) {
    if (!detail::prints_alike(*known, version)) return copy_form::text;
    return known->form == binary_form::text ? copy_form::bytes : copy_form::converted;
  }
  // An enumeration's label; citext.
  if (kind == 'e' || (kind == 'b' && form_of_send_function(send) == binary_form::text))
    return copy_form::bytes;
  return copy_form::text;
}

/// What a select list has for a column, whose quoted name is given. format() calls the type's own output
/// function, as the stream does; a cast may print otherwise (boolean, char(n), inet) or be anybody's. A
/// composite of NULLs "is null", but not "not distinct from" it.
inline std::string copy_expression(std::string_view quoted, copy_form form) {
  std::string name(quoted);
  if (form != copy_form::text) return name;
  return "CASE WHEN " + name + " IS DISTINCT FROM NULL THEN pg_catalog.format('%s', " + name + ") END";
}

}  // namespace tidewire::pgoutput
