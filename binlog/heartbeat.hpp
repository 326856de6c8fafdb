// What an idle server sends so that the client knows it lives. In no file. Never progress of a transaction:
// it may come in the middle of one.
#pragma once

#include "binlog/file_events.hpp"

namespace tidewire::binlog {

/// Borrows.
struct heartbeat_view {
  std::string_view file;
  std::uint64_t position = 0;
};

/// The first version has 32 bits for the position, in its header. MariaDB leaves them 0 for a position that
/// does not fit and puts 64 bits before the name; MySQL wraps around.
inline decoded<heartbeat_view> decode_heartbeat(const event_view& event, bool mariadb) {
  cursor in = detail::body_of(event, event_type::heartbeat);
  heartbeat_view m;
  m.position = event.header.log_pos;
  if (mariadb && m.position == 0) m.position = in.le<std::uint64_t>("position");
  m.file = detail::take_file_name(in, in.remaining(), "file name");
  return in.finish(m);
}

/// The header's log_pos must be given too, or be 0 to put a position into the body.
inline void encode_heartbeat(encoder& out, const heartbeat_view& m, std::uint32_t log_pos) {
  if (log_pos == 0) out.le(m.position);
  out.text(m.file);
}

/// The second version, of MySQL ≥ 8.0.26 where the client asks for it: type, length, value. Fields that we
/// don't know are skipped, as the format intends.
inline decoded<heartbeat_view> decode_heartbeat_v2(const event_view& event) {
  cursor in = detail::body_of(event, event_type::heartbeat_v2);
  heartbeat_view m;
  while (in.ok() && in.remaining()) {
    std::uint64_t type = detail::take_lenenc(in, "field type");
    if (type == 0) break;
    std::size_t length_at = in.offset();
    std::uint64_t length = detail::take_lenenc(in, "field length");
    if (length > in.remaining()) {
      in.fail_at(length_at, decode_errc::truncated, "field length");
      break;
    }
    std::size_t end = in.offset() + static_cast<std::size_t>(length);
    if (type == 1)
      m.file = detail::take_file_name(in, static_cast<std::size_t>(length), "file name");
    else if (type == 2)
      m.position = detail::take_lenenc(in, "position");
    else
      in.bytes(static_cast<std::size_t>(length), "field");
    if (in.ok() && in.offset() != end) in.fail_at(length_at, decode_errc::bad_length, "field length");
  }
  if (in.ok() && m.file.empty()) in.fail(decode_errc::truncated, "file name");
  return in.finish(m);
}

inline void encode_heartbeat_v2(encoder& out, const heartbeat_view& m) {
  out.u8(1);
  detail::put_lenenc_bytes(out, as_bytes(m.file));
  out.u8(2);
  std::vector<std::uint8_t> number;
  encoder position(number);
  detail::put_lenenc(position, m.position);
  detail::put_lenenc_bytes(out, number);
  out.u8(0);
}

}  // namespace tidewire::binlog
