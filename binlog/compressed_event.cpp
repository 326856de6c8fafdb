#include "binlog/compressed_event.hpp"

#include <algorithm>

#include "binlog/rows.hpp"

namespace tidewire::binlog {

namespace {

/// Moves `in` to where the deflated part begins.
void skip_plain_part(cursor& in, event_type type, const format_description& format) {
  if (type == event_type::query) {
    std::size_t post_header = format.post_header(event_type::query_compressed, 13);
    if (post_header < 13) return in.fail(decode_errc::unsupported, "post-header length");
    byte_view head = in.bytes(13, "query header");
    in.bytes(post_header - 13, "post-header");
    if (!in.ok()) return;
    std::size_t vars = load_le<std::uint16_t>(head.data() + 11);
    in.bytes(vars, "status variables");
    in.bytes(std::size_t{head[8]} + 1, "database");
    return;
  }
  rows_view rows;
  detail::rows_kind(type, rows);
  in.bytes(8, "table id and flags");
  if (detail::is_rows_v2(type)) detail::take_extra(in, rows);
  std::size_t columns = detail::take_count(in, max_columns, "column count");
  in.bytes((columns + 7) / 8 * (rows.kind == change_kind::update ? 2 : 1), "columns");
}

}  // namespace

decoded<event_view> event_decompressor::decompress(const event_view& event,
                                                   const format_description& format) {
  cursor in = detail::body_of(event);
  if (!is_compressed(event.header.type)) in.fail_at(4, decode_errc::unknown_tag, "event type");
  event_type type = decompressed_type(event.header.type);
  if (in.ok()) skip_plain_part(in, type, format);
  std::size_t head = in.offset();
  detail::deflated_view deflated = detail::take_deflated(in);
  if (!in.ok()) return std::unexpected(in.error());
  std::size_t size = head + deflated.plain_size;
  if (size > event_bytes_)
    return std::unexpected(decode_error{decode_errc::limit_exceeded, head, "plain size"});
  // Deflate can't do better than about a thousandth: no more room than that for what the header promises.
  if (deflated.plain_size > deflated.data.size() * 1032 + 64)
    return std::unexpected(decode_error{decode_errc::bad_length, head, "plain size"});
  plain_.resize(size + event_padding);
  std::copy_n(event.bytes.begin(), head, plain_.begin());
  plain_[4] = static_cast<std::uint8_t>(type);
  store_le(plain_.data() + 9, static_cast<std::uint32_t>(size));
  if (!inflater_.run(deflated.data, false, plain_.data() + head, deflated.plain_size))
    return std::unexpected(decode_error{decode_errc::bad_value, head, "deflated data"});
  event_view plain{event.header, byte_view(plain_).first(size)};
  plain.header.type = type;
  plain.header.event_size = static_cast<std::uint32_t>(size);
  return plain;
}

}  // namespace tidewire::binlog
