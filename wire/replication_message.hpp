// What CopyData carries while a server streams its log: w k s from the server, r h p from the client. The
// decoders take, and the encoders write, the whole payload, its first byte being the kind. Times are
// microseconds since 2000-01-01 00:00 UTC.
#pragma once

#include "wire/frame.hpp"
#include "wire/lsn.hpp"

namespace tidewire::wire {

/// A payload's first byte. Some of the letters are message tags too, and mean something else there.
enum class replication_kind : std::uint8_t {
  xlog_data = 'w',
  keepalive = 'k',
  primary_status = 's',  // since 19, as the answer to the request
  standby_status = 'r',
  hot_standby_feedback = 'h',
  primary_status_request = 'p',  // since 19
};

/// What comes before the data of an XLogData.
inline constexpr std::size_t xlog_data_head_bytes = 25;

/// Borrows. In logical replication `data` is one message of the output plugin, `end` equals `start`, and both
/// are 0 for messages that belong to no place (pgoutput's Relation and Type).
struct xlog_data_view {
  lsn start;
  lsn end;
  std::int64_t sent_time_us = 0;
  byte_view data;
};

/// How far the server's log goes.
struct keepalive_message {
  lsn end;
  std::int64_t sent_time_us = 0;
  bool reply_requested = false;  // the server is about to close the connection for our silence

  friend bool operator==(const keepalive_message&, const keepalive_message&) = default;
};

/// The transaction IDs have their epoch in the upper half.
struct primary_status_view {
  lsn end;
  std::uint64_t oldest_committing_xid = 0;  // next_xid if nothing is being committed
  std::uint64_t next_xid = 0;
  std::int64_t sent_time_us = 0;

  friend bool operator==(const primary_status_view&, const primary_status_view&) = default;
};

/// What the client has; `flushed` lets the server forget everything before it.
struct standby_status {
  lsn written;
  lsn flushed;
  lsn applied;
  std::int64_t time_us = 0;
  bool reply_requested = false;

  friend bool operator==(const standby_status&, const standby_status&) = default;
};

/// The oldest transactions that a physical standby's queries need.
struct hot_standby_feedback {
  std::int64_t time_us = 0;
  std::uint32_t xmin = 0;
  std::uint32_t xmin_epoch = 0;
  std::uint32_t catalog_xmin = 0;
  std::uint32_t catalog_xmin_epoch = 0;

  friend bool operator==(const hot_standby_feedback&, const hot_standby_feedback&) = default;
};

struct primary_status_request {
  std::int64_t time_us = 0;

  friend bool operator==(const primary_status_request&, const primary_status_request&) = default;
};

namespace detail {

inline void decode_kind(cursor& in, replication_kind kind) {
  if (in.u8("kind") != static_cast<std::uint8_t>(kind)) in.fail_at(0, decode_errc::unknown_tag, "kind");
}

inline void encode_kind(encoder& out, replication_kind kind) {
  out.u8(static_cast<std::uint8_t>(kind));
}

inline bool decode_flag(cursor& in, const char* field) {
  std::size_t at = in.offset();
  std::uint8_t flag = in.u8(field);
  if (flag > 1) in.fail_at(at, decode_errc::bad_value, field);
  return flag == 1;
}

inline lsn decode_lsn(cursor& in, const char* field) {
  return lsn{in.be<std::uint64_t>(field)};
}

[[gnu::noinline, gnu::cold]] inline decode_error xlog_data_error(byte_view payload) {
  cursor in(payload);
  decode_kind(in, replication_kind::xlog_data);
  in.be<std::uint64_t>("WAL start");
  in.be<std::uint64_t>("WAL end");
  in.be<std::uint64_t>("sent time");
  return in.error();
}

}  // namespace detail

/// The hot path: one message of this kind per changed row.
inline decoded<xlog_data_view> decode_xlog_data(byte_view payload) {
  if (payload.size() < xlog_data_head_bytes || payload[0] != 'w') [[unlikely]]
    return std::unexpected(detail::xlog_data_error(payload));
  const std::uint8_t* at = payload.data();
  return xlog_data_view{lsn{load_be<std::uint64_t>(at + 1)}, lsn{load_be<std::uint64_t>(at + 9)},
                        load_be<std::int64_t>(at + 17), payload.subspan(xlog_data_head_bytes)};
}

inline void encode_xlog_data(encoder& out, const xlog_data_view& m) {
  detail::encode_kind(out, replication_kind::xlog_data);
  out.be(m.start.value);
  out.be(m.end.value);
  out.be(m.sent_time_us);
  out.bytes(m.data);
}

inline decoded<keepalive_message> decode_keepalive(byte_view payload) {
  cursor in(payload);
  keepalive_message m;
  detail::decode_kind(in, replication_kind::keepalive);
  m.end = detail::decode_lsn(in, "WAL end");
  m.sent_time_us = in.be<std::int64_t>("sent time");
  m.reply_requested = detail::decode_flag(in, "reply requested");
  return in.finish(m);
}

inline void encode_keepalive(encoder& out, const keepalive_message& m) {
  detail::encode_kind(out, replication_kind::keepalive);
  out.be(m.end.value);
  out.be(m.sent_time_us);
  out.u8(m.reply_requested);
}

inline decoded<primary_status_view> decode_primary_status(byte_view payload) {
  cursor in(payload);
  primary_status_view m;
  detail::decode_kind(in, replication_kind::primary_status);
  m.end = detail::decode_lsn(in, "WAL end");
  m.oldest_committing_xid = in.be<std::uint64_t>("oldest committing xid");
  m.next_xid = in.be<std::uint64_t>("next xid");
  m.sent_time_us = in.be<std::int64_t>("sent time");
  return in.finish(m);
}

inline void encode_primary_status(encoder& out, const primary_status_view& m) {
  detail::encode_kind(out, replication_kind::primary_status);
  out.be(m.end.value);
  out.be(m.oldest_committing_xid);
  out.be(m.next_xid);
  out.be(m.sent_time_us);
}

inline decoded<standby_status> decode_standby_status(byte_view payload) {
  cursor in(payload);
  standby_status m;
  detail::decode_kind(in, replication_kind::standby_status);
  m.written = detail::decode_lsn(in, "written LSN");
  m.flushed = detail::decode_lsn(in, "flushed LSN");
  m.applied = detail::decode_lsn(in, "applied LSN");
  m.time_us = in.be<std::int64_t>("time");
  m.reply_requested = detail::decode_flag(in, "reply requested");
  return in.finish(m);
}

inline void encode_standby_status(encoder& out, const standby_status& m) {
  detail::encode_kind(out, replication_kind::standby_status);
  out.be(m.written.value);
  out.be(m.flushed.value);
  out.be(m.applied.value);
  out.be(m.time_us);
  out.u8(m.reply_requested);
}

/// A complete CopyData.
inline void encode_standby_status_frame(encoder& out, const standby_status& m) {
  std::size_t mark = open_frame(out, frontend_tag::copy_data);
  encode_standby_status(out, m);
  out.close_be32(mark);
}

inline decoded<hot_standby_feedback> decode_hot_standby_feedback(byte_view payload) {
  cursor in(payload);
  hot_standby_feedback m;
  detail::decode_kind(in, replication_kind::hot_standby_feedback);
  m.time_us = in.be<std::int64_t>("time");
  m.xmin = in.be<std::uint32_t>("xmin");
  m.xmin_epoch = in.be<std::uint32_t>("xmin epoch");
  m.catalog_xmin = in.be<std::uint32_t>("catalog xmin");
  m.catalog_xmin_epoch = in.be<std::uint32_t>("catalog xmin epoch");
  return in.finish(m);
}

inline void encode_hot_standby_feedback(encoder& out, const hot_standby_feedback& m) {
  detail::encode_kind(out, replication_kind::hot_standby_feedback);
  out.be(m.time_us);
  out.be(m.xmin);
  out.be(m.xmin_epoch);
  out.be(m.catalog_xmin);
  out.be(m.catalog_xmin_epoch);
}

inline decoded<primary_status_request> decode_primary_status_request(byte_view payload) {
  cursor in(payload);
  primary_status_request m;
  detail::decode_kind(in, replication_kind::primary_status_request);
  m.time_us = in.be<std::int64_t>("time");
  return in.finish(m);
}

inline void encode_primary_status_request(encoder& out, const primary_status_request& m) {
  detail::encode_kind(out, replication_kind::primary_status_request);
  out.be(m.time_us);
}

}  // namespace tidewire::wire
