// I U D, the hot path: a row's values are found in one loop over local pointers, without a call, a copy or an
// allocation per value.
#pragma once

#include <algorithm>

#include "core/value.hpp"
#include "pgoutput/message_schema.hpp"

namespace tidewire::pgoutput {

/// A message of more bytes cannot come from Postgres, which builds each in one 1 GiB allocation. It also
/// keeps a negative length from passing as one that fits.
inline constexpr std::size_t max_message_bytes = std::size_t{1} << 30;

/// What a row message says about the old row: nothing, the replica identity's columns, or all columns.
enum class old_tuple : std::uint8_t { none = 0, key = 'K', full = 'O' };

/// What a row message holds besides its values, which are in the caller's spans.
struct row_view {
  std::uint32_t xid = 0;  // inside a streamed block only
  std::uint32_t relation = 0;
  std::uint16_t new_count = 0;
  std::uint16_t old_count = 0;
  old_tuple old = old_tuple::none;
  std::uint32_t new_offset = 0;  // of the new tuple's column count in the body; 0 if there is none
  std::uint32_t old_offset = 0;  // of the old one's
};

namespace detail {

struct columns_end {
  const std::uint8_t* at;  // where the walk stopped
  value* filled;           // one past the last value that was filled
};

/// Fills [out, out_end). Stops early at a column that is not well formed.
inline columns_end walk_columns(const std::uint8_t* at, const std::uint8_t* end, value* out, value* out_end) {
  for (; out != out_end; ++out) {
    std::size_t left = static_cast<std::size_t>(end - at);
    if (left < 5) [[unlikely]]
      break;
    std::uint8_t kind = *at;
    if (kind == 't' || kind == 'b') [[likely]] {
      auto size = load_be<std::uint32_t>(at + 1);
      if (size > left - 5) [[unlikely]]
        return {at, out};
      out->data = reinterpret_cast<const char*>(at + 5);
      out->size = size;
      out->kind = kind == 't' ? value_kind::text : value_kind::binary;
      at += 5 + std::size_t{size};
    } else if (kind == 'n' || kind == 'u') {
      *out = {nullptr, 0, kind == 'n' ? value_kind::null : value_kind::unchanged};
      at += 1;
    } else {
      return {at, out};
    }
  }
  // Less than a length field is left: all that fits are columns without one.
  for (; out != out_end && at != end && (*at == 'n' || *at == 'u'); ++out, ++at)
    *out = {nullptr, 0, *at == 'n' ? value_kind::null : value_kind::unchanged};
  return {at, out};
}

/// What is wrong with the column at `at`.
[[gnu::noinline, gnu::cold]] inline decode_error column_error(byte_view body, const std::uint8_t* at) {
  cursor in(body);
  in.bytes(static_cast<std::size_t>(at - body.data()), "columns");
  std::size_t kind_at = in.offset();
  std::uint8_t kind = in.u8("column kind");
  if (in.ok() && kind != 't' && kind != 'b') in.fail_at(kind_at, decode_errc::unknown_tag, "column kind");
  std::size_t length_at = in.offset();
  auto length = in.be<std::int32_t>("value length");
  if (length < 0) in.fail_at(length_at, decode_errc::bad_length, "value length");
  in.bytes(static_cast<std::size_t>(length), "value");
  return in.error();
}

/// A tuple after its kind byte. Returns how many values it filled; 0 with `in` failed on an error.
inline std::uint16_t decode_tuple(cursor& in, byte_view body, std::span<value> values) {
  std::size_t count_at = in.offset();
  auto count = in.be<std::int16_t>("column count");
  if (count < 0) [[unlikely]]
    return in.fail_at(count_at, decode_errc::bad_length, "column count"), 0;
  if (count > max_columns || static_cast<std::size_t>(count) > values.size()) [[unlikely]]
    return in.fail_at(count_at, decode_errc::limit_exceeded, "column count"), 0;
  const std::uint8_t* from = body.data() + in.offset();
  value* last = values.data() + count;
  columns_end end = walk_columns(from, from + in.remaining(), values.data(), last);
  if (end.filled != last) [[unlikely]] {
    decode_error error = column_error(body, end.at);
    return in.fail_at(error.offset, error.code, error.field), 0;
  }
  in.bytes(static_cast<std::size_t>(end.at - from), "columns");
  return static_cast<std::uint16_t>(count);
}

inline row_view decode_row_head(cursor& in, byte_view body, bool streamed) {
  row_view row;
  if (body.size() > max_message_bytes) in.fail(decode_errc::limit_exceeded, "message length");
  row.xid = decode_xid(in, streamed);
  row.relation = in.be<std::uint32_t>("relation");
  return row;
}

inline void decode_new_tuple(cursor& in, byte_view body, row_view& row, std::span<value> values) {
  row.new_offset = static_cast<std::uint32_t>(in.offset());
  row.new_count = decode_tuple(in, body, values);
}

inline void decode_old_tuple(cursor& in, byte_view body, row_view& row, std::uint8_t kind,
                             std::span<value> values) {
  row.old = static_cast<old_tuple>(kind);
  row.old_offset = static_cast<std::uint32_t>(in.offset());
  row.old_count = decode_tuple(in, body, values);
}

}  // namespace detail

/// Fills the first `new_count` of `new_values`, which should have room for max_columns; a row with more
/// columns than there is room is limit_exceeded. The values point into `body`.
inline decoded<row_view> decode_insert(byte_view body, bool streamed, std::span<value> new_values) {
  cursor in(body);
  row_view row = detail::decode_row_head(in, body, streamed);
  std::size_t kind_at = in.offset();
  std::uint8_t kind = in.u8("tuple kind");
  if (kind != 'N') [[unlikely]]
    in.fail_at(kind_at, decode_errc::unknown_tag, "tuple kind");
  detail::decode_new_tuple(in, body, row, new_values);
  return in.finish(row);
}

/// As decode_insert, and the first `old_count` of `old_values` if there is an old row. A key-only old row
/// has one value per column too: see mark_absent (pgoutput/relation.hpp).
inline decoded<row_view> decode_update(byte_view body, bool streamed, std::span<value> new_values,
                                       std::span<value> old_values) {
  cursor in(body);
  row_view row = detail::decode_row_head(in, body, streamed);
  std::size_t kind_at = in.offset();
  std::uint8_t kind = in.u8("tuple kind");
  if (kind == 'K' || kind == 'O') {
    detail::decode_old_tuple(in, body, row, kind, old_values);
    kind_at = in.offset();
    kind = in.u8("tuple kind");
  }
  if (kind != 'N') [[unlikely]]
    in.fail_at(kind_at, decode_errc::unknown_tag, "tuple kind");
  detail::decode_new_tuple(in, body, row, new_values);
  return in.finish(row);
}

/// Fills the first `old_count` of `old_values`.
inline decoded<row_view> decode_delete(byte_view body, bool streamed, std::span<value> old_values) {
  cursor in(body);
  row_view row = detail::decode_row_head(in, body, streamed);
  std::size_t kind_at = in.offset();
  std::uint8_t kind = in.u8("tuple kind");
  if (kind != 'K' && kind != 'O') [[unlikely]]
    in.fail_at(kind_at, decode_errc::unknown_tag, "tuple kind");
  detail::decode_old_tuple(in, body, row, kind, old_values);
  return in.finish(row);
}

/// Under REPLICA IDENTITY FULL the old row has the values that the new row leaves out as unchanged: takes
/// them over. Only for old_tuple::full; the two spans belong to one row.
inline void fill_unchanged(std::span<value> new_values, std::span<const value> old_values) {
  std::size_t count = std::min(new_values.size(), old_values.size());
  for (std::size_t i = 0; i < count; ++i)
    if (new_values[i].kind == value_kind::unchanged) new_values[i] = old_values[i];
}

namespace detail {

inline void encode_row_head(encoder& out, message_tag tag, const row_view& row, bool streamed) {
  encode_tag(out, tag);
  encode_xid(out, row.xid, streamed);
  out.be(row.relation);
}

inline void encode_tuple(encoder& out, char kind, std::span<const value> values) {
  if (values.size() > max_columns) return out.fail(decode_errc::limit_exceeded, "column count");
  out.u8(static_cast<std::uint8_t>(kind));
  out.be(static_cast<std::int16_t>(values.size()));
  for (const value& each : values) {
    switch (each.kind) {
      case value_kind::null:
      case value_kind::absent: out.u8('n'); continue;
      case value_kind::unchanged: out.u8('u'); continue;
      case value_kind::text: out.u8('t'); break;
      case value_kind::binary: out.u8('b'); break;
    }
    if (each.size > std::numeric_limits<std::int32_t>::max())
      return out.fail(decode_errc::limit_exceeded, "value length");
    out.be(each.size);
    out.text(each.bytes());
  }
}

}  // namespace detail

/// Of `row`, the encoders look at xid, relation and old only; the counts are those of the spans.
inline void encode_insert(encoder& out, const row_view& row, std::span<const value> new_values,
                          bool streamed) {
  detail::encode_row_head(out, message_tag::insert, row, streamed);
  detail::encode_tuple(out, 'N', new_values);
}

inline void encode_update(encoder& out, const row_view& row, std::span<const value> new_values,
                          std::span<const value> old_values, bool streamed) {
  detail::encode_row_head(out, message_tag::update, row, streamed);
  if (row.old != old_tuple::none) detail::encode_tuple(out, static_cast<char>(row.old), old_values);
  detail::encode_tuple(out, 'N', new_values);
}

/// bad_value if `row.old` is none: a delete always has an old row.
inline void encode_delete(encoder& out, const row_view& row, std::span<const value> old_values,
                          bool streamed) {
  if (row.old == old_tuple::none) return out.fail(decode_errc::bad_value, "tuple kind");
  detail::encode_row_head(out, message_tag::remove, row, streamed);
  detail::encode_tuple(out, static_cast<char>(row.old), old_values);
}

}  // namespace tidewire::pgoutput
