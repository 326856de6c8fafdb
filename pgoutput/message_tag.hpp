// What kind of message it is, and the two steps that all decoders share.
#pragma once

#include "core/cursor.hpp"
#include "core/encoder.hpp"
#include "wire/lsn.hpp"

namespace tidewire::pgoutput {

/// The first byte of a message. The same letters mean other things inside a tuple and as CopyData payloads.
enum class message_tag : std::uint8_t {
  begin = 'B',
  commit = 'C',
  origin = 'O',
  relation = 'R',
  type = 'Y',
  insert = 'I',
  update = 'U',
  remove = 'D',
  truncate = 'T',
  logical = 'M',
  stream_start = 'S',       // since version 2
  stream_stop = 'E',        // since version 2
  stream_commit = 'c',      // since version 2
  stream_abort = 'A',       // since version 2
  begin_prepare = 'b',      // since version 3
  prepare = 'P',            // since version 3
  commit_prepared = 'K',    // since version 3
  rollback_prepared = 'r',  // since version 3
  stream_prepare = 'p',     // since version 3
};

/// The message's name in the manual; null for a byte that is no tag.
constexpr const char* name_of(message_tag tag) {
  switch (tag) {
    case message_tag::begin: return "begin";
    case message_tag::commit: return "commit";
    case message_tag::origin: return "origin";
    case message_tag::relation: return "relation";
    case message_tag::type: return "type";
    case message_tag::insert: return "insert";
    case message_tag::update: return "update";
    case message_tag::remove: return "delete";
    case message_tag::truncate: return "truncate";
    case message_tag::logical: return "message";
    case message_tag::stream_start: return "stream start";
    case message_tag::stream_stop: return "stream stop";
    case message_tag::stream_commit: return "stream commit";
    case message_tag::stream_abort: return "stream abort";
    case message_tag::begin_prepare: return "begin prepare";
    case message_tag::prepare: return "prepare";
    case message_tag::commit_prepared: return "commit prepared";
    case message_tag::rollback_prepared: return "rollback prepared";
    case message_tag::stream_prepare: return "stream prepare";
  }
  return nullptr;
}

/// Of these most streams consist.
constexpr bool is_row(message_tag tag) {
  return tag == message_tag::insert || tag == message_tag::update || tag == message_tag::remove;
}

/// Borrows the bytes it was split from.
struct message_view {
  message_tag tag = message_tag::begin;
  byte_view body;
};

/// `message`: the data of one XLogData, tag first. unknown_tag for a letter that the manual does not list.
inline decoded<message_view> split_message(byte_view message) {
  if (message.empty()) return std::unexpected(decode_error{decode_errc::truncated, 0, "message tag"});
  auto tag = static_cast<message_tag>(message[0]);
  if (!name_of(tag)) return std::unexpected(decode_error{decode_errc::unknown_tag, 0, "message tag"});
  return message_view{tag, message.subspan(1)};
}

namespace detail {

inline void encode_tag(encoder& out, message_tag tag) {
  out.u8(static_cast<std::uint8_t>(tag));
}

inline std::uint32_t decode_xid(cursor& in, bool streamed) {
  return streamed ? in.be<std::uint32_t>("xid") : 0;
}

inline void encode_xid(encoder& out, std::uint32_t xid, bool streamed) {
  if (streamed) out.be(xid);
}

inline wire::lsn decode_lsn(cursor& in, const char* field) {
  return wire::lsn{in.be<std::uint64_t>(field)};
}

/// A flags byte that the manual calls unused. Postgres' own subscriber refuses anything but 0 there as well.
inline void decode_unused_flags(cursor& in) {
  std::size_t at = in.offset();
  if (in.u8("flags") != 0) in.fail_at(at, decode_errc::bad_value, "flags");
}

}  // namespace detail

}  // namespace tidewire::pgoutput
