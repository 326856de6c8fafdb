// What is said about the files themselves: rotate, stop, MariaDB's checkpoint and encryption start,
// incidents.
#pragma once

#include "binlog/event.hpp"
#include "binlog/lenenc.hpp"

namespace tidewire::binlog {

/// The servers' limit of a path (FN_REFLEN); file names come without their folder.
inline constexpr std::size_t max_file_name_bytes = 512;

namespace detail {

inline std::string_view take_file_name(cursor& in, std::size_t size, const char* field) {
  if (in.ok() && size > max_file_name_bytes) in.fail(decode_errc::limit_exceeded, field);
  if (in.ok() && size == 0) in.fail(decode_errc::truncated, field);
  return in.text(size, field);
}

}  // namespace detail

/// The stream goes on in another file. Borrows. An artificial one (event_view::artificial) comes first on
/// every connection and tells the file that follows; it moves no position.
struct rotate_view {
  std::uint64_t position = 4;
  std::string_view file;
};

inline decoded<rotate_view> decode_rotate(const event_view& event) {
  cursor in = detail::body_of(event, event_type::rotate);
  rotate_view m;
  m.position = in.le<std::uint64_t>("position");
  m.file = detail::take_file_name(in, in.remaining(), "file name");
  return in.finish(m);
}

inline void encode_rotate(encoder& out, const rotate_view& m) {
  out.le(m.position);
  out.text(m.file);
}

/// The server was shut down in order; its next file follows without a rotate.
inline decoded<event_type> decode_stop(const event_view& event) {
  cursor in = detail::body_of(event, event_type::stop);
  return in.finish(event.header.type);
}

/// MariaDB: nothing in files before `file` is needed for crash recovery. Borrows.
struct binlog_checkpoint_view {
  std::string_view file;
};

inline decoded<binlog_checkpoint_view> decode_binlog_checkpoint(const event_view& event) {
  cursor in = detail::body_of(event, event_type::binlog_checkpoint);
  binlog_checkpoint_view m;
  auto size = in.le<std::uint32_t>("file name length");
  m.file = detail::take_file_name(in, size, "file name");
  return in.finish(m);
}

inline void encode_binlog_checkpoint(encoder& out, const binlog_checkpoint_view& m) {
  out.le(static_cast<std::uint32_t>(m.file.size()));
  out.text(m.file);
}

/// MariaDB: whatever follows in this file is encrypted. Borrows.
struct start_encryption_view {
  std::uint8_t scheme = 0;
  std::uint32_t key_version = 0;
  byte_view nonce;  // 12 bytes
};

inline decoded<start_encryption_view> decode_start_encryption(const event_view& event) {
  cursor in = detail::body_of(event, event_type::start_encryption);
  start_encryption_view m;
  m.scheme = in.u8("scheme");
  m.key_version = in.le<std::uint32_t>("key version");
  m.nonce = in.bytes(12, "nonce");
  return in.finish(m);
}

inline void encode_start_encryption(encoder& out, const start_encryption_view& m) {
  out.u8(m.scheme);
  out.le(m.key_version);
  out.bytes(m.nonce);
}

/// Changes are missing from the binlog from here on. Borrows.
struct incident_view {
  std::uint16_t number = 0;  // 1: LOST_EVENTS
  std::string_view message;
};

inline decoded<incident_view> decode_incident(const event_view& event) {
  cursor in = detail::body_of(event, event_type::incident);
  incident_view m;
  m.number = in.le<std::uint16_t>("incident number");
  std::size_t size = in.u8("message length");
  m.message = in.text(size, "message");
  return in.finish(m);
}

inline void encode_incident(encoder& out, const incident_view& m) {
  out.le(m.number);
  if (m.message.size() > 255) return out.fail(decode_errc::limit_exceeded, "message length");
  out.u8(static_cast<std::uint8_t>(m.message.size()));
  out.text(m.message);
}

}  // namespace tidewire::binlog
