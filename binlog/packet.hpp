// The protocol's packets: three bytes of length, a sequence number, a payload. A payload of 16 MiB − 1 bytes
// goes on in the next packet.
#pragma once

#include "binlog/event.hpp"
#include "core/cursor.hpp"
#include "core/encoder.hpp"

namespace tidewire::binlog {

inline constexpr std::size_t packet_head_bytes = 4;
inline constexpr std::size_t packet_full_bytes = 0xffffff;

/// The size of the first whole payload of `pending` with all packets that it takes, which may be more than
/// there is; 0: too few bytes to tell. limit_exceeded if it is larger than `max_bytes`.
inline decoded<std::size_t> packet_size(byte_view pending, std::uint32_t max_bytes) {
  std::size_t at = 0;
  for (;;) {
    if (at + packet_head_bytes > pending.size()) return 0;
    const std::uint8_t* head = pending.data() + at;
    std::size_t size = head[0] | std::size_t{head[1]} << 8 | std::size_t{head[2]} << 16;
    at += packet_head_bytes + size;
    if (at > max_bytes) [[unlikely]]
      return std::unexpected(decode_error{decode_errc::limit_exceeded, 0, "packet length"});
    if (size != packet_full_bytes) [[likely]]
      return at;
  }
}

/// The payload of what packet_size() found. Borrows `frame`, or `joined` where several packets had to be put
/// together. event_padding bytes can be read behind what lies in `joined`.
inline decoded<byte_view> packet_payload(byte_view frame, std::vector<std::uint8_t>& joined) {
  cursor in(frame);
  auto take = [&in] {
    byte_view head = in.bytes(packet_head_bytes, "packet head");
    std::size_t size = head.empty() ? 0 : head[0] | std::size_t{head[1]} << 8 | std::size_t{head[2]} << 16;
    return in.bytes(size, "packet");
  };
  byte_view first = take();
  if (first.size() != packet_full_bytes) [[likely]]
    return in.finish(first);
  joined.assign(first.begin(), first.end());
  for (;;) {
    byte_view next = take();
    if (!in.ok()) return std::unexpected(in.error());
    joined.insert(joined.end(), next.begin(), next.end());
    if (next.size() != packet_full_bytes) break;
  }
  joined.resize(joined.size() + event_padding);
  return in.finish(byte_view(joined).first(joined.size() - event_padding));
}

/// The number behind that of the last packet of `frame`.
inline std::uint8_t next_sequence(byte_view frame) {
  std::uint8_t number = 0;
  for (std::size_t at = 0; at + packet_head_bytes <= frame.size();) {
    const std::uint8_t* head = frame.data() + at;
    number = static_cast<std::uint8_t>(head[3] + 1);
    at += packet_head_bytes + (head[0] | std::size_t{head[1]} << 8 | std::size_t{head[2]} << 16);
  }
  return number;
}

/// As many packets as it takes, numbered from `sequence` on.
inline void encode_packet(encoder& out, std::uint8_t sequence, byte_view payload) {
  for (;;) {
    byte_view now = payload.first(payload.size() < packet_full_bytes ? payload.size() : packet_full_bytes);
    out.u8(static_cast<std::uint8_t>(now.size()));
    out.u8(static_cast<std::uint8_t>(now.size() >> 8));
    out.u8(static_cast<std::uint8_t>(now.size() >> 16));
    out.u8(sequence++);
    out.bytes(now);
    payload = payload.subspan(now.size());
    if (now.size() != packet_full_bytes) return;
  }
}

}  // namespace tidewire::binlog
