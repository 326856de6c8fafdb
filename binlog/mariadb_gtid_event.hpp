// MariaDB's GTID events: Gtid, which takes the place of BEGIN, and Gtid_list, the state at a file's
// beginning.
#pragma once

#include "binlog/event.hpp"
#include "binlog/lenenc.hpp"
#include "binlog/transaction_end.hpp"

namespace tidewire::binlog {

/// Printed as domain-server-sequence.
struct mariadb_gtid {
  std::uint32_t domain = 0;
  std::uint32_t server = 0;
  std::uint64_t sequence = 0;

  friend bool operator==(const mariadb_gtid&, const mariadb_gtid&) = default;
};

namespace mariadb_gtid_flag {
inline constexpr std::uint8_t standalone = 0x1;  // one statement follows, without XID or COMMIT (DDL)
inline constexpr std::uint8_t group_commit = 0x2;
inline constexpr std::uint8_t transactional = 0x4;
inline constexpr std::uint8_t allow_parallel = 0x8;
inline constexpr std::uint8_t waited = 0x10;
inline constexpr std::uint8_t ddl = 0x20;
inline constexpr std::uint8_t prepared_xa = 0x40;   // XA PREPARE of `xa`: its rows don't count yet
inline constexpr std::uint8_t completed_xa = 0x80;  // XA COMMIT or ROLLBACK of `xa`, a query that follows
}  // namespace mariadb_gtid_flag

namespace mariadb_gtid_extra {
inline constexpr std::uint8_t engines = 0x1;
inline constexpr std::uint8_t start_alter = 0x2;
inline constexpr std::uint8_t commit_alter = 0x4;
inline constexpr std::uint8_t rollback_alter = 0x8;
inline constexpr std::uint8_t thread_id = 0x10;
}  // namespace mariadb_gtid_extra

/// Borrows.
struct mariadb_gtid_view {
  mariadb_gtid id;  // the server is that of the event's header
  std::uint8_t flags = 0;
  std::uint64_t commit_id = 0;  // with group_commit
  xa_id_view xa;                // with prepared_xa and completed_xa
  std::uint8_t extra = 0;
  std::uint8_t engines = 0;
  std::uint64_t alter_sequence = 0;  // the start_alter that this one commits or rolls back
  std::uint32_t thread_id = 0;

  bool standalone() const { return flags & mariadb_gtid_flag::standalone; }
};

inline decoded<mariadb_gtid_view> decode_mariadb_gtid(const event_view& event) {
  constexpr std::size_t least_bytes = 19;  // shorter ones are filled up with zeros
  cursor in = detail::body_of(event, event_type::mariadb_gtid);
  mariadb_gtid_view m;
  std::size_t begin = in.offset();
  m.id.server = event.header.server_id;
  m.id.sequence = in.le<std::uint64_t>("sequence number");
  m.id.domain = in.le<std::uint32_t>("domain");
  m.flags = in.u8("flags");
  if (m.flags & mariadb_gtid_flag::group_commit) m.commit_id = in.le<std::uint64_t>("commit id");
  if (m.flags & (mariadb_gtid_flag::prepared_xa | mariadb_gtid_flag::completed_xa)) {
    auto format = in.le<std::uint32_t>("XA format");
    std::size_t at = in.offset();
    std::size_t gtrid = in.u8("gtrid length");
    std::size_t bqual = in.u8("bqual length");
    m.xa = detail::take_xa_id(in, format, gtrid, bqual, at);
  }
  if (in.ok() && in.remaining()) {
    std::size_t at = in.offset();
    m.extra = in.u8("extra flags");
    if (m.extra & ~0x1f) in.fail_at(at, decode_errc::unsupported, "extra flags");
    if (m.extra & mariadb_gtid_extra::engines) m.engines = in.u8("engines");
    if (m.extra & (mariadb_gtid_extra::commit_alter | mariadb_gtid_extra::rollback_alter))
      m.alter_sequence = in.le<std::uint64_t>("alter sequence number");
    if (m.extra & mariadb_gtid_extra::thread_id) m.thread_id = in.le<std::uint32_t>("thread id");
  }
  while (in.ok() && in.remaining() && in.offset() < begin + least_bytes) {
    std::size_t at = in.offset();
    if (in.u8("padding") != 0) in.fail_at(at, decode_errc::bad_value, "padding");
  }
  if (in.ok() && in.offset() < begin + least_bytes) in.fail(decode_errc::truncated, "padding");
  return in.finish(m);
}

inline void encode_mariadb_gtid(encoder& out, const mariadb_gtid_view& m) {
  std::size_t begin = out.size();
  out.le(m.id.sequence);
  out.le(m.id.domain);
  out.u8(m.flags);
  if (m.flags & mariadb_gtid_flag::group_commit) out.le(m.commit_id);
  if (m.flags & (mariadb_gtid_flag::prepared_xa | mariadb_gtid_flag::completed_xa)) {
    if (m.xa.gtrid.size() > max_xa_part_bytes || m.xa.bqual.size() > max_xa_part_bytes)
      return out.fail(decode_errc::limit_exceeded, "XA id length");
    out.le(m.xa.format);
    out.u8(static_cast<std::uint8_t>(m.xa.gtrid.size()));
    out.u8(static_cast<std::uint8_t>(m.xa.bqual.size()));
    out.bytes(m.xa.gtrid);
    out.bytes(m.xa.bqual);
  }
  if (m.extra) {
    out.u8(m.extra);
    if (m.extra & mariadb_gtid_extra::engines) out.u8(m.engines);
    if (m.extra & (mariadb_gtid_extra::commit_alter | mariadb_gtid_extra::rollback_alter))
      out.le(m.alter_sequence);
    if (m.extra & mariadb_gtid_extra::thread_id) out.le(m.thread_id);
  }
  while (out.size() < begin + 19) out.u8(0);
}

/// The last GTID of every domain and server before this place. Borrows; read by gtid().
struct gtid_list_view {
  std::uint32_t flags =
      0;  // the 4 high bits of the count: 1 << 28 "reached the wanted end", 1 << 29 "ignore"
  std::uint32_t count = 0;
  byte_view entries;

  /// `index` < count.
  mariadb_gtid gtid(std::size_t index) const {
    const std::uint8_t* at = entries.data() + index * 16;
    return {load_le<std::uint32_t>(at), load_le<std::uint32_t>(at + 4), load_le<std::uint64_t>(at + 8)};
  }
};

inline decoded<gtid_list_view> decode_gtid_list(const event_view& event) {
  cursor in = detail::body_of(event, event_type::gtid_list);
  gtid_list_view m;
  std::size_t at = in.offset();
  auto coded = in.le<std::uint32_t>("count");
  m.count = coded & 0x0fffffff;
  m.flags = coded & 0xf0000000;
  if (in.ok() && m.count > in.remaining() / 16) in.fail_at(at, decode_errc::truncated, "count");
  m.entries = in.bytes(std::size_t{m.count} * 16, "entries");
  if (in.ok() && m.count == 0 && in.remaining() == 2) in.rest();  // see encode_gtid_list
  return in.finish(m);
}

inline void encode_gtid_list(encoder& out, std::uint32_t flags, std::span<const mariadb_gtid> entries) {
  if (entries.size() > 0x0fffffff) return out.fail(decode_errc::limit_exceeded, "count");
  out.le((flags & 0xf0000000) | static_cast<std::uint32_t>(entries.size()));
  for (const mariadb_gtid& each : entries) {
    out.le(each.domain);
    out.le(each.server);
    out.le(each.sequence);
  }
  // The server fills up an empty list so that the event is never shorter than a GTID event.
  if (entries.empty()) out.le(std::uint16_t{0});
}

}  // namespace tidewire::binlog
