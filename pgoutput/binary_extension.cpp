#include "pgoutput/binary_extension.hpp"

#include <charconv>
#include <cmath>

#include "pgoutput/binary_number.hpp"

namespace tidewire::pgoutput::binary {

namespace {

constexpr std::uint32_t max_cube_dimensions = 100;

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

/// Text behind its length. Empty for -1, which is only legal where `null` can take it.
std::string_view read_text(cursor& in, const char* field, bool* null = nullptr) {
  std::size_t at = in.offset();
  auto length = in.be<std::int32_t>(field);
  if (null && length == -1) return *null = true, std::string_view{};
  if (length < 0) return in.fail_at(at, decode_errc::bad_length, field), std::string_view{};
  return in.text(static_cast<std::size_t>(length), field);
}

double cube_coordinate(byte_view coordinates, std::size_t i) {
  return std::bit_cast<double>(load_be<std::uint64_t>(coordinates.data() + 8 * i));
}

void append_corner(std::string& out, byte_view coordinates) {
  cursor in(coordinates);
  out.push_back('(');
  for (std::size_t i = 0; in.remaining() != 0; ++i) {
    if (i != 0) out.append(", ");
    append_float8(in, out);
  }
  out.push_back(')');
}

/// The header that vector and halfvec share: how many elements follow, of `size` bytes each.
std::size_t read_dimensions(cursor& in, std::size_t size) {
  std::size_t count = in.be<std::uint16_t>("vector dimensions");
  in.be<std::uint16_t>("vector reserved");
  if (in.ok() && in.remaining() < count * size) in.fail(decode_errc::truncated, "vector element");
  return in.ok() ? count : 0;
}

float half_to_float(std::uint16_t half) {
  int exponent = half >> 10 & 31;
  auto fraction = static_cast<float>(half & 1023);
  float size = exponent == 0    ? std::ldexp(fraction, -24)
               : exponent != 31 ? std::ldexp(fraction + 1024, exponent - 25)
               : fraction == 0  ? std::numeric_limits<float>::infinity()
                                : std::numeric_limits<float>::quiet_NaN();
  return half >> 15 ? -size : size;
}

}  // namespace

void append_hstore(cursor& in, std::string& out) {
  std::size_t at = in.offset();
  auto count = in.be<std::int32_t>("hstore pair count");
  if (count < 0) return in.fail_at(at, decode_errc::bad_length, "hstore pair count");
  for (std::int32_t i = 0; i < count && in.ok(); ++i) {
    if (i != 0) out.append(", ");
    append_quoted(out, read_text(in, "hstore key"));
    out.append("=>");
    bool null = false;
    std::string_view text = read_text(in, "hstore value", &null);
    if (null)
      out.append("NULL");
    else
      append_quoted(out, text);
  }
}

void append_cube(cursor& in, std::string& out) {
  std::size_t at = in.offset();
  auto header = in.be<std::uint32_t>("cube header");
  std::size_t dimensions = header & 0x7fffffff;
  if (dimensions > max_cube_dimensions) return in.fail_at(at, decode_errc::bad_length, "cube header");
  byte_view low = in.bytes(8 * dimensions, "cube coordinates");
  bool point = header >> 31;
  byte_view high = point ? low : in.bytes(8 * dimensions, "cube coordinates");
  if (!in.ok()) return;
  append_corner(out, low);
  for (std::size_t i = 0; i < dimensions && !point; ++i) {
    if (cube_coordinate(low, i) == cube_coordinate(high, i)) continue;
    out.push_back(',');
    return append_corner(out, high);
  }
}

void append_vector(cursor& in, std::string& out) {
  std::size_t count = read_dimensions(in, 4);
  out.push_back('[');
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) out.push_back(',');
    append_float4(in, out);
  }
  out.push_back(']');
}

void append_halfvec(cursor& in, std::string& out) {
  std::size_t count = read_dimensions(in, 2);
  out.push_back('[');
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) out.push_back(',');
    char text[max_float_chars];
    out.append(text, put_float(text, half_to_float(in.be<std::uint16_t>("halfvec element"))));
  }
  out.push_back(']');
}

void append_sparsevec(cursor& in, std::string& out) {
  auto dimensions = in.be<std::int32_t>("sparsevec dimensions");
  std::size_t at = in.offset();
  auto count = in.be<std::int32_t>("sparsevec count");
  if (count < 0) return in.fail_at(at, decode_errc::bad_length, "sparsevec count");
  in.be<std::int32_t>("sparsevec reserved");
  byte_view indices = in.bytes(4 * static_cast<std::size_t>(count), "sparsevec indices");
  byte_view values = in.bytes(4 * static_cast<std::size_t>(count), "sparsevec values");
  if (!in.ok()) return;
  cursor places(indices), numbers(values);
  auto append_number = [&](std::int64_t number) {
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  };
  out.push_back('{');
  for (std::int32_t i = 0; i < count; ++i) {
    if (i != 0) out.push_back(',');
    append_number(std::int64_t{places.be<std::int32_t>("sparsevec indices")} + 1);  // the text counts from 1
    out.push_back(':');
    append_float4(numbers, out);
  }
  out.append("}/");
  append_number(dimensions);
}

}  // namespace tidewire::pgoutput::binary
