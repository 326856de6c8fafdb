// Why an element is not well formed: asked only after the fast reading (bson.hpp) has refused it.
#pragma once

#include <array>

#include "core/cursor.hpp"
#include "mongo_wire/bson_type.hpp"

namespace tidewire::mongo_wire::detail {

inline constexpr std::uint8_t size_of_bool = 0xfb, size_of_text = 0xfc, size_of_document = 0xfd,
                              size_varies = 0xfe, no_type = 0xff;

/// Size of a value by its type; or what tells its size. Those that are common have a number of their own.
inline constexpr auto value_sizes = [] {
  std::array<std::uint8_t, 256> sizes{};
  for (std::size_t i = 0; i < 256; ++i) {
    auto type = static_cast<bson_type>(i);
    sizes[i] = name_of(type) ? size_varies : no_type;
    switch (type) {
      case bson_type::undefined:
      case bson_type::null:
      case bson_type::max_key:
      case bson_type::min_key: sizes[i] = 0; break;
      case bson_type::boolean: sizes[i] = size_of_bool; break;
      case bson_type::string:
      case bson_type::code:
      case bson_type::symbol: sizes[i] = size_of_text; break;
      case bson_type::document:
      case bson_type::array: sizes[i] = size_of_document; break;
      case bson_type::int32: sizes[i] = 4; break;
      case bson_type::float64:
      case bson_type::date_time:
      case bson_type::timestamp:
      case bson_type::int64: sizes[i] = 8; break;
      case bson_type::object_id: sizes[i] = object_id_bytes; break;
      case bson_type::decimal128: sizes[i] = decimal128_bytes; break;
      default: break;
    }
  }
  return sizes;
}();

class fault_finder {
 public:
  /// Bytes up to the zero that ends the document; the element in question begins at `offset`.
  fault_finder(byte_view bytes, std::size_t offset) : in_(bytes) { in_.bytes(offset, "element"); }

  decode_error element() {
    std::size_t type_at = in_.offset();
    std::uint8_t byte = in_.u8("element type");
    auto type = static_cast<bson_type>(byte);
    if (value_sizes[byte] == no_type) in_.fail_at(type_at, decode_errc::unknown_tag, "element type");
    in_.cstring("element name");
    if (value_sizes[byte] == size_of_bool)
      fixed(type, 1);
    else if (value_sizes[byte] < size_of_bool)
      fixed(type, value_sizes[byte]);
    else
      varying(type);
    return in_.error();
  }

 private:
  void fixed(bson_type type, std::size_t size) {
    std::size_t at = in_.offset();
    byte_view value = in_.bytes(size, name_of(type));
    if (in_.ok() && type == bson_type::boolean && value[0] > 1)
      in_.fail_at(at, decode_errc::bad_value, "bool");
  }

  void varying(bson_type type) {
    switch (type) {
      case bson_type::string:
      case bson_type::code:
      case bson_type::symbol: return text("string length", "string end");
      case bson_type::document:
      case bson_type::array: return document();
      case bson_type::binary: return binary();
      case bson_type::regex: in_.cstring("regex pattern"), in_.cstring("regex options"); return;
      case bson_type::db_pointer:
        text("dbPointer length", "dbPointer end");
        in_.bytes(object_id_bytes, "dbPointer id");
        return;
      case bson_type::code_w_scope: return code_w_scope();
      default: return in_.fail(decode_errc::unknown_tag, "element type");
    }
  }

  /// A length that must be within [least, what is left].
  std::size_t length(const char* field, std::size_t least, std::size_t reserve = 0) {
    std::size_t at = in_.offset();
    auto length = in_.le<std::uint32_t>(field);
    if (in_.ok() && (length < least || in_.remaining() < reserve || length > in_.remaining() - reserve))
      in_.fail_at(at, decode_errc::bad_length, field);
    return in_.ok() ? length : 0;
  }

  void text(const char* length_field, const char* end_field) {
    std::size_t size = length(length_field, 1);
    byte_view text = in_.bytes(size, length_field);
    if (in_.ok() && text.back() != 0)
      in_.fail_at(in_.offset() - 1, decode_errc::unterminated_string, end_field);
  }

  void document() {
    std::size_t at = in_.offset();
    auto size = in_.le<std::uint32_t>("document length");
    if (in_.ok() && (size < 5 || size - 4 > in_.remaining()))
      in_.fail_at(at, decode_errc::bad_length, "document length");
    byte_view rest = in_.bytes(in_.ok() ? size - 4 : 0, "document");
    if (in_.ok() && rest.back() != 0) in_.fail_at(in_.offset() - 1, decode_errc::bad_value, "document end");
  }

  void binary() {
    std::size_t size = length("binary length", 0, 1);
    std::uint8_t subtype = in_.u8("binary subtype");
    if (subtype != binary_old) {
      in_.bytes(size, "binary");
      return;
    }
    std::size_t at = in_.offset();
    auto inner = in_.le<std::uint32_t>("old binary length");
    if (in_.ok() && (size < 4 || inner != size - 4))
      in_.fail_at(at, decode_errc::bad_length, "old binary length");
    in_.bytes(inner, "binary");
  }

  void code_w_scope() {
    std::size_t at = in_.offset();
    auto total = in_.le<std::uint32_t>("code with scope length");
    if (in_.ok() && (total < 14 || total - 4 > in_.remaining()))
      in_.fail_at(at, decode_errc::bad_length, "code with scope length");
    text("code length", "code end");
    document();
    if (in_.ok() && in_.offset() != at + total)
      in_.fail_at(at, decode_errc::bad_length, "code with scope length");
  }

  cursor in_;
};

/// What is wrong with the element at `at`, which read_element did not take.
[[gnu::noinline, gnu::cold]] inline decode_error element_error(const std::uint8_t* outer,
                                                               const std::uint8_t* at,
                                                               const std::uint8_t* end) {
  return fault_finder({outer, static_cast<std::size_t>(end - outer)}, static_cast<std::size_t>(at - outer))
      .element();
}

}  // namespace tidewire::mongo_wire::detail
