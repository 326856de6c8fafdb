// What every message is wrapped in: a tag, and a 32-bit length that counts itself and the body. The packets
// that open a connection have no tag.
#pragma once

#include "core/cursor.hpp"
#include "core/encoder.hpp"
#include "wire/tags.hpp"

namespace tidewire::wire {

/// The tag and the length.
inline constexpr std::size_t frame_head_bytes = 5;

/// The server takes start-up packets up to this size, not counting their length field.
inline constexpr std::uint32_t max_startup_packet_bytes = 10'000;

/// Borrows the frame it was split from.
struct backend_message {
  backend_tag tag = backend_tag::copy_data;
  byte_view body;
};

/// Borrows the frame it was split from.
struct frontend_message {
  frontend_tag tag = frontend_tag::copy_data;
  byte_view body;
};

/// A message without fields.
struct empty_message {};

namespace detail {

[[gnu::noinline, gnu::cold]] inline decode_error frame_size_error(std::uint32_t length, std::size_t offset,
                                                                  std::uint32_t least) {
  bool legal = length >= least && length <= std::uint32_t{std::numeric_limits<std::int32_t>::max()};
  return {legal ? decode_errc::limit_exceeded : decode_errc::bad_length, offset, "length"};
}

[[gnu::noinline, gnu::cold]] inline decode_error frame_error(byte_view frame, bool known_tag) {
  cursor in(frame);
  in.u8("message tag");
  if (!known_tag) in.fail_at(0, decode_errc::unknown_tag, "message tag");
  auto length = in.be<std::uint32_t>("length");
  if (length < 4 || length > std::uint32_t{std::numeric_limits<std::int32_t>::max()})
    in.fail_at(1, decode_errc::bad_length, "length");
  in.bytes(length - 4, "body");
  return in.finish(empty_message{}).error();
}

template <class Message>
decoded<Message> split_frame(byte_view frame) {
  Message split;
  if (frame.empty()) [[unlikely]]
    return std::unexpected(frame_error(frame, true));
  split.tag = static_cast<decltype(split.tag)>(frame[0]);
  bool known = name_of(split.tag);
  if (!known || frame.size() < frame_head_bytes || load_be<std::uint32_t>(&frame[1]) != frame.size() - 1)
      [[unlikely]]
    return std::unexpected(frame_error(frame, known));
  split.body = frame.subspan(frame_head_bytes);
  return split;
}

}  // namespace detail

/// The total size of the first message of `pending`, which may be more than there is; 0: too few bytes to
/// tell. bad_length if it cannot be a message, limit_exceeded if it is larger than `max_bytes`.
inline decoded<std::size_t> frame_size(byte_view pending, std::uint32_t max_bytes) {
  if (pending.size() < frame_head_bytes) [[unlikely]]
    return 0;
  auto length = load_be<std::uint32_t>(pending.data() + 1);
  if (length < 4 || length >= max_bytes || length > std::uint32_t{std::numeric_limits<std::int32_t>::max()})
      [[unlikely]]
    return std::unexpected(detail::frame_size_error(length, 1, 4));
  return std::size_t{length} + 1;
}

/// As frame_size, for the packets without a tag that a client begins with.
inline decoded<std::size_t> startup_size(byte_view pending, std::uint32_t max_bytes) {
  if (pending.size() < 4) return 0;
  auto length = load_be<std::uint32_t>(pending.data());
  if (length < 8 || length > max_startup_packet_bytes + 4 || length > max_bytes)
    return std::unexpected(detail::frame_size_error(length, 0, 8));
  return length;
}

/// `frame`: exactly one message. unknown_tag for a letter that is not a server's.
inline decoded<backend_message> split_backend(byte_view frame) {
  return detail::split_frame<backend_message>(frame);
}

/// `frame`: exactly one message. unknown_tag for a letter that is not a client's.
inline decoded<frontend_message> split_frontend(byte_view frame) {
  return detail::split_frame<frontend_message>(frame);
}

/// Begins a message of any tag; `close_be32` of what it returns ends it.
template <class Tag>
std::size_t open_frame(encoder& out, Tag tag) {
  out.u8(static_cast<std::uint8_t>(tag));
  return out.open_be32();
}

/// Of any message without fields: BindComplete, CloseComplete, CopyDone, EmptyQueryResponse, NoData,
/// ParseComplete, PortalSuspended; Flush, Sync, Terminate.
inline decoded<empty_message> decode_empty(byte_view body) {
  cursor in(body);
  return in.finish(empty_message{});
}

template <class Tag>
void encode_empty(encoder& out, Tag tag) {
  out.close_be32(open_frame(out, tag));
}

}  // namespace tidewire::wire
