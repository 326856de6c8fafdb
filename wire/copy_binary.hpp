// COPY … (FORMAT binary): a header, then rows, then a trailer. Postgres sends each row as a CopyData of its
// own, the header together with whatever comes first, so no item is ever cut in two: one that is, is
// truncated.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "core/cursor.hpp"
#include "core/encoder.hpp"
#include "core/value.hpp"

namespace tidewire::wire {

/// PGCOPY, a byte that is not ASCII, both kinds of line break, a zero: whatever mangles text shows.
inline constexpr std::array<std::uint8_t, 11> copy_signature{'P',  'G',  'C',  'O',  'P', 'Y',
                                                             '\n', 0xff, '\r', '\n', 0};

struct copy_header {
  std::uint32_t flags = 0;
  byte_view extension;
};

/// Flags that a reader must know to go on; it knows none of them (bit 16: there are OIDs, before 12).
inline constexpr std::uint32_t critical_copy_flags = 0xffff0000;

inline copy_header decode_copy_header(cursor& in) {
  copy_header header;
  std::size_t at = in.offset();
  byte_view signature = in.bytes(copy_signature.size(), "signature");
  if (in.ok() && !std::equal(signature.begin(), signature.end(), copy_signature.begin()))
    in.fail_at(at, decode_errc::bad_value, "signature");
  at = in.offset();
  header.flags = in.be<std::uint32_t>("flags");
  if (in.ok() && (header.flags & critical_copy_flags) != 0) in.fail_at(at, decode_errc::bad_value, "flags");
  at = in.offset();
  auto length = in.be<std::int32_t>("extension length");
  if (length < 0) in.fail_at(at, decode_errc::bad_length, "extension length");
  header.extension = in.bytes(static_cast<std::size_t>(length), "extension");
  return header;
}

/// True: a row, which has exactly as many values as `row` has room for; they are of kind null or binary and
/// point into what `in` reads. False: the trailer, or `in` has failed.
inline bool decode_copy_row(cursor& in, std::span<value> row) {
  std::size_t at = in.offset();
  auto count = in.be<std::int16_t>("field count");
  if (!in.ok() || count == -1) return false;
  if (count < 0) [[unlikely]]
    return in.fail_at(at, decode_errc::bad_length, "field count"), false;
  if (static_cast<std::size_t>(count) != row.size()) [[unlikely]]
    return in.fail_at(at, decode_errc::bad_value, "field count"), false;
  for (value& each : row) {
    at = in.offset();
    auto length = in.be<std::int32_t>("value length");
    if (length == -1) {
      each = {};
      continue;
    }
    if (length < 0) [[unlikely]]
      return in.fail_at(at, decode_errc::bad_length, "value length"), false;
    byte_view bytes = in.bytes(static_cast<std::size_t>(length), "value");
    each = {reinterpret_cast<const char*>(bytes.data()), static_cast<std::uint32_t>(length),
            value_kind::binary};
  }
  return in.ok();
}

inline void encode_copy_header(encoder& out, const copy_header& header) {
  out.bytes(copy_signature);
  out.be(header.flags);
  out.be(static_cast<std::int32_t>(header.extension.size()));
  out.bytes(header.extension);
}

inline void encode_copy_row(encoder& out, std::span<const value> row) {
  if (row.size() > std::numeric_limits<std::int16_t>::max())
    return out.fail(decode_errc::limit_exceeded, "field count");
  out.be(static_cast<std::int16_t>(row.size()));
  for (const value& each : row) {
    if (each.kind == value_kind::null) {
      out.be(std::int32_t{-1});
      continue;
    }
    if (each.size > std::numeric_limits<std::int32_t>::max())
      return out.fail(decode_errc::limit_exceeded, "value length");
    out.be(each.size);
    out.text(each.bytes());
  }
}

inline void encode_copy_trailer(encoder& out) {
  out.be(std::int16_t{-1});
}

/// Reads what one COPY sends, payload by payload.
class copy_binary_reader {
 public:
  void begin() { *this = {}; }

  /// Calls `row(values)` for each row of this payload, which is one CopyData's. An error's offset counts from
  /// its begin.
  template <class F>
  decoded<std::size_t> take(byte_view payload, std::span<value> values, F&& row) {
    cursor in(payload);
    if (!header_read_) [[unlikely]] {
      decode_copy_header(in);
      header_read_ = in.ok();
    }
    std::size_t rows = 0;
    while (in.ok() && in.remaining() > 0) {
      if (ended_) [[unlikely]]
        in.fail(decode_errc::trailing_bytes, "after the trailer");
      else if (decode_copy_row(in, values)) [[likely]]
        ++rows, row(values);
      else
        ended_ = in.ok();
    }
    return in.finish(rows);
  }

  /// The trailer has come.
  bool ended() const { return ended_; }

 private:
  bool header_read_ = false;
  bool ended_ = false;
};

}  // namespace tidewire::wire
