// A whole document, all levels, in one loop: no recursion, no allocation.
#pragma once

#include <array>

#include "mongo_wire/bson.hpp"
#include "mongo_wire/utf8.hpp"

namespace tidewire::mongo_wire {

/// Calls, in the order of the bytes,
///   visit.value(element, inside)   for what has no elements of its own,
///   visit.open(element, inside)    for a document, an array or a code_w_scope, before its elements,
///   visit.close(type)              after them, with what was opened;
/// `inside` is what the element is in. A call that returns false ends the walk; its reason is visit.error().
/// The outermost document itself, which may also be an array (`inside`), is not announced.
template <class Visitor>
decoded<void> walk_bson(bson_view document, Visitor& visit, std::uint32_t max_depth = default_max_depth,
                        bson_type inside = bson_type::document) {
  struct level {
    const std::uint8_t* end;
    bson_type type;
  };
  std::array<level, depth_ceiling> above;  // not initialised: only what is open is ever looked at
  if (document.size == 0) return {};
  if (max_depth > depth_ceiling) max_depth = depth_ceiling;
  std::uint32_t depth = 1;
  const std::uint8_t* const outer = document.outer;
  const std::uint32_t outer_size = document.outer_size;
  const std::uint8_t* at = outer + document.offset + 4;
  const std::uint8_t* end = outer + document.offset + document.size - 1;
  element_view element;  // filled anew each time
  for (;;) {
    if (at == end) {
      if (depth == 1) return {};
      if (!visit.close(inside)) [[unlikely]]
        return std::unexpected(visit.error());
      at = end + 1;
      --depth;
      end = above[depth - 1].end;
      inside = above[depth - 1].type;
      continue;
    }
    prefetch_ahead(at);
    const std::uint8_t* next = detail::read_element(outer, outer_size, at, end, element);
    if (!next) [[unlikely]]
      return std::unexpected(detail::element_error(outer, at, end));
    if (element.type == bson_type::document || element.type == bson_type::array ||
        element.type == bson_type::code_w_scope) {
      if (depth >= max_depth) [[unlikely]]
        return std::unexpected(decode_error{decode_errc::limit_exceeded, element.offset, "document depth"});
      if (!visit.open(element, inside)) [[unlikely]]
        return std::unexpected(visit.error());
      above[depth - 1] = {end, inside};
      ++depth;
      inside = element.type;
      end = next - 1;
      at = element.data() + 4;
      // A scope ends where its code_w_scope ends, and begins after the code.
      if (inside == bson_type::code_w_scope) [[unlikely]]
        at += 8 + load_le<std::uint32_t>(at);
      continue;
    }
    if (!visit.value(element, inside)) [[unlikely]]
      return std::unexpected(visit.error());
    at = next;
  }
}

namespace detail {

/// The text in [offset, offset + size) of the outermost document is not UTF-8: since where?
inline decode_error text_error(const element_view& in, std::size_t offset, std::size_t size,
                               const char* field) {
  return {decode_errc::bad_value, offset + utf8_prefix({in.outer + offset, size}), field};
}

class text_checker {
 public:
  bool value(const element_view& element, bson_type) {
    if (!check(element, element.name_offset(), element.name.size(), "element name")) [[unlikely]]
      return false;
    switch (element.type) {
      case bson_type::string:
      case bson_type::code:
      case bson_type::symbol: return check(element, element.offset + 4, element.size - 5, "string");
      // The zero between its two parts can't hide anything: it ends a character.
      case bson_type::regex: return check(element, element.offset, element.size, "regex");
      case bson_type::db_pointer:
        return check(element, element.offset + 4, element.size - 5 - object_id_bytes, "dbPointer");
      case bson_type::code_w_scope:
        return check(element, element.offset + 8, load_le<std::uint32_t>(element.data() + 4) - 1, "code");
      default: return true;
    }
  }
  bool open(const element_view& element, bson_type inside) { return value(element, inside); }
  bool close(bson_type) { return true; }
  const decode_error& error() const { return error_; }

 private:
  bool check(const element_view& in, std::size_t offset, std::size_t size, const char* field) {
    if (is_utf8(in.outer + offset, size, in.outer + in.outer_size)) [[likely]]
      return true;
    error_ = text_error(in, offset, size, field);
    return false;
  }

  decode_error error_;
};

struct nothing_to_do {
  bool value(const element_view&, bson_type) { return true; }
  bool open(const element_view&, bson_type) { return true; }
  bool close(bson_type) { return true; }
  decode_error error() const { return {}; }
};

}  // namespace detail

struct bson_limits {
  std::uint32_t max_depth = default_max_depth;
  bool utf8 = true;  // names and texts must be UTF-8
};

/// Every byte of a document: lengths, types, final zeroes, booleans, depth, UTF-8.
inline decoded<bson_view> validate_document(byte_view bytes, const bson_limits& limits = {}) {
  decoded<bson_view> document = decode_document(bytes);
  if (!document) return document;
  decoded<void> walked;
  if (limits.utf8) {
    detail::text_checker check;
    walked = walk_bson(*document, check, limits.max_depth);
  } else {
    detail::nothing_to_do skip;
    walked = walk_bson(*document, skip, limits.max_depth);
  }
  if (!walked) return std::unexpected(walked.error());
  return document;
}

}  // namespace tidewire::mongo_wire
