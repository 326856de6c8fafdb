#include "pgoutput/binary_composite.hpp"

#include <algorithm>
#include <charconv>

#include "pgoutput/binary_scalar.hpp"
#include "pgoutput/builtin_types.hpp"

namespace tidewire::pgoutput::binary {

namespace {

constexpr int max_depth = 32;
constexpr int max_dimensions = 6;
/// More fields than a row can have (MaxTupleAttributeNumber).
constexpr std::int32_t max_fields = 1664;

/// Which texts have to be quoted where, by their characters.
enum quoting : std::uint8_t { in_array = 1, in_composite = 2, in_range = 4, special = 8 };

constexpr auto quoted_characters = [] {
  std::array<std::uint8_t, 256> table{};
  auto mark = [&](std::string_view characters, int where) {
    for (char c : characters)
      table[static_cast<unsigned char>(c)] =
          static_cast<std::uint8_t>(table[static_cast<unsigned char>(c)] | where);
  };
  mark("\"\\", in_array | in_composite | in_range | special);
  mark(" \t\n\v\f\r", in_array | in_composite | in_range);
  mark("{}", in_array);
  mark("(),", in_composite);
  mark("()[],", in_range);
  return table;
}();

bool has_any(std::string_view text, std::uint8_t which) {
  return std::ranges::any_of(
      text, [&](char c) { return (quoted_characters[static_cast<unsigned char>(c)] & which) != 0; });
}

bool is_null_word(std::string_view text) {
  constexpr std::string_view word = "null";
  return std::ranges::equal(text, word, [](char a, char b) { return (a | 0x20) == b; });
}

void append_number(std::string& out, std::int64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

/// A count that `in` was read from at `at`; `least` is what each counted thing takes at least.
std::size_t checked_count(cursor& in, std::size_t at, std::int32_t count, std::size_t least,
                          const char* field) {
  if (count < 0) return in.fail_at(at, decode_errc::bad_length, field), 0;
  if (static_cast<std::size_t>(count) > in.remaining() / least)
    return in.fail(decode_errc::truncated, field), 0;
  return static_cast<std::size_t>(count);
}

/// An array's shape: what its binary form says before the elements.
struct array_shape {
  std::uint32_t element = 0;
  int dimensions = 0;
  std::int32_t sizes[max_dimensions];
  std::int32_t lower_bounds[max_dimensions];
  /// How many elements a step in each dimension passes over; strides[0] is that of the whole array.
  std::size_t strides[max_dimensions];
  std::size_t count = 0;

  bool plain_bounds() const {
    return std::all_of(lower_bounds, lower_bounds + dimensions,
                       [](std::int32_t bound) { return bound == 1; });
  }
  /// How many braces open before element i, or close after element i - 1.
  int braces(std::size_t i) const {
    int found = 0;
    for (int d = dimensions - 1; d >= 0 && i % strides[d] == 0; --d) ++found;
    return found;
  }
};

array_shape read_shape(cursor& in) {
  array_shape shape;
  std::size_t at = in.offset();
  auto dimensions = in.be<std::int32_t>("array dimensions");
  if (dimensions < 0 || dimensions > max_dimensions)
    return in.fail_at(at, decode_errc::bad_length, "array dimensions"), shape;
  at = in.offset();
  auto flags = in.be<std::uint32_t>("array flags");
  if (flags > 1) return in.fail_at(at, decode_errc::bad_value, "array flags"), shape;
  shape.element = in.be<std::uint32_t>("array element type");
  shape.dimensions = dimensions;
  bool empty = dimensions == 0;
  for (int d = 0; d < dimensions; ++d) {
    at = in.offset();
    shape.sizes[d] = in.be<std::int32_t>("array dimension");
    shape.lower_bounds[d] = in.be<std::int32_t>("array lower bound");
    if (shape.sizes[d] < 0) in.fail_at(at, decode_errc::bad_length, "array dimension");
    if (shape.sizes[d] == 0) empty = true;
  }
  if (!in.ok() || empty) return shape;
  std::size_t most = in.remaining() / 4;  // each element has at least its length
  std::size_t count = 1;
  for (int d = dimensions - 1; d >= 0; --d) {
    auto size = static_cast<std::size_t>(shape.sizes[d]);
    if (size > most / count) return in.fail(decode_errc::truncated, "array elements"), shape;
    count *= size;
    shape.strides[d] = count;
  }
  shape.count = count;
  return shape;
}

}  // namespace

type_info writer::find(std::uint32_t oid) const {
  if (const builtin_type* type = find_builtin_type(oid)) return {type->form, type->element, type->delimiter};
  return types_.find(oid).value_or(type_info{});
}

bool writer::value(cursor& in, std::uint32_t oid) {
  type_info type = find(oid);
  for (int i = 0; type.form == binary_form::domain; ++i) {
    if (i == max_depth) return false;  // a circle
    type = find(type.element);
  }
  if (scalar_writer append = scalar_writer_of(type.form)) {
    append(in, out_);
    return true;
  }
  return composed(in, type);
}

bool writer::composed(cursor& in, const type_info& type) {
  if (depth_ == max_depth) return in.fail(decode_errc::limit_exceeded, "depth of values"), true;
  ++depth_;
  bool known = false;
  switch (type.form) {
    case binary_form::array: known = array(in, false); break;
    case binary_form::plain_array: known = array(in, true); break;
    case binary_form::range: known = range(in, type.element); break;
    case binary_form::multirange: known = multirange(in, type.element); break;
    case binary_form::composite: known = composite(in); break;
    default: break;
  }
  --depth_;
  return known;
}

/// A value of `length` bytes within another.
bool writer::part(cursor& in, std::int32_t length, std::uint32_t oid, const char* field) {
  std::size_t at = in.offset();
  if (length < 0) return in.fail_at(at - 4, decode_errc::bad_length, field), true;
  cursor inner(in.bytes(static_cast<std::size_t>(length), field));
  if (!in.ok()) return true;
  if (!value(inner, oid)) return false;
  if (auto done = inner.finish(true); !done) {
    in.fail_at(at + done.error().offset, done.error().code, done.error().field);
  } else if (out_.size() > max_size_) {
    in.fail_at(at, decode_errc::limit_exceeded, "size of text");
  }
  return true;
}

/// Puts what was written from `from` on into quotes, without a copy of it: `"` and `\` are doubled, or have a
/// backslash put before them.
void writer::quote(cursor& in, std::size_t from, bool double_specials) {
  auto specials = static_cast<std::size_t>(std::count_if(
      out_.begin() + static_cast<std::ptrdiff_t>(from), out_.end(),
      [](char c) { return (quoted_characters[static_cast<unsigned char>(c)] & special) != 0; }));
  std::size_t before = out_.size();
  std::size_t after = before + specials + 2;
  if (after > max_size_) return in.fail(decode_errc::limit_exceeded, "size of text");
  out_.resize(after);
  char* begin = out_.data() + from;
  const char* read = out_.data() + before;
  char* write = out_.data() + after;
  *--write = '"';
  while (read != begin) {
    char c = *--read;
    *--write = c;
    if (quoted_characters[static_cast<unsigned char>(c)] & special) *--write = double_specials ? c : '\\';
  }
  *--write = '"';
}

bool writer::array(cursor& in, bool plain) {
  array_shape shape = read_shape(in);
  if (!in.ok()) return true;
  if (shape.count == 0) {
    if (!plain) out_.append("{}");
    return true;
  }
  type_info element = find(shape.element);
  if (element.form == binary_form::none) return false;
  if (!plain && !shape.plain_bounds()) {
    for (int d = 0; d < shape.dimensions; ++d) {
      out_.push_back('[');
      append_number(out_, shape.lower_bounds[d]);
      out_.push_back(':');
      append_number(out_, std::int64_t{shape.lower_bounds[d]} + shape.sizes[d] - 1);
      out_.push_back(']');
    }
    out_.push_back('=');
  }
  for (std::size_t i = 0; i < shape.count; ++i) {
    if (plain) {
      if (i != 0) out_.push_back(' ');
    } else {
      auto braces = static_cast<std::size_t>(shape.braces(i));
      if (i != 0) out_.append(braces, '}').push_back(element.delimiter);
      out_.append(braces, '{');
    }
    std::size_t at = in.offset();
    auto length = in.be<std::int32_t>("array element length");
    if (length == -1) {
      if (plain) return in.fail_at(at, decode_errc::bad_value, "array element length"), true;
      out_.append("NULL");
      continue;
    }
    std::size_t from = out_.size();
    if (!part(in, length, shape.element, "array element")) return false;
    if (!in.ok()) return true;
    std::string_view text = std::string_view(out_).substr(from);
    if (!plain &&
        (text.empty() || has_any(text, in_array) || text.contains(element.delimiter) || is_null_word(text)))
      quote(in, from, false);
    if (!in.ok()) return true;
  }
  if (!plain) out_.append(static_cast<std::size_t>(shape.dimensions), '}');
  return true;
}

bool writer::bound(cursor& in, std::uint32_t subtype, const char* field) {
  auto length = in.be<std::int32_t>(field);
  if (!in.ok()) return true;
  std::size_t from = out_.size();
  if (!part(in, length, subtype, field)) return false;
  if (!in.ok()) return true;
  std::string_view text = std::string_view(out_).substr(from);
  if (text.empty() || has_any(text, in_range)) quote(in, from, true);
  return true;
}

bool writer::range(cursor& in, std::uint32_t subtype) {
  if (find(subtype).form == binary_form::none) return false;
  enum : std::uint8_t { empty = 1, includes_lower = 2, includes_upper = 4, no_lower = 8, no_upper = 16 };
  std::uint8_t flags = in.u8("range flags");
  if (flags & empty) return out_.append("empty"), true;
  out_.push_back(flags & includes_lower ? '[' : '(');
  if (!(flags & no_lower) && !bound(in, subtype, "range lower bound")) return false;
  out_.push_back(',');
  if (!(flags & no_upper) && !bound(in, subtype, "range upper bound")) return false;
  out_.push_back(flags & includes_upper ? ']' : ')');
  return true;
}

bool writer::multirange(cursor& in, std::uint32_t range_type) {
  std::size_t at = in.offset();
  std::size_t count = checked_count(in, at, in.be<std::int32_t>("multirange count"), 5, "multirange count");
  out_.push_back('{');
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    if (i != 0) out_.push_back(',');
    auto length = in.be<std::int32_t>("range length");
    if (in.ok() && !part(in, length, range_type, "range")) return false;
  }
  out_.push_back('}');
  return true;
}

bool writer::composite(cursor& in) {
  std::size_t at = in.offset();
  auto fields = in.be<std::int32_t>("field count");
  if (fields > max_fields) return in.fail_at(at, decode_errc::bad_length, "field count"), true;
  std::size_t count = checked_count(in, at, fields, 8, "field count");
  out_.push_back('(');
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    if (i != 0) out_.push_back(',');
    auto oid = in.be<std::uint32_t>("field type");
    auto length = in.be<std::int32_t>("field length");
    if (!in.ok() || length == -1) continue;
    std::size_t from = out_.size();
    if (!part(in, length, oid, "field")) return false;
    if (!in.ok()) return true;
    std::string_view text = std::string_view(out_).substr(from);
    if (text.empty() || has_any(text, in_composite)) quote(in, from, true);
  }
  out_.push_back(')');
  return true;
}

}  // namespace tidewire::pgoutput::binary
