// Where transactions begin and end: B C O, and since version 3 b P K r for prepared ones.
// Times are microseconds since 2000-01-01 00:00 UTC.
#pragma once

#include "pgoutput/message_tag.hpp"

namespace tidewire::pgoutput {

struct begin_message {
  wire::lsn final_lsn;  // of the commit record
  std::int64_t commit_time_us = 0;
  std::uint32_t xid = 0;
};

inline decoded<begin_message> decode_begin(byte_view body) {
  cursor in(body);
  begin_message m;
  m.final_lsn = detail::decode_lsn(in, "final LSN");
  m.commit_time_us = in.be<std::int64_t>("commit time");
  m.xid = in.be<std::uint32_t>("xid");
  return in.finish(m);
}

inline void encode_begin(encoder& out, const begin_message& m) {
  detail::encode_tag(out, message_tag::begin);
  out.be(m.final_lsn.value);
  out.be(m.commit_time_us);
  out.be(m.xid);
}

struct commit_message {
  wire::lsn commit_lsn;
  wire::lsn end_lsn;  // the position to resume from
  std::int64_t commit_time_us = 0;
};

inline decoded<commit_message> decode_commit(byte_view body) {
  cursor in(body);
  commit_message m;
  detail::decode_unused_flags(in);
  m.commit_lsn = detail::decode_lsn(in, "commit LSN");
  m.end_lsn = detail::decode_lsn(in, "end LSN");
  m.commit_time_us = in.be<std::int64_t>("commit time");
  return in.finish(m);
}

inline void encode_commit(encoder& out, const commit_message& m) {
  detail::encode_tag(out, message_tag::commit);
  out.u8(0);
  out.be(m.commit_lsn.value);
  out.be(m.end_lsn.value);
  out.be(m.commit_time_us);
}

/// The transaction was replicated to this server from another one. Borrows. Never has an xid, not even
/// inside a streamed block; a transaction may hold several.
struct origin_view {
  wire::lsn origin_lsn;  // of the commit on the origin server
  std::string_view name;
};

inline decoded<origin_view> decode_origin(byte_view body) {
  cursor in(body);
  origin_view m;
  m.origin_lsn = detail::decode_lsn(in, "origin LSN");
  m.name = in.cstring("origin name");
  return in.finish(m);
}

inline void encode_origin(encoder& out, const origin_view& m) {
  detail::encode_tag(out, message_tag::origin);
  out.be(m.origin_lsn.value);
  out.cstring(m.name, "origin name");
}

/// The fields of begin prepare, prepare and stream prepare. Borrows.
struct prepare_view {
  wire::lsn prepare_lsn;
  wire::lsn end_lsn;  // of the prepared transaction: the position to resume from
  std::int64_t prepare_time_us = 0;
  std::uint32_t xid = 0;
  std::string_view gid;
};

namespace detail {

inline prepare_view decode_prepare_fields(cursor& in) {
  prepare_view m;
  m.prepare_lsn = decode_lsn(in, "prepare LSN");
  m.end_lsn = decode_lsn(in, "end LSN");
  m.prepare_time_us = in.be<std::int64_t>("prepare time");
  m.xid = in.be<std::uint32_t>("xid");
  m.gid = in.cstring("gid");
  return m;
}

inline void encode_prepare_fields(encoder& out, const prepare_view& m) {
  out.be(m.prepare_lsn.value);
  out.be(m.end_lsn.value);
  out.be(m.prepare_time_us);
  out.be(m.xid);
  out.cstring(m.gid, "gid");
}

}  // namespace detail

inline decoded<prepare_view> decode_begin_prepare(byte_view body) {
  cursor in(body);
  prepare_view m = detail::decode_prepare_fields(in);
  return in.finish(m);
}

inline void encode_begin_prepare(encoder& out, const prepare_view& m) {
  detail::encode_tag(out, message_tag::begin_prepare);
  detail::encode_prepare_fields(out, m);
}

inline decoded<prepare_view> decode_prepare(byte_view body) {
  cursor in(body);
  detail::decode_unused_flags(in);
  prepare_view m = detail::decode_prepare_fields(in);
  return in.finish(m);
}

inline void encode_prepare(encoder& out, const prepare_view& m) {
  detail::encode_tag(out, message_tag::prepare);
  out.u8(0);
  detail::encode_prepare_fields(out, m);
}

/// A transaction prepared earlier is committed now. Borrows.
struct commit_prepared_view {
  wire::lsn commit_lsn;
  wire::lsn end_lsn;  // the position to resume from
  std::int64_t commit_time_us = 0;
  std::uint32_t xid = 0;
  std::string_view gid;
};

inline decoded<commit_prepared_view> decode_commit_prepared(byte_view body) {
  cursor in(body);
  commit_prepared_view m;
  detail::decode_unused_flags(in);
  m.commit_lsn = detail::decode_lsn(in, "commit LSN");
  m.end_lsn = detail::decode_lsn(in, "end LSN");
  m.commit_time_us = in.be<std::int64_t>("commit time");
  m.xid = in.be<std::uint32_t>("xid");
  m.gid = in.cstring("gid");
  return in.finish(m);
}

inline void encode_commit_prepared(encoder& out, const commit_prepared_view& m) {
  detail::encode_tag(out, message_tag::commit_prepared);
  out.u8(0);
  out.be(m.commit_lsn.value);
  out.be(m.end_lsn.value);
  out.be(m.commit_time_us);
  out.be(m.xid);
  out.cstring(m.gid, "gid");
}

/// A transaction prepared earlier is rolled back. Borrows.
struct rollback_prepared_view {
  wire::lsn prepare_end_lsn;
  wire::lsn rollback_end_lsn;  // the position to resume from
  std::int64_t prepare_time_us = 0;
  std::int64_t rollback_time_us = 0;
  std::uint32_t xid = 0;
  std::string_view gid;
};

inline decoded<rollback_prepared_view> decode_rollback_prepared(byte_view body) {
  cursor in(body);
  rollback_prepared_view m;
  detail::decode_unused_flags(in);
  m.prepare_end_lsn = detail::decode_lsn(in, "prepare end LSN");
  m.rollback_end_lsn = detail::decode_lsn(in, "rollback end LSN");
  m.prepare_time_us = in.be<std::int64_t>("prepare time");
  m.rollback_time_us = in.be<std::int64_t>("rollback time");
  m.xid = in.be<std::uint32_t>("xid");
  m.gid = in.cstring("gid");
  return in.finish(m);
}

inline void encode_rollback_prepared(encoder& out, const rollback_prepared_view& m) {
  detail::encode_tag(out, message_tag::rollback_prepared);
  out.u8(0);
  out.be(m.prepare_end_lsn.value);
  out.be(m.rollback_end_lsn.value);
  out.be(m.prepare_time_us);
  out.be(m.rollback_time_us);
  out.be(m.xid);
  out.cstring(m.gid, "gid");
}

}  // namespace tidewire::pgoutput
