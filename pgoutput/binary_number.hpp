// Numbers in binary form as the text that Postgres prints for them. Each reads its value from the cursor and
// appends the text; what it appended before it met an error is the caller's to drop.
#pragma once

#include <string>

#include "core/cursor.hpp"

namespace tidewire::pgoutput::binary {

/// Room for any float4 or float8: sign, 17 digits, point, exponent.
inline constexpr std::size_t max_float_chars = 32;

/// Writes the shortest digits that read back as `number` (what extra_float_digits > 0 gives since Postgres
/// 12) and returns their end. Needs max_float_chars.
char* put_float(char* out, double number);
char* put_float(char* out, float number);

void append_boolean(cursor& in, std::string& out);
void append_int2(cursor& in, std::string& out);
void append_int4(cursor& in, std::string& out);
void append_int8(cursor& in, std::string& out);
void append_uint4(cursor& in, std::string& out);
void append_uint8(cursor& in, std::string& out);
void append_float4(cursor& in, std::string& out);
void append_float8(cursor& in, std::string& out);
/// With lc_monetary=C.
void append_money(cursor& in, std::string& out);
/// Up to 131072 digits before and 16383 after the point, from as little as 8 bytes.
void append_numeric(cursor& in, std::string& out);

}  // namespace tidewire::pgoutput::binary
