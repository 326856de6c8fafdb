// A BSON document read in place, one level at a time: every element is checked against the end of its
// document before a view of it is given out. bson_walk.hpp goes through all levels.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <optional>

#include "core/cursor.hpp"
#include "mongo_wire/bson_fault.hpp"
#include "mongo_wire/bson_type.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tidewire::mongo_wire {

/// A document or array whose length and final zero have been checked, and nothing else. Borrows the outermost
/// document, because offsets in errors are those in it.
struct bson_view {
  const std::uint8_t* outer = nullptr;
  std::uint32_t outer_size = 0;
  std::uint32_t offset = 0;  // of this document in the outermost
  std::uint32_t size = 0;    // 0: no document

  byte_view bytes() const { return {outer + offset, size}; }
  bool empty() const { return size <= 5; }
};

/// `bytes` must be one whole document and nothing else.
inline decoded<bson_view> decode_document(byte_view bytes) {
  cursor in(bytes);
  auto length = in.le<std::int32_t>("document length");
  if (length < 5) in.fail_at(0, decode_errc::bad_length, "document length");
  if (in.ok() && static_cast<std::uint32_t>(length) > max_document_bytes)
    in.fail_at(0, decode_errc::limit_exceeded, "document length");
  if (in.ok()) {
    byte_view rest = in.bytes(static_cast<std::size_t>(length) - 4, "document");
    if (in.ok() && rest.back() != 0)
      in.fail_at(static_cast<std::size_t>(length) - 1, decode_errc::bad_value, "document end");
  }
  auto size = static_cast<std::uint32_t>(length);
  return in.finish(bson_view{bytes.data(), size, 0, size});
}

/// One field. Borrows like the document it is in. A getter gives nothing when the type is another one.
struct element_view {
  const std::uint8_t* outer = nullptr;
  std::uint32_t outer_size = 0;
  std::uint32_t offset = 0;  // of the value in the outermost document
  std::uint32_t size = 0;    // of the value
  bson_type type = bson_type::none;
  std::string_view name;

  explicit operator bool() const { return type != bson_type::none; }
  byte_view value() const { return {outer + offset, size}; }
  const std::uint8_t* data() const { return outer + offset; }
  std::uint32_t name_offset() const { return offset - static_cast<std::uint32_t>(name.size()) - 1; }
  /// Of the type byte.
  std::uint32_t element_offset() const { return name_offset() - 1; }

  std::optional<double> as_double() const { return fixed<double, std::uint64_t>(bson_type::float64); }
  std::optional<std::int32_t> as_int32() const { return fixed<std::int32_t>(bson_type::int32); }
  std::optional<std::int64_t> as_int64() const { return fixed<std::int64_t>(bson_type::int64); }
  /// Milliseconds since 1970.
  std::optional<std::int64_t> as_date_time() const { return fixed<std::int64_t>(bson_type::date_time); }
  std::optional<bool> as_bool() const {
    if (type != bson_type::boolean) return {};
    return *data() != 0;
  }
  std::optional<std::string_view> as_string() const { return text(bson_type::string); }
  std::optional<std::string_view> as_symbol() const { return text(bson_type::symbol); }
  std::optional<std::string_view> as_code() const { return text(bson_type::code); }
  std::optional<bson_view> as_document() const { return nested(bson_type::document); }
  std::optional<bson_view> as_array() const { return nested(bson_type::array); }
  std::optional<byte_view> as_object_id() const { return raw(bson_type::object_id); }
  /// The 16 bytes of a decimal128 (decimal128.hpp reads them).
  std::optional<byte_view> as_decimal128() const { return raw(bson_type::decimal128); }

  /// A whole number, however the server chose to send it: int32, int64, or a double that holds one exactly.
  std::optional<std::int64_t> as_integer() const {
    if (auto number = as_int32()) return *number;
    if (auto number = as_int64()) return *number;
    auto number = as_double();
    constexpr double limit = 9007199254740992.0;
    if (!number || !(*number >= -limit && *number <= limit) || std::trunc(*number) != *number) return {};
    return static_cast<std::int64_t>(*number);
  }

  /// A boolean, or a number that is 0 or not: the server takes and gives either in options and `ok`.
  std::optional<bool> as_truth() const {
    if (auto number = as_integer()) return *number != 0;
    return as_bool();
  }

  std::optional<bson_timestamp> as_timestamp() const {
    if (type != bson_type::timestamp) return {};
    return bson_timestamp{load_le<std::uint32_t>(data() + 4), load_le<std::uint32_t>(data())};
  }

  std::optional<binary_view> as_binary() const {
    if (type != bson_type::binary) return {};
    binary_view of{data()[4], value().subspan(5)};
    if (of.subtype == binary_old) of.data = of.data.subspan(4);
    return of;
  }

  std::optional<regex_view> as_regex() const {
    if (type != bson_type::regex) return {};
    std::string_view both = as_text(value());
    std::size_t pattern = both.find('\0');
    return regex_view{both.substr(0, pattern), both.substr(pattern + 1, both.size() - pattern - 2)};
  }

  std::optional<db_pointer_view> as_db_pointer() const {
    if (type != bson_type::db_pointer) return {};
    return db_pointer_view{as_text(value().subspan(4, size - 5 - object_id_bytes)),
                           value().last(object_id_bytes)};
  }

  /// The code of a code_w_scope; its scope is `scope()`.
  std::optional<std::string_view> as_scoped_code() const {
    if (type != bson_type::code_w_scope) return {};
    return as_text({data() + 8, load_le<std::uint32_t>(data() + 4) - 1});
  }
  std::optional<bson_view> scope() const {
    if (type != bson_type::code_w_scope) return {};
    std::uint32_t before = 8 + load_le<std::uint32_t>(data() + 4);
    return bson_view{outer, outer_size, offset + before, size - before};
  }

 private:
  std::optional<byte_view> raw(bson_type wanted) const {
    if (type != wanted) return {};
    return value();
  }
  template <class T, std::integral Stored = T>
  std::optional<T> fixed(bson_type wanted) const {
    if (type != wanted) return {};
    return std::bit_cast<T>(load_le<Stored>(data()));
  }
  std::optional<std::string_view> text(bson_type wanted) const {
    if (type != wanted) return {};
    return as_text({data() + 4, size - 5});
  }
  std::optional<bson_view> nested(bson_type wanted) const {
    if (type != wanted) return {};
    return bson_view{outer, outer_size, offset, size};
  }
};

namespace detail {

/// The first zero byte at or after `at`. There must be one before `readable_end`: a document's last byte is.
[[gnu::always_inline]] inline const std::uint8_t* find_zero(const std::uint8_t* at,
                                                            const std::uint8_t* readable_end) {
#if defined(__SSE2__)
  while (readable_end - at >= 16) [[likely]] {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    auto zeros = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_setzero_si128())));
    if (zeros != 0) [[likely]]
      return at + std::countr_zero(zeros);
    at += 16;
  }
#else
  (void)readable_end;
#endif
  while (*at != 0) ++at;
  return at;
}

/// Size of a text at `at` with its length field, 0 if it is not well formed within `left` bytes.
inline std::size_t text_size(const std::uint8_t* at, std::size_t left) {
  if (left < 5) [[unlikely]]
    return 0;
  auto length = load_le<std::uint32_t>(at);
  if (length == 0 || length > left - 4 || at[3 + length] != 0) [[unlikely]]
    return 0;
  return 4 + std::size_t{length};
}

/// Size of a document at `at`, 0 if its length or last byte is wrong.
inline std::size_t document_size(const std::uint8_t* at, std::size_t left) {
  if (left < 5) [[unlikely]]
    return 0;
  auto length = load_le<std::uint32_t>(at);
  if (length < 5 || length > left || at[length - 1] != 0) [[unlikely]]
    return 0;
  return length;
}

inline constexpr std::size_t bad_size = ~std::size_t{0};

/// Size of a value of the types that are less common and leave it open, bad_size if it does not fit into
/// `left` or contradicts itself.
[[gnu::noinline]] inline std::size_t varying_size(bson_type type, const std::uint8_t* at, std::size_t left) {
  switch (type) {
    case bson_type::binary: {
      if (left < 5) return bad_size;
      auto length = load_le<std::uint32_t>(at);
      if (length > left - 5) return bad_size;
      if (at[4] == binary_old && (length < 4 || load_le<std::uint32_t>(at + 5) != length - 4))
        return bad_size;
      return 5 + std::size_t{length};
    }
    case bson_type::regex: {
      std::size_t size = 0;
      for (int part = 0; part < 2; ++part) {
        const void* zero = std::memchr(at + size, 0, left - size);
        if (!zero) return bad_size;
        size = static_cast<std::size_t>(static_cast<const std::uint8_t*>(zero) - at) + 1;
      }
      return size;
    }
    case bson_type::db_pointer: {
      std::size_t ns = text_size(at, left);
      if (ns == 0 || left - ns < object_id_bytes) return bad_size;
      return ns + object_id_bytes;
    }
    case bson_type::code_w_scope: {
      if (left < 4) return bad_size;
      auto total = load_le<std::uint32_t>(at);
      if (total < 14 || total > left) return bad_size;
      std::size_t code = text_size(at + 4, total - 4);
      if (code == 0) return bad_size;
      std::size_t scope = document_size(at + 4 + code, total - 4 - code);
      return scope != 0 && 4 + code + scope == total ? total : bad_size;
    }
    default: return bad_size;
  }
}

/// Size of the value at `at`, bad_size as above.
[[gnu::always_inline]] inline std::size_t value_size(std::uint8_t type, const std::uint8_t* at,
                                                     std::size_t left) {
  std::size_t size = value_sizes[type];
  if (size < size_of_bool) return size <= left ? size : bad_size;
  if (size == size_of_text) {
    size = text_size(at, left);
    return size != 0 ? size : bad_size;
  }
  if (size == size_of_document) {
    size = document_size(at, left);
    return size != 0 ? size : bad_size;
  }
  if (size == size_of_bool) return left != 0 && *at <= 1 ? 1 : bad_size;
  return varying_size(static_cast<bson_type>(type), at, left);
}

/// Reads the element at `at`, which is before `end`, the place of the document's final zero. Returns where
/// the next one begins, or null when this one is not well formed.
[[gnu::always_inline]] inline const std::uint8_t* read_element(const std::uint8_t* outer,
                                                               std::uint32_t outer_size,
                                                               const std::uint8_t* at,
                                                               const std::uint8_t* end,
                                                               element_view& element) {
  const std::uint8_t* name = at + 1;
  const std::uint8_t* name_end = find_zero(name, outer + outer_size);
  if (name_end >= end) [[unlikely]]
    return nullptr;
  const std::uint8_t* value = name_end + 1;
  std::size_t size = value_size(*at, value, static_cast<std::size_t>(end - value));
  if (size == bad_size) [[unlikely]]
    return nullptr;
  element.outer = outer;
  element.outer_size = outer_size;
  element.offset = static_cast<std::uint32_t>(value - outer);
  element.size = static_cast<std::uint32_t>(size);
  element.type = static_cast<bson_type>(*at);
  element.name = {reinterpret_cast<const char*>(name), static_cast<std::size_t>(name_end - name)};
  return value + size;
}

}  // namespace detail

/// Hands out the elements of one document or array, without going into those inside it. Texts are not checked
/// to be UTF-8.
class bson_reader {
 public:
  explicit bson_reader(bson_view of) : of_(of) {
    if (of.size == 0) return;  // no document: no elements
    at_ = of.outer + of.offset + 4;
    end_ = of.outer + of.offset + of.size - 1;
  }

  /// False at the end, and at an element that is not well formed: then ok() is false too.
  bool next(element_view& element) { return next_here(element); }

  /// The same without a call, for loops that every event goes through.
  [[gnu::always_inline]] bool next_here(element_view& element) {
    if (at_ == end_) return false;
    const std::uint8_t* after = detail::read_element(of_.outer, of_.outer_size, at_, end_, element);
    if (!after) [[unlikely]] {
      error_ = detail::element_error(of_.outer, at_, end_);
      element = {};
      at_ = end_;
      return false;
    }
    at_ = after;
    return true;
  }

  bool ok() const { return error_.code == decode_errc::none; }
  const decode_error& error() const { return error_; }

 private:
  bson_view of_;
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  decode_error error_;
};

/// The first element of that name, or an element that is false; an error if the document is not well formed
/// as far as it had to be read.
inline decoded<element_view> find(bson_view document, std::string_view name) {
  bson_reader reader(document);
  for (element_view each; reader.next(each);)
    if (each.name == name) return each;
  if (!reader.ok()) return std::unexpected(reader.error());
  return element_view{};
}

}  // namespace tidewire::mongo_wire
