// Geometric types in binary form as text.
#pragma once

#include <string>

#include "core/cursor.hpp"

namespace tidewire::pgoutput::binary {

void append_point(cursor& in, std::string& out);
void append_line(cursor& in, std::string& out);
void append_lseg(cursor& in, std::string& out);
void append_box(cursor& in, std::string& out);
void append_path(cursor& in, std::string& out);
void append_polygon(cursor& in, std::string& out);
void append_circle(cursor& in, std::string& out);

}  // namespace tidewire::pgoutput::binary
