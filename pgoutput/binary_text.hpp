// A column value that the server sent in binary form (the `binary` option of pgoutput) as the text that it
// would have sent otherwise: that of the type's output function under datestyle=ISO, intervalstyle=postgres,
// bytea_output=hex, timezone=UTC, extra_float_digits=3 and lc_monetary=C, as Postgres 18 prints it.
//
// Older servers print a few values in another way: before 12 floating point with 17 digits, before 15 a
// "char" over 127 as that byte, before 17 the greatest and the least interval as a number of years.
#pragma once

#include <string>

#include "core/cursor.hpp"
#include "pgoutput/binary_form.hpp"

namespace tidewire::pgoutput {

/// A value's text may have this many bytes, and 16 more for each byte of its binary form; Postgres' own limit
/// is 1 GiB. Only values made to, such as an array of many numerics like 1e131071, come near.
inline constexpr std::size_t max_binary_text_bytes = std::size_t{64} << 20;

/// True: the text was appended. False: there is none for this type, or for a type within; `out` is unchanged,
/// and the bytes were not checked. `out` is unchanged on errors too, whose offset counts from the value's
/// begin.
decoded<bool> append_binary_text(std::uint32_t type_oid, byte_view binary, const type_lookup& types,
                                 std::string& out);

}  // namespace tidewire::pgoutput
