// Types of well-known extensions in binary form as text.
#pragma once

#include <string>

#include "core/cursor.hpp"

namespace tidewire::pgoutput::binary {

void append_hstore(cursor& in, std::string& out);
void append_cube(cursor& in, std::string& out);
void append_vector(cursor& in, std::string& out);
void append_halfvec(cursor& in, std::string& out);
void append_sparsevec(cursor& in, std::string& out);

}  // namespace tidewire::pgoutput::binary
