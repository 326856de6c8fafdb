// MySQL's binary JSON (the content of JSON columns), and its text exactly as the server itself prints it.
#pragma once

#include "binlog/lenenc.hpp"
#include "binlog/text_buffer.hpp"

namespace tidewire::binlog {

/// The server's own limit of nesting.
inline constexpr std::size_t max_json_depth = 100;

/// Appends the document's text: members by length of name, then by name; `, ` and `: ` between them. Values
/// that JSON does not have become what the server makes of them: decimals are numbers, dates and times
/// strings, all else "base64:type15:…". An empty document, which INSERT IGNORE can store, is null. Offsets of
/// errors count from the document's start; on an error `out` holds a part of the text.
///
/// No document of a server grows more than eightfold; one that does (because its parts overlap) is
/// limit_exceeded, so that a few bytes can't expand without end.
decoded<void> put_json(text_buffer& out, byte_view document);

namespace detail {

enum class json_type : std::uint8_t {
  small_object = 0,
  large_object = 1,
  small_array = 2,
  large_array = 3,
  literal = 4,
  int16 = 5,
  uint16 = 6,
  int32 = 7,
  uint32 = 8,
  int64 = 9,
  uint64 = 10,
  float64 = 11,
  string = 12,
  opaque = 15,
};

/// A value inside a document: its type, and everything from its first byte on that it may reach.
struct json_ref {
  json_type type = json_type::literal;
  byte_view bytes;

  bool is_container() const { return type <= json_type::large_array; }
};

/// An array or object. Members and elements are looked up by number.
struct json_container {
  byte_view bytes;  // of exactly its size
  std::uint32_t count = 0;
  bool object = false;
  bool large = false;

  std::size_t offset_bytes() const { return large ? 4 : 2; }
  std::size_t key_entries() const { return 2 * offset_bytes(); }
  std::size_t value_entries() const { return key_entries() + (object ? count * (offset_bytes() + 2) : 0); }
  std::uint32_t offset_at(std::size_t at) const {
    return large ? load_le<std::uint32_t>(bytes.data() + at) : load_le<std::uint16_t>(bytes.data() + at);
  }
};

/// These tell what is wrong by returning false with `error` filled; its offset counts from `origin`.
bool open_json(const json_ref& value, json_container& container, const std::uint8_t* origin,
               decode_error& error);
bool json_key(const json_container& of, std::uint32_t index, std::string_view& key,
              const std::uint8_t* origin, decode_error& error);
bool json_element(const json_container& of, std::uint32_t index, json_ref& element,
                  const std::uint8_t* origin, decode_error& error);

/// The root of a document; an empty one is null.
json_ref json_root(byte_view document);

/// Appends a value that stands `depth` containers deep. `out` may grow up to `most` bytes.
bool put_json_value(text_buffer& out, const json_ref& value, std::size_t depth, std::size_t most,
                    const std::uint8_t* origin, decode_error& error);

/// In quotes, escaped as the server does.
void put_json_string(text_buffer& out, std::string_view text);

/// How long the text of so many bytes of documents may become.
constexpr std::size_t most_json_text(std::size_t document_bytes) {
  return document_bytes * 8 + 256;
}

}  // namespace detail
}  // namespace tidewire::binlog
