// The event before every transaction of MySQL ≥ 5.6 (with GTIDs) or 5.7 (anonymous): Gtid, Anonymous_Gtid
// and, for tagged ones, Gtid_tagged, which is laid out in another way.
#pragma once

#include "binlog/event.hpp"
#include "binlog/gtid.hpp"
#include "binlog/lenenc.hpp"

namespace tidewire::binlog {

/// Owns all it holds. What a version of the server does not write is 0.
struct gtid_event {
  std::uint8_t flags = 0;  // bit 0: may hold statement-based changes
  bool anonymous = false;  // there is no id
  gtid id;
  bool has_logical_time = false;
  std::int64_t last_committed = 0;
  std::int64_t sequence_number = 0;
  bool has_commit_time = false;
  std::uint64_t immediate_commit_us = 0;  // since 1970, on the server we read from
  std::uint64_t original_commit_us = 0;   // on the server where the transaction was made
  bool has_length = false;
  std::uint64_t transaction_length = 0;  // bytes from this event to the transaction's end, uncompressed
  bool has_version = false;
  std::uint32_t immediate_version = 0;  // 80033
  std::uint32_t original_version = 0;
  bool has_ticket = false;
  std::uint64_t commit_ticket = 0;
};

namespace detail {

inline constexpr std::uint8_t logical_time_code = 2;
inline constexpr std::uint64_t split_time = std::uint64_t{1} << 55;
inline constexpr std::uint32_t split_version = std::uint32_t{1} << 31;

inline gtid_event take_untagged(cursor& in, bool anonymous) {
  gtid_event m;
  m.anonymous = anonymous;
  m.flags = in.u8("flags");
  byte_view uuid = in.bytes(16, "uuid");
  std::copy(uuid.begin(), uuid.end(), m.id.uuid.bytes.begin());
  std::size_t at = in.offset();
  m.id.number = in.le<std::int64_t>("number");
  bool fits = anonymous ? m.id.number == 0 : m.id.number > 0 && m.id.number <= max_gtid_number;
  if (in.ok() && !fits) in.fail_at(at, decode_errc::bad_value, "number");
  if (!in.remaining()) return m;  // 5.6
  if (in.u8("logical time code") != logical_time_code) {
    in.rest();  // 5.7.4 and older had other fields here
    return m;
  }
  m.has_logical_time = true;
  m.last_committed = in.le<std::int64_t>("last committed");
  m.sequence_number = in.le<std::int64_t>("sequence number");
  if (!in.remaining()) return m;  // 5.7
  m.has_commit_time = true;
  m.immediate_commit_us = take_le(in, 7, "immediate commit time");
  m.original_commit_us = m.immediate_commit_us;
  if (m.immediate_commit_us & split_time) {
    m.immediate_commit_us &= ~split_time;
    m.original_commit_us = take_le(in, 7, "original commit time");
  }
  if (!in.remaining()) return m;
  m.has_length = true;
  m.transaction_length = take_lenenc(in, "transaction length");
  if (!in.remaining()) return m;
  m.has_version = true;
  m.immediate_version = in.le<std::uint32_t>("immediate version");
  m.original_version = m.immediate_version;
  if (m.immediate_version & split_version) {
    m.immediate_version &= ~split_version;
    m.original_version = in.le<std::uint32_t>("original version");
  }
  if (!in.remaining()) return m;
  m.has_ticket = true;
  m.commit_ticket = in.le<std::uint64_t>("commit ticket");
  return m;
}

/// The integers of MySQL's serialization library: as many low one bits in the first byte as bytes follow.
inline std::uint64_t take_varint(cursor& in, const char* field) {
  std::uint8_t first = in.u8(field);
  auto more = static_cast<std::size_t>(std::countr_one(first));
  if (more == 0) [[likely]]
    return first >> 1;
  if (more == 8) return in.le<std::uint64_t>(field);
  std::uint64_t high = take_le(in, more, field);
  return more == 7 ? high : high << (7 - more) | static_cast<std::uint64_t>(first >> (more + 1));
}

inline std::int64_t take_signed_varint(cursor& in, const char* field) {
  std::uint64_t coded = take_varint(in, field);
  return static_cast<std::int64_t>(coded >> 1) ^ -static_cast<std::int64_t>(coded & 1);
}

inline void put_varint(encoder& out, std::uint64_t value) {
  std::size_t more = 0;
  while (more < 8 && value >> (7 * (more + 1))) ++more;
  if (more == 8) {
    out.u8(0xff);
    return out.le(value);
  }
  std::uint64_t coded = value << (more + 1) | ((std::uint64_t{1} << more) - 1);
  put_le_n(out, coded, more + 1);
}

inline void put_signed_varint(encoder& out, std::int64_t value) {
  put_varint(out, static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

inline gtid_event take_tagged(cursor& in) {
  gtid_event m;
  std::size_t at = in.offset();
  std::uint64_t version = take_varint(in, "serialization version");
  if (in.ok() && version != 1) in.fail_at(at, decode_errc::unsupported, "serialization version");
  at = in.offset();
  std::size_t begin = in.offset();
  std::uint64_t size = take_varint(in, "serialized size");
  // The size counts from the version on.
  if (in.ok() && size != begin - header_bytes + (in.offset() - begin) + in.remaining())
    in.fail_at(at, decode_errc::bad_length, "serialized size");
  std::uint64_t last_needed = take_varint(in, "last non-ignorable field");
  m.has_logical_time = true;
  bool has_original_time = false, has_original_version = false;
  std::uint64_t least = 0;
  while (in.ok() && in.remaining()) {
    at = in.offset();
    std::uint64_t id = take_varint(in, "field id");
    if (in.ok() && id < least) in.fail_at(at, decode_errc::bad_value, "field id");
    least = id + 1;
    switch (id) {
      case 0: m.flags = static_cast<std::uint8_t>(take_varint(in, "flags")); break;
      case 1:
        for (auto& byte : m.id.uuid.bytes) {
          at = in.offset();
          std::uint64_t value = take_varint(in, "uuid");
          if (value > 255) in.fail_at(at, decode_errc::bad_value, "uuid");
          byte = static_cast<std::uint8_t>(value);
        }
        break;
      case 2: m.id.number = take_signed_varint(in, "number"); break;
      case 3: {
        at = in.offset();
        std::uint64_t length = take_varint(in, "tag");
        if (length > max_tag_bytes) in.fail_at(at, decode_errc::limit_exceeded, "tag");
        auto tag = gtid_tag::parse(in.text(static_cast<std::size_t>(length), "tag"));
        if (!tag) in.fail_at(at, decode_errc::bad_value, "tag");
        if (tag) m.id.tag = *tag;
        break;
      }
      case 4: m.last_committed = take_signed_varint(in, "last committed"); break;
      case 5: m.sequence_number = take_signed_varint(in, "sequence number"); break;
      case 6:
        m.has_commit_time = true;
        m.immediate_commit_us = take_varint(in, "immediate commit time");
        break;
      case 7:
        has_original_time = true;
        m.original_commit_us = take_varint(in, "original commit time");
        break;
      case 8:
        m.has_length = true;
        m.transaction_length = take_varint(in, "transaction length");
        break;
      case 9:
        m.has_version = true;
        m.immediate_version = static_cast<std::uint32_t>(take_varint(in, "immediate version"));
        break;
      case 10:
        has_original_version = true;
        m.original_version = static_cast<std::uint32_t>(take_varint(in, "original version"));
        break;
      case 11:
        m.has_ticket = true;
        m.commit_ticket = take_varint(in, "commit ticket");
        break;
      default:
        // The format does not say where an unknown field ends, so nothing after it can be read.
        if (id <= last_needed)
          in.fail_at(at, decode_errc::unsupported, "field id");
        else
          in.rest();
    }
  }
  if (!has_original_time) m.original_commit_us = m.immediate_commit_us;
  if (!has_original_version) m.original_version = m.immediate_version;
  if (in.ok() && (m.id.number <= 0 || m.id.number > max_gtid_number))
    in.fail(decode_errc::bad_value, "number");
  return m;
}

}  // namespace detail

/// Any of the three event types.
inline decoded<gtid_event> decode_gtid(const event_view& event) {
  cursor in = detail::body_of(event);
  gtid_event m;
  switch (event.header.type) {
    case event_type::gtid: m = detail::take_untagged(in, false); break;
    case event_type::anonymous_gtid: m = detail::take_untagged(in, true); break;
    case event_type::gtid_tagged: m = detail::take_tagged(in); break;
    default: in.fail_at(4, decode_errc::unknown_tag, "event type");
  }
  return in.finish(m);
}

/// Gtid or Anonymous_Gtid; the fields end with the first one that `m` does not have.
inline void encode_gtid(encoder& out, const gtid_event& m) {
  if (!m.id.tag.empty()) return out.fail(decode_errc::bad_value, "tag");
  out.u8(m.flags);
  out.bytes(m.id.uuid.bytes);
  out.le(m.id.number);
  if (!m.has_logical_time) return;
  out.u8(detail::logical_time_code);
  out.le(m.last_committed);
  out.le(m.sequence_number);
  if (!m.has_commit_time) return;
  bool split = m.original_commit_us != m.immediate_commit_us;
  detail::put_le_n(out, m.immediate_commit_us | (split ? detail::split_time : 0), 7);
  if (split) detail::put_le_n(out, m.original_commit_us, 7);
  if (!m.has_length) return;
  detail::put_lenenc(out, m.transaction_length);
  if (!m.has_version) return;
  split = m.original_version != m.immediate_version;
  out.le(m.immediate_version | (split ? detail::split_version : 0));
  if (split) out.le(m.original_version);
  if (m.has_ticket) out.le(m.commit_ticket);
}

/// Gtid_tagged, with all fields that the server itself writes.
inline void encode_gtid_tagged(encoder& out, const gtid_event& m) {
  std::vector<std::uint8_t> fields;
  encoder to(fields);
  using detail::put_signed_varint;
  using detail::put_varint;
  put_varint(to, 0);  // no field is needed that a reader might not know
  put_varint(to, 0);
  put_varint(to, m.flags);
  put_varint(to, 1);
  for (std::uint8_t byte : m.id.uuid.bytes) put_varint(to, byte);
  put_varint(to, 2);
  put_signed_varint(to, m.id.number);
  put_varint(to, 3);
  put_varint(to, m.id.tag.text().size());
  to.text(m.id.tag.text());
  put_varint(to, 4);
  put_signed_varint(to, m.last_committed);
  put_varint(to, 5);
  put_signed_varint(to, m.sequence_number);
  auto optional = [&](bool there, std::uint64_t id, std::uint64_t value) {
    if (there) put_varint(to, id), put_varint(to, value);
  };
  optional(m.has_commit_time, 6, m.immediate_commit_us);
  optional(m.has_commit_time && m.original_commit_us != m.immediate_commit_us, 7, m.original_commit_us);
  optional(m.has_length, 8, m.transaction_length);
  optional(m.has_version, 9, m.immediate_version);
  optional(m.has_version && m.original_version != m.immediate_version, 10, m.original_version);
  optional(m.has_ticket, 11, m.commit_ticket);
  // The size counts itself, in one, two or three bytes.
  std::size_t size = 0;
  for (std::size_t width = 1;; ++width) {
    size = 1 + width + fields.size();
    std::vector<std::uint8_t> coded;
    encoder probe(coded);
    put_varint(probe, size);
    if (coded.size() == width) break;
  }
  put_varint(out, 1);
  put_varint(out, size);
  out.bytes(fields);
}

}  // namespace tidewire::binlog
