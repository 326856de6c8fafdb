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
  bool binary = false;           // some value is in binary form

  friend bool operator==(const row_view&, const row_view&) = default;
};

/// Where a row's values are put: each should have room for max_columns.
struct row_room {
  std::span<value> new_values;
  std::span<value> old_values;
};

namespace detail {

struct columns_end {
  const std::uint8_t* at;  // where the walk stopped
  value* filled;           // one past the last value that was filled
};

/// Fills [out, out_end). Stops early at a column that is not well formed. Sets `binary` if some value is.
inline columns_end walk_columns(const std::uint8_t* at, const std::uint8_t* end, value* out, value* out_end,
                                bool& binary) {
  for (; out != out_end; ++out) {
    prefetch_ahead(at);
    std::size_t left = static_cast<std::size_t>(end - at);
    // Less than a length field: it can only be a column without one.
    if (left < 5 && (left == 0 || (*at != 'n' && *at != 'u'))) [[unlikely]]
      break;
    std::uint8_t kind = *at;
    const std::uint8_t* bytes = at + 5;
    if (kind == 't') [[likely]] {  // alone, or the compiler makes a jump table of it
      auto size = load_be<std::uint32_t>(at + 1);
      if (size > left - 5) [[unlikely]]
        break;
      *out = {reinterpret_cast<const char*>(bytes), size, value_kind::text};
      at = bytes + size;
    } else if (kind == 'n' || kind == 'u') {
      *out = {nullptr, 0, kind == 'n' ? value_kind::null : value_kind::unchanged};
      at += 1;
    } else {
      if (kind != 'b' || load_be<std::uint32_t>(at + 1) > left - 5) [[unlikely]]
        break;
      *out = {reinterpret_cast<const char*>(bytes), load_be<std::uint32_t>(at + 1), value_kind::binary};
      at = bytes + out->size;
      binary = true;
    }
  }
  return {at, out};
}

/// A tuple after its kind byte. Gives where it ends; null if it is not well formed or has no room.
[[gnu::always_inline]] inline const std::uint8_t* walk_tuple(const std::uint8_t* at, const std::uint8_t* end,
                                                             std::span<value> values, std::uint16_t& count,
                                                             bool& binary) {
  constexpr std::ptrdiff_t count_bytes = 2;
  if (end - at < count_bytes) [[unlikely]]
    return nullptr;
  count = load_be<std::uint16_t>(at);
  if (count > max_columns || count > values.size()) [[unlikely]]
    return nullptr;
  value* last = values.data() + count;
  columns_end stop = walk_columns(at + count_bytes, end, values.data(), last, binary);
  return stop.filled == last ? stop.at : nullptr;
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
inline std::uint16_t decode_tuple(cursor& in, byte_view body, std::span<value> values, bool& binary) {
  std::size_t count_at = in.offset();
  auto count = in.be<std::int16_t>("column count");
  if (count < 0) [[unlikely]]
    return in.fail_at(count_at, decode_errc::bad_length, "column count"), 0;
  if (count > max_columns || static_cast<std::size_t>(count) > values.size()) [[unlikely]]
    return in.fail_at(count_at, decode_errc::limit_exceeded, "column count"), 0;
  const std::uint8_t* from = body.data() + in.offset();
  value* last = values.data() + count;
  columns_end end = walk_columns(from, from + in.remaining(), values.data(), last, binary);
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
  row.new_count = decode_tuple(in, body, values, row.binary);
}

inline void decode_old_tuple(cursor& in, byte_view body, row_view& row, std::uint8_t kind,
                             std::span<value> values) {
  row.old = static_cast<old_tuple>(kind);
  row.old_offset = static_cast<std::uint32_t>(in.offset());
  row.old_count = decode_tuple(in, body, values, row.binary);
}

/// As decode_row(), but field by field through a cursor: knows what is wrong with a message, and where.
inline decoded<row_view> decode_row_carefully(message_tag tag, byte_view body, bool streamed,
                                              const row_room& room) {
  cursor in(body);
  row_view row = decode_row_head(in, body, streamed);
  std::size_t kind_at = in.offset();
  std::uint8_t kind = in.u8("tuple kind");
  if (tag != message_tag::insert && (kind == 'K' || kind == 'O')) {
    decode_old_tuple(in, body, row, kind, room.old_values);
    if (tag == message_tag::remove) return in.finish(row);
    kind_at = in.offset();
    kind = in.u8("tuple kind");
  }
  if (kind != 'N' || tag == message_tag::remove) in.fail_at(kind_at, decode_errc::unknown_tag, "tuple kind");
  decode_new_tuple(in, body, row, room.new_values);
  return in.finish(row);
}

}  // namespace detail

/// Decodes an insert, update or delete: fills `row`, the first `new_count` of the new values and the first
/// `old_count` of the old ones. The values point into the message. False for one that is not well formed or
/// has more columns than there is room: row_error() tells what it is.
[[gnu::always_inline]] inline bool decode_row(message_tag tag, byte_view body, bool streamed,
                                              const row_room& room, row_view& row) {
  const std::uint8_t* at = body.data();
  const std::uint8_t* end = at + body.size();
  std::size_t head_bytes = streamed ? 4 + 4 : 4;
  if (body.size() <= head_bytes || body.size() > max_message_bytes) [[unlikely]]
    return false;
  row = {};
  if (streamed) row.xid = load_be<std::uint32_t>(at);
  at += head_bytes;
  row.relation = load_be<std::uint32_t>(at - 4);
  std::uint8_t kind = *at++;
  if (tag != message_tag::insert && (kind == 'K' || kind == 'O')) {
    row.old = static_cast<old_tuple>(kind);
    row.old_offset = static_cast<std::uint32_t>(at - body.data());
    at = detail::walk_tuple(at, end, room.old_values, row.old_count, row.binary);
    if (!at) [[unlikely]]
      return false;
    if (tag == message_tag::remove) return at == end;
    if (at == end) [[unlikely]]
      return false;
    kind = *at++;
  }
  if (kind != 'N' || tag == message_tag::remove) [[unlikely]]
    return false;
  row.new_offset = static_cast<std::uint32_t>(at - body.data());
  at = detail::walk_tuple(at, end, room.new_values, row.new_count, row.binary);
  return at == end;
}

/// What is wrong with a row message that decode_row() did not take.
[[gnu::noinline, gnu::cold]] inline decode_error row_error(message_tag tag, byte_view body, bool streamed,
                                                           const row_room& room) {
  return detail::decode_row_carefully(tag, body, streamed, room).error();
}

inline decoded<row_view> decode_insert(byte_view body, bool streamed, std::span<value> new_values) {
  row_room room{new_values, {}};
  row_view row;
  if (decode_row(message_tag::insert, body, streamed, room, row)) [[likely]]
    return row;
  return std::unexpected(row_error(message_tag::insert, body, streamed, room));
}

/// A key-only old row has one value per column too: see mark_absent (pgoutput/relation.hpp).
inline decoded<row_view> decode_update(byte_view body, bool streamed, std::span<value> new_values,
                                       std::span<value> old_values) {
  row_room room{new_values, old_values};
  row_view row;
  if (decode_row(message_tag::update, body, streamed, room, row)) [[likely]]
    return row;
  return std::unexpected(row_error(message_tag::update, body, streamed, room));
}

inline decoded<row_view> decode_delete(byte_view body, bool streamed, std::span<value> old_values) {
  row_room room{{}, old_values};
  row_view row;
  if (decode_row(message_tag::remove, body, streamed, room, row)) [[likely]]
    return row;
  return std::unexpected(row_error(message_tag::remove, body, streamed, room));
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
