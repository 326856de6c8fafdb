// How transactions end: Xid, and XA PREPARE, whose rows count only once an XA COMMIT of the same id comes.
#pragma once

#include "binlog/event.hpp"

namespace tidewire::binlog {

/// The transaction is committed. The number is the storage engine's own.
inline decoded<std::uint64_t> decode_xid(const event_view& event) {
  cursor in = detail::body_of(event, event_type::xid);
  auto xid = in.le<std::uint64_t>("xid");
  return in.finish(xid);
}

/// An XA transaction's name. Borrows.
struct xa_id_view {
  std::uint32_t format = 1;
  byte_view gtrid;  // 1 to 64 bytes
  byte_view bqual;  // up to 64 bytes

  friend bool operator==(const xa_id_view& a, const xa_id_view& b) {
    return a.format == b.format && as_text(a.gtrid) == as_text(b.gtrid) &&
           as_text(a.bqual) == as_text(b.bqual);
  }
};

inline constexpr std::size_t max_xa_part_bytes = 64;
/// Room for any id's text.
inline constexpr std::size_t xa_text_size = 2 * (2 * max_xa_part_bytes + 4) + 11;

/// As the servers write it in XA statements: X'676964',X'',1. Returns the end.
inline char* put_xa_id(char* out, const xa_id_view& id) {
  constexpr char hex[] = "0123456789abcdef";
  for (byte_view part : {id.gtrid, id.bqual}) {
    *out++ = 'X';
    *out++ = '\'';
    for (std::uint8_t byte : part.first(part.size() < max_xa_part_bytes ? part.size() : max_xa_part_bytes)) {
      *out++ = hex[byte >> 4];
      *out++ = hex[byte & 15];
    }
    *out++ = '\'';
    *out++ = ',';
  }
  char digits[10];
  int count = 0;
  std::uint32_t number = id.format;
  do digits[count++] = static_cast<char>('0' + number % 10);
  while (number /= 10);
  while (count) *out++ = digits[--count];
  return out;
}

/// Borrows.
struct xa_prepare_view {
  bool one_phase = false;  // XA COMMIT … ONE PHASE: committed with this event
  xa_id_view id;
};

namespace detail {

inline xa_id_view take_xa_id(cursor& in, std::uint32_t format, std::size_t gtrid, std::size_t bqual,
                             std::size_t lengths_at) {
  if (in.ok() && (gtrid > max_xa_part_bytes || bqual > max_xa_part_bytes))
    in.fail_at(lengths_at, decode_errc::limit_exceeded, "XA id length");
  xa_id_view id;
  id.format = format;
  id.gtrid = in.bytes(gtrid, "gtrid");
  id.bqual = in.bytes(bqual, "bqual");
  return id;
}

}  // namespace detail

inline decoded<xa_prepare_view> decode_xa_prepare(const event_view& event) {
  cursor in = detail::body_of(event, event_type::xa_prepare);
  xa_prepare_view m;
  m.one_phase = in.u8("one phase") != 0;
  auto format = in.le<std::uint32_t>("XA format");
  std::size_t at = in.offset();
  auto gtrid = in.le<std::uint32_t>("gtrid length");
  auto bqual = in.le<std::uint32_t>("bqual length");
  m.id = detail::take_xa_id(in, format, gtrid, bqual, at);
  return in.finish(m);
}

inline void encode_xa_prepare(encoder& out, const xa_prepare_view& m) {
  out.u8(m.one_phase);
  out.le(m.id.format);
  out.le(static_cast<std::uint32_t>(m.id.gtrid.size()));
  out.le(static_cast<std::uint32_t>(m.id.bqual.size()));
  out.bytes(m.id.gtrid);
  out.bytes(m.id.bqual);
}

}  // namespace tidewire::binlog
