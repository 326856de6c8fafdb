// Writes BSON documents at the end of a byte vector.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "core/encoder.hpp"
#include "mongo_wire/bson.hpp"
#include "mongo_wire/bson_vector.hpp"
#include "mongo_wire/decimal128.hpp"

namespace tidewire::mongo_wire {

/// As an element's name in an array: its index there.
inline constexpr std::string_view item{};

/// One document, opened by the constructor and closed by finish(). The first error (a NUL in a name, too
/// deep, too large, close() without open) sticks; finish() tells it.
class bson_writer {
 public:
  explicit bson_writer(std::vector<std::uint8_t>& out, std::uint32_t max_depth = default_max_depth)
      : out_(out), to_(out), begin_(out.size()), max_depth_(std::min(max_depth, default_max_depth)) {
    open_level(false);
  }
  bson_writer(const bson_writer&) = delete;
  bson_writer& operator=(const bson_writer&) = delete;

  void put_double(std::string_view name, double number) {
    head(bson_type::float64, name);
    to_.le(std::bit_cast<std::uint64_t>(number));
  }
  void put_string(std::string_view name, std::string_view text) { put_text(bson_type::string, name, text); }
  void put_symbol(std::string_view name, std::string_view text) { put_text(bson_type::symbol, name, text); }
  void put_code(std::string_view name, std::string_view text) { put_text(bson_type::code, name, text); }
  void put_undefined(std::string_view name) { head(bson_type::undefined, name); }
  void put_null(std::string_view name) { head(bson_type::null, name); }
  void put_min_key(std::string_view name) { head(bson_type::min_key, name); }
  void put_max_key(std::string_view name) { head(bson_type::max_key, name); }
  void put_bool(std::string_view name, bool truth) {
    head(bson_type::boolean, name);
    to_.u8(truth);
  }
  void put_int32(std::string_view name, std::int32_t number) {
    head(bson_type::int32, name);
    to_.le(number);
  }
  void put_int64(std::string_view name, std::int64_t number) {
    head(bson_type::int64, name);
    to_.le(number);
  }
  /// Milliseconds since 1970.
  void put_date_time(std::string_view name, std::int64_t ms) {
    head(bson_type::date_time, name);
    to_.le(ms);
  }
  void put_timestamp(std::string_view name, bson_timestamp at) {
    head(bson_type::timestamp, name);
    to_.le(at.increment);
    to_.le(at.time);
  }
  void put_decimal128(std::string_view name, decimal128 number) {
    head(bson_type::decimal128, name);
    to_.le(number.low);
    to_.le(number.high);
  }
  void put_object_id(std::string_view name, byte_view id) {
    head(bson_type::object_id, name);
    fixed(id, object_id_bytes, "objectId");
  }

  void put_binary(std::string_view name, binary_view of) {
    head(bson_type::binary, name);
    bool old = of.subtype == binary_old;
    length(of.data.size() + (old ? 4 : 0));
    to_.u8(of.subtype);
    if (old) length(of.data.size());
    to_.bytes(of.data);
  }
  /// bad_value for a vector that is not valid (bson_vector.hpp).
  void put_vector(std::string_view name, const vector_view& of) {
    if (!is_valid(of)) to_.fail(decode_errc::bad_value, "vector");
    head(bson_type::binary, name);
    length(of.data.size() + 2);
    to_.u8(binary_vector);
    to_.u8(static_cast<std::uint8_t>(of.type));
    to_.u8(of.padding);
    to_.bytes(of.data);
  }

  /// The specification wants the options in alphabetical order; that is the caller's to see to.
  void put_regex(std::string_view name, regex_view of) {
    head(bson_type::regex, name);
    to_.cstring(of.pattern, "regex pattern");
    to_.cstring(of.options, "regex options");
  }
  void put_db_pointer(std::string_view name, db_pointer_view of) {
    head(bson_type::db_pointer, name);
    text(of.ns);
    fixed(of.id, object_id_bytes, "dbPointer id");
  }

  /// Until close(), what is put goes into the new document or array.
  void open_document(std::string_view name) {
    head(bson_type::document, name);
    open_level(false);
  }
  void open_array(std::string_view name) {
    head(bson_type::array, name);
    open_level(true);
  }
  /// What is put until close() goes into the scope.
  void open_code_w_scope(std::string_view name, std::string_view code) {
    head(bson_type::code_w_scope, name);
    std::size_t total = out_.size();
    to_.le(std::uint32_t{0});
    text(code);
    open_level(false);
    if (depth_ != 0) levels_[depth_ - 1].code_bytes = static_cast<std::uint32_t>(out_.size() - 4 - total);
  }
  void close() {
    if (depth_ <= 1) return to_.fail(decode_errc::bad_state, "document end");
    close_level();
  }

  /// A whole document, an array or any other value as it is.
  void put_document(std::string_view name, byte_view document) {
    put_raw(bson_type::document, name, document);
  }
  void put_element(std::string_view name, const element_view& of) { put_raw(of.type, name, of.value()); }
  /// `value` is taken for well formed.
  void put_raw(bson_type type, std::string_view name, byte_view value) {
    head(type, name);
    to_.bytes(value);
  }

  /// Closes the outermost document; the size of it. Everything opened must have been closed.
  decoded<std::size_t> finish() {
    if (depth_ != 1) to_.fail(decode_errc::bad_state, "document end");
    while (depth_ != 0) close_level();
    if (!to_.ok()) return std::unexpected(to_.error());
    return out_.size() - begin_;
  }

  bool ok() const { return to_.ok(); }
  const decode_error& error() const { return to_.error(); }

 private:
  struct level {
    std::uint32_t at = 0;          // of the length field, from begin_
    std::uint32_t next_index = 0;  // of an array
    std::uint32_t code_bytes = 0;  // of a scope: how far before it its code_w_scope begins
    bool array = false;
  };

  void head(bson_type type, std::string_view name) {
    to_.u8(static_cast<std::uint8_t>(type));
    if (name.data() == nullptr && depth_ != 0 && levels_[depth_ - 1].array) {
      char digits[10];
      auto end = std::to_chars(digits, digits + sizeof digits, levels_[depth_ - 1].next_index++).ptr;
      to_.text({digits, static_cast<std::size_t>(end - digits)});
      to_.u8(0);
    } else {
      to_.cstring(name, "element name");
    }
  }

  void length(std::size_t size) {
    if (size > max_document_bytes) to_.fail(decode_errc::limit_exceeded, "length");
    to_.le(static_cast<std::uint32_t>(size));
  }

  void text(std::string_view text) {
    length(text.size() + 1);
    to_.text(text);
    to_.u8(0);
  }

  void put_text(bson_type type, std::string_view name, std::string_view of) {
    head(type, name);
    text(of);
  }

  void fixed(byte_view value, std::size_t size, const char* field) {
    if (value.size() != size) to_.fail(decode_errc::bad_length, field);
    to_.bytes(value);
  }

  void open_level(bool array) {
    if (depth_ == max_depth_) {
      to_.fail(decode_errc::limit_exceeded, "document depth");
      ++too_deep_;
      return;
    }
    levels_[depth_++] = {static_cast<std::uint32_t>(out_.size() - begin_), 0, 0, array};
    to_.le(std::uint32_t{0});
  }

  void close_level() {
    if (too_deep_ != 0) {
      --too_deep_;
      return;
    }
    to_.u8(0);
    const level& closed = levels_[--depth_];
    std::size_t size = out_.size() - begin_ - closed.at;
    if (size > max_document_bytes) to_.fail(decode_errc::limit_exceeded, "document length");
    std::uint8_t* at = out_.data() + begin_ + closed.at;
    store_le(at, static_cast<std::uint32_t>(size));
    if (closed.code_bytes != 0)
      store_le(at - closed.code_bytes, static_cast<std::uint32_t>(size + closed.code_bytes));
  }

  std::vector<std::uint8_t>& out_;
  encoder to_;
  std::size_t begin_;
  std::uint32_t max_depth_;
  std::uint32_t depth_ = 0;
  std::uint32_t too_deep_ = 0;
  std::array<level, default_max_depth> levels_;
};

}  // namespace tidewire::mongo_wire
