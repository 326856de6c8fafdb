// Transactions that are sent in pieces while they still run, since version 2: S E c A, and p since version 3.
// Times are microseconds since 2000-01-01 00:00 UTC.
#pragma once

#include "pgoutput/message_transaction.hpp"

namespace tidewire::pgoutput {

struct stream_start_message {
  std::uint32_t xid = 0;  // of the top-level transaction
  bool first = false;     // no block of this transaction came before
};

inline decoded<stream_start_message> decode_stream_start(byte_view body) {
  cursor in(body);
  stream_start_message m;
  m.xid = in.be<std::uint32_t>("xid");
  std::size_t at = in.offset();
  std::uint8_t first = in.u8("first segment");
  if (first > 1) in.fail_at(at, decode_errc::bad_value, "first segment");
  m.first = first == 1;
  return in.finish(m);
}

inline void encode_stream_start(encoder& out, const stream_start_message& m) {
  detail::encode_tag(out, message_tag::stream_start);
  out.be(m.xid);
  out.u8(m.first);
}

struct stream_stop_message {};

inline decoded<stream_stop_message> decode_stream_stop(byte_view body) {
  cursor in(body);
  return in.finish(stream_stop_message{});
}

inline void encode_stream_stop(encoder& out, const stream_stop_message&) {
  detail::encode_tag(out, message_tag::stream_stop);
}

struct stream_commit_message {
  std::uint32_t xid = 0;
  wire::lsn commit_lsn;
  wire::lsn end_lsn;  // the position to resume from
  std::int64_t commit_time_us = 0;
};

inline decoded<stream_commit_message> decode_stream_commit(byte_view body) {
  cursor in(body);
  stream_commit_message m;
  m.xid = in.be<std::uint32_t>("xid");
  detail::decode_unused_flags(in);
  m.commit_lsn = detail::decode_lsn(in, "commit LSN");
  m.end_lsn = detail::decode_lsn(in, "end LSN");
  m.commit_time_us = in.be<std::int64_t>("commit time");
  return in.finish(m);
}

inline void encode_stream_commit(encoder& out, const stream_commit_message& m) {
  detail::encode_tag(out, message_tag::stream_commit);
  out.be(m.xid);
  out.u8(0);
  out.be(m.commit_lsn.value);
  out.be(m.end_lsn.value);
  out.be(m.commit_time_us);
}

/// `subxid` equal to `xid` means the whole transaction.
struct stream_abort_message {
  std::uint32_t xid = 0;
  std::uint32_t subxid = 0;
  bool timed = false;  // the two fields below were sent: version 4 with streaming 'parallel'
  wire::lsn abort_lsn;
  std::int64_t abort_time_us = 0;
};

/// The body has 8 bytes, or 24 where streaming is 'parallel'.
inline decoded<stream_abort_message> decode_stream_abort(byte_view body) {
  cursor in(body);
  stream_abort_message m;
  m.xid = in.be<std::uint32_t>("xid");
  m.subxid = in.be<std::uint32_t>("subxid");
  m.timed = in.remaining() != 0;
  if (m.timed) {
    m.abort_lsn = detail::decode_lsn(in, "abort LSN");
    m.abort_time_us = in.be<std::int64_t>("abort time");
  }
  return in.finish(m);
}

inline void encode_stream_abort(encoder& out, const stream_abort_message& m) {
  detail::encode_tag(out, message_tag::stream_abort);
  out.be(m.xid);
  out.be(m.subxid);
  if (m.timed) {
    out.be(m.abort_lsn.value);
    out.be(m.abort_time_us);
  }
}

inline decoded<prepare_view> decode_stream_prepare(byte_view body) {
  cursor in(body);
  detail::decode_unused_flags(in);
  prepare_view m = detail::decode_prepare_fields(in);
  return in.finish(m);
}

inline void encode_stream_prepare(encoder& out, const prepare_view& m) {
  detail::encode_tag(out, message_tag::stream_prepare);
  out.u8(0);
  detail::encode_prepare_fields(out, m);
}

}  // namespace tidewire::pgoutput
