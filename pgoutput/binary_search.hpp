// Text search types in binary form as text.
#pragma once

#include <string>

#include "core/cursor.hpp"

namespace tidewire::pgoutput::binary {

/// Operators nested more deeply than this, to the right or by negation, are limit_exceeded. A chain a & b & c
/// … may be of any length.
inline constexpr int max_tsquery_depth = 1000;

void append_tsvector(cursor& in, std::string& out);
void append_tsquery(cursor& in, std::string& out);

}  // namespace tidewire::pgoutput::binary
