// Binary forms that are little more than their bytes: text, hex, bits, addresses, identifiers.
#pragma once

#include <string>

#include "core/cursor.hpp"

namespace tidewire::pgoutput::binary {

void append_text(cursor& in, std::string& out);
/// A version byte, which must be 1, and the text.
void append_versioned_text(cursor& in, std::string& out);
/// "char": 0 is an empty text, a byte over 127 a backslash and three octal digits, as since Postgres 15.
void append_character(cursor& in, std::string& out);
/// `\x` and lower-case hex.
void append_bytea(cursor& in, std::string& out);
void append_hex_text(cursor& in, std::string& out);
void append_uuid(cursor& in, std::string& out);
void append_bits(cursor& in, std::string& out);

void append_inet(cursor& in, std::string& out);
void append_cidr(cursor& in, std::string& out);
void append_macaddr(cursor& in, std::string& out);
void append_macaddr8(cursor& in, std::string& out);

/// With the second half unpadded, as up to Postgres 18.
void append_lsn(cursor& in, std::string& out);
void append_tid(cursor& in, std::string& out);
void append_snapshot(cursor& in, std::string& out);

}  // namespace tidewire::pgoutput::binary
