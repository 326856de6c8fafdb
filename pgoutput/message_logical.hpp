// M: what pg_logical_emit_message wrote.
#pragma once

#include "pgoutput/message_tag.hpp"

namespace tidewire::pgoutput {

/// Borrows. One that is not transactional comes at once, outside and ahead of the transaction that wrote it.
struct logical_message_view {
  std::uint32_t xid = 0;   // inside a streamed block only
  std::uint8_t flags = 0;  // bit 0: transactional; the other bits are kept as they come
  wire::lsn lsn;
  std::string_view prefix;
  byte_view content;

  bool transactional() const { return flags & 1; }
};

inline decoded<logical_message_view> decode_logical_message(byte_view body, bool streamed) {
  cursor in(body);
  logical_message_view m;
  m.xid = detail::decode_xid(in, streamed);
  m.flags = in.u8("flags");
  m.lsn = detail::decode_lsn(in, "message LSN");
  m.prefix = in.cstring("prefix");
  std::size_t at = in.offset();
  auto length = in.be<std::int32_t>("content length");
  if (length < 0)
    in.fail_at(at, decode_errc::bad_length, "content length");
  else
    m.content = in.bytes(static_cast<std::size_t>(length), "content");
  return in.finish(m);
}

inline void encode_logical_message(encoder& out, const logical_message_view& m, bool streamed) {
  detail::encode_tag(out, message_tag::logical);
  detail::encode_xid(out, m.xid, streamed);
  out.u8(m.flags);
  out.be(m.lsn.value);
  out.cstring(m.prefix, "prefix");
  if (m.content.size() > std::numeric_limits<std::int32_t>::max())
    return out.fail(decode_errc::limit_exceeded, "content length");
  out.be(static_cast<std::int32_t>(m.content.size()));
  out.bytes(m.content);
}

}  // namespace tidewire::pgoutput
