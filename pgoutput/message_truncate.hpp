// T: one statement truncates some tables at once.
#pragma once

#include "pgoutput/message_tag.hpp"

namespace tidewire::pgoutput {

/// Borrows.
struct truncate_view {
  std::uint32_t xid = 0;   // inside a streamed block only
  std::uint8_t flags = 0;  // bit 0: cascade, bit 1: restart identity; the other bits are kept as they come
  byte_view oids;          // four bytes each, big-endian

  bool cascade() const { return flags & 1; }
  bool restart_identity() const { return flags & 2; }
  std::size_t relation_count() const { return oids.size() / 4; }
  /// `index` is less than relation_count.
  std::uint32_t relation(std::size_t index) const { return load_be<std::uint32_t>(oids.data() + index * 4); }
};

inline decoded<truncate_view> decode_truncate(byte_view body, bool streamed) {
  cursor in(body);
  truncate_view m;
  m.xid = detail::decode_xid(in, streamed);
  std::size_t at = in.offset();
  auto count = in.be<std::int32_t>("relation count");
  m.flags = in.u8("flags");
  if (count < 0)
    in.fail_at(at, decode_errc::bad_length, "relation count");
  else
    m.oids = in.bytes(static_cast<std::size_t>(count) * 4, "relations");
  return in.finish(m);
}

/// The relations are `relations`; `m.oids` is not looked at.
inline void encode_truncate(encoder& out, const truncate_view& m, std::span<const std::uint32_t> relations,
                            bool streamed) {
  detail::encode_tag(out, message_tag::truncate);
  detail::encode_xid(out, m.xid, streamed);
  if (relations.size() > std::numeric_limits<std::int32_t>::max() / 4)
    return out.fail(decode_errc::limit_exceeded, "relation count");
  out.be(static_cast<std::int32_t>(relations.size()));
  out.u8(m.flags);
  for (std::uint32_t oid : relations) out.be(oid);
}

}  // namespace tidewire::pgoutput
