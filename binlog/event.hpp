// What every event has: 19 bytes of header, a body, and a checksum if the file's format says so.
#pragma once

#include "binlog/event_type.hpp"
#include "core/cursor.hpp"
#include "core/encoder.hpp"

namespace tidewire::binlog {

inline constexpr std::size_t header_bytes = 19;
inline constexpr std::size_t checksum_bytes = 4;

/// The servers' max_allowed_packet ends here, and rows events may be a little larger than it.
inline constexpr std::uint32_t max_event_bytes = (std::uint32_t{1} << 30) + (std::uint32_t{1} << 20);

/// So many bytes behind an event that was decompressed can be read, for consumers that copy in steps. Whoever
/// gives events from elsewhere to such a consumer sees to it there.
inline constexpr std::size_t event_padding = 32;

enum class checksum_algorithm : std::uint8_t { none = 0, crc32 = 1, undefined = 255 };

namespace event_flag {
inline constexpr std::uint16_t in_use = 0x1;  // of a format description: the file was not closed
inline constexpr std::uint16_t thread_specific = 0x4;
inline constexpr std::uint16_t suppress_use = 0x8;
inline constexpr std::uint16_t artificial = 0x20;  // made by the server while sending; is in no file
inline constexpr std::uint16_t relay_log = 0x40;
inline constexpr std::uint16_t ignorable = 0x80;  // whoever does not know the event's code may skip it
inline constexpr std::uint16_t no_filter = 0x100;
inline constexpr std::uint16_t isolated = 0x200;
}  // namespace event_flag

struct event_header {
  std::uint32_t timestamp = 0;  // seconds since 1970
  event_type type = event_type::unknown;
  std::uint32_t server_id = 0;
  std::uint32_t event_size = 0;  // header and checksum included
  /// Where the event ends in its file, modulo 2³²; 0 in artificial events, in payloads, and inside
  /// transactions of MariaDB ≥ 11.4. Positions are therefore computed by summing sizes.
  std::uint32_t log_pos = 0;
  std::uint16_t flags = 0;

  friend bool operator==(const event_header&, const event_header&) = default;
};

/// Reads the first header_bytes of an event. Checks nothing but that they are there.
inline decoded<event_header> decode_event_header(byte_view bytes) {
  if (bytes.size() < header_bytes) [[unlikely]]
    return std::unexpected(decode_error{decode_errc::truncated, bytes.size(), "event header"});
  const std::uint8_t* at = bytes.data();
  event_header h;
  h.timestamp = load_le<std::uint32_t>(at);
  h.type = static_cast<event_type>(at[4]);
  h.server_id = load_le<std::uint32_t>(at + 5);
  h.event_size = load_le<std::uint32_t>(at + 9);
  h.log_pos = load_le<std::uint32_t>(at + 13);
  h.flags = load_le<std::uint16_t>(at + 17);
  return h;
}

inline void encode_event_header(encoder& out, const event_header& h) {
  out.le(h.timestamp);
  out.u8(static_cast<std::uint8_t>(h.type));
  out.le(h.server_id);
  out.le(h.event_size);
  out.le(h.log_pos);
  out.le(h.flags);
}

/// One event. Borrows.
struct event_view {
  event_header header;
  byte_view bytes;  // header and body, without the checksum; offsets of errors count from its start

  byte_view body() const { return bytes.subspan(header_bytes); }
  bool artificial() const { return header.flags & event_flag::artificial; }
};

namespace detail {

/// Behind the header, so that errors count from the start of the event.
inline cursor body_of(const event_view& event) {
  cursor in(event.bytes);
  in.bytes(header_bytes, "event header");
  return in;
}

inline cursor body_of(const event_view& event, event_type type) {
  cursor in = body_of(event);
  if (event.header.type != type) [[unlikely]]
    in.fail_at(4, decode_errc::unknown_tag, "event type");
  return in;
}

}  // namespace detail

}  // namespace tidewire::binlog
