// The parts that several messages share: lists of integers, and lists of values that may be NULL.
#pragma once

#include <optional>

#include "wire/frame.hpp"

namespace tidewire::wire {

/// Borrows: big-endian integers, one after the other.
template <std::integral T>
class integer_list {
 public:
  integer_list() = default;
  explicit integer_list(byte_view bytes) : bytes_(bytes) {}

  std::size_t size() const { return bytes_.size() / sizeof(T); }
  bool empty() const { return bytes_.empty(); }
  /// `index` is less than size().
  T operator[](std::size_t index) const { return load_be<T>(bytes_.data() + index * sizeof(T)); }

 private:
  byte_view bytes_;
};

/// One per column or parameter: 0 for text, 1 for binary.
using format_list = integer_list<std::int16_t>;
using oid_list = integer_list<std::uint32_t>;

/// Borrows. The values are read by a value_reader.
struct value_list {
  std::uint16_t count = 0;
  byte_view bytes;
};

namespace detail {

/// A value with its length in front, which is -1 for NULL.
inline std::optional<byte_view> decode_value(cursor& in) {
  std::size_t at = in.offset();
  auto length = in.be<std::int32_t>("value length");
  if (length == -1) return std::nullopt;
  if (length < 0) [[unlikely]]
    in.fail_at(at, decode_errc::bad_length, "value length");
  return in.bytes(static_cast<std::size_t>(length), "value");
}

/// The counts are unsigned: a Bind may have 65,535 parameters.
inline value_list decode_values(cursor& in, byte_view body, const char* count_field) {
  value_list list;
  list.count = in.be<std::uint16_t>(count_field);
  std::size_t at = in.offset();
  for (unsigned i = 0; i < list.count && in.ok(); ++i) decode_value(in);
  if (in.ok()) list.bytes = body.subspan(at, in.offset() - at);
  return list;
}

template <std::integral T>
integer_list<T> decode_integers(cursor& in, const char* count_field, const char* field) {
  std::size_t count = in.be<std::uint16_t>(count_field);
  return integer_list<T>(in.bytes(count * sizeof(T), field));
}

/// False, with `out` failed, if there are more than a count can say.
inline bool encode_count(encoder& out, std::size_t count, const char* field) {
  if (count > std::numeric_limits<std::uint16_t>::max())
    return out.fail(decode_errc::limit_exceeded, field), false;
  out.be(static_cast<std::uint16_t>(count));
  return true;
}

template <std::integral T>
void encode_integers(encoder& out, std::span<const T> list, const char* count_field) {
  if (!encode_count(out, list.size(), count_field)) return;
  for (T each : list) out.be(each);
}

inline void encode_value(encoder& out, const std::optional<byte_view>& value) {
  if (!value) return out.be(std::int32_t{-1});
  if (value->size() > std::numeric_limits<std::int32_t>::max())
    return out.fail(decode_errc::limit_exceeded, "value length");
  out.be(static_cast<std::int32_t>(value->size()));
  out.bytes(*value);
}

inline void encode_values(encoder& out, std::span<const std::optional<byte_view>> values,
                          const char* count_field) {
  if (!encode_count(out, values.size(), count_field)) return;
  for (const auto& each : values) encode_value(out, each);
}

}  // namespace detail

/// Hands out the values of a decoded message one after the other; NULL is nothing.
class value_reader {
 public:
  explicit value_reader(const value_list& of) : in_(of.bytes), left_(of.count) {}

  /// False when there are no more.
  bool next(std::optional<byte_view>& value) {
    if (left_ == 0) return false;
    --left_;
    value = detail::decode_value(in_);
    return in_.ok();
  }

 private:
  cursor in_;
  std::uint16_t left_;
};

}  // namespace tidewire::wire
