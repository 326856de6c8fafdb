// What every message of the MongoDB wire protocol begins with: 16 bytes, little-endian.
// https://github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md
#pragma once

#include <limits>

#include "core/cursor.hpp"
#include "core/encoder.hpp"

namespace tidewire::mongo_wire {

/// The kinds that servers from 6.0 on still speak. query and reply only for a first hello in the old form.
enum class opcode : std::int32_t { reply = 1, query = 2004, compressed = 2012, msg = 2013 };

/// Null for a number that is none of them.
constexpr const char* name_of(opcode code) {
  switch (code) {
    case opcode::reply: return "OP_REPLY";
    case opcode::query: return "OP_QUERY";
    case opcode::compressed: return "OP_COMPRESSED";
    case opcode::msg: return "OP_MSG";
  }
  return nullptr;
}

inline constexpr std::size_t message_header_bytes = 16;

/// A server's own maxMessageSizeBytes.
inline constexpr std::uint32_t max_message_bytes = 48'000'000;

struct message_header {
  std::uint32_t length = 0;  // of the whole message
  std::int32_t request_id = 0;
  std::int32_t response_to = 0;  // the request_id that this answers; 0: none
  opcode code = opcode::msg;
};

/// Borrows the frame it was split from.
struct message_view {
  message_header header;
  byte_view frame;

  byte_view body() const { return frame.subspan(message_header_bytes); }
};

namespace detail {

inline message_header read_header(cursor& in) {
  message_header header;
  header.length = in.le<std::uint32_t>("message length");
  if (in.ok() && (header.length < message_header_bytes ||
                  header.length > std::uint32_t{std::numeric_limits<std::int32_t>::max()}))
    in.fail_at(0, decode_errc::bad_length, "message length");
  header.request_id = in.le<std::int32_t>("request id");
  header.response_to = in.le<std::int32_t>("response to");
  header.code = static_cast<opcode>(in.le<std::int32_t>("opcode"));
  if (in.ok() && !name_of(header.code)) in.fail_at(12, decode_errc::unknown_tag, "opcode");
  return header;
}

/// A frame's header, which must be of the kind `expected`.
inline message_header open_message(cursor& in, opcode expected) {
  message_header header = read_header(in);
  if (in.ok() && header.code != expected) in.fail_at(12, decode_errc::bad_state, "opcode");
  if (in.ok() && header.length > in.offset() + in.remaining())
    in.fail_at(in.offset() + in.remaining(), decode_errc::truncated, "message");
  return header;
}

}  // namespace detail

/// The total size of the first message of `pending`, which may be more than there is; 0: too few bytes to
/// tell. bad_length if it cannot be a message, limit_exceeded if it is larger than `max_bytes`.
inline decoded<std::size_t> message_size(byte_view pending, std::uint32_t max_bytes) {
  if (pending.size() < 4) return 0;
  auto length = load_le<std::uint32_t>(pending.data());
  bool legal =
      length >= message_header_bytes && length <= std::uint32_t{std::numeric_limits<std::int32_t>::max()};
  if (!legal) return std::unexpected(decode_error{decode_errc::bad_length, 0, "message length"});
  if (length > max_bytes)
    return std::unexpected(decode_error{decode_errc::limit_exceeded, 0, "message length"});
  return length;
}

/// `frame`: exactly one message. unknown_tag for a kind that opcode does not list.
inline decoded<message_view> split_message(byte_view frame) {
  cursor in(frame);
  message_view split;
  split.header = detail::read_header(in);
  split.frame = frame;
  in.bytes(in.ok() ? split.header.length - message_header_bytes : 0, "message");
  return in.finish(split);
}

/// Writes the header; close_message, with what this returns, fills in the length.
inline std::size_t open_message(std::vector<std::uint8_t>& out, opcode code, std::int32_t request_id,
                                std::int32_t response_to = 0) {
  std::size_t mark = out.size();
  encoder to(out);
  to.le(std::uint32_t{0});
  to.le(request_id);
  to.le(response_to);
  to.le(static_cast<std::int32_t>(code));
  return mark;
}

/// The message's size; limit_exceeded if it is larger than any server takes.
inline decoded<std::size_t> close_message(std::vector<std::uint8_t>& out, std::size_t mark) {
  std::size_t size = out.size() - mark;
  if (size > max_message_bytes)
    return std::unexpected(decode_error{decode_errc::limit_exceeded, mark, "message length"});
  store_le(out.data() + mark, static_cast<std::uint32_t>(size));
  return size;
}

}  // namespace tidewire::mongo_wire
