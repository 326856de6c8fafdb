#include "pgoutput/binary_geometry.hpp"

#include "pgoutput/binary_number.hpp"

namespace tidewire::pgoutput::binary {

namespace {

/// (x,y),(x,y)…
void append_points(cursor& in, std::string& out, std::size_t count) {
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    if (i != 0) out.push_back(',');
    append_point(in, out);
  }
}

/// How many points follow, at least one.
std::size_t read_count(cursor& in) {
  std::size_t at = in.offset();
  auto count = in.be<std::int32_t>("point count");
  if (count <= 0) return in.fail_at(at, decode_errc::bad_length, "point count"), 0;
  if (static_cast<std::size_t>(count) > in.remaining() / 16)
    return in.fail(decode_errc::truncated, "points"), 0;
  return static_cast<std::size_t>(count);
}

}  // namespace

void append_point(cursor& in, std::string& out) {
  out.push_back('(');
  append_float8(in, out);
  out.push_back(',');
  append_float8(in, out);
  out.push_back(')');
}

void append_line(cursor& in, std::string& out) {
  out.push_back('{');
  append_float8(in, out);
  out.push_back(',');
  append_float8(in, out);
  out.push_back(',');
  append_float8(in, out);
  out.push_back('}');
}

void append_lseg(cursor& in, std::string& out) {
  out.push_back('[');
  append_points(in, out, 2);
  out.push_back(']');
}

void append_box(cursor& in, std::string& out) {
  append_points(in, out, 2);
}

void append_path(cursor& in, std::string& out) {
  std::size_t at = in.offset();
  std::uint8_t closed = in.u8("path closed");
  if (closed > 1) in.fail_at(at, decode_errc::bad_value, "path closed");
  std::size_t count = read_count(in);
  out.push_back(closed ? '(' : '[');
  append_points(in, out, count);
  out.push_back(closed ? ')' : ']');
}

void append_polygon(cursor& in, std::string& out) {
  std::size_t count = read_count(in);
  out.push_back('(');
  append_points(in, out, count);
  out.push_back(')');
}

void append_circle(cursor& in, std::string& out) {
  out.push_back('<');
  append_point(in, out);
  out.push_back(',');
  append_float8(in, out);
  out.push_back('>');
}

}  // namespace tidewire::pgoutput::binary
