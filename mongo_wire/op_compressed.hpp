// OP_COMPRESSED: another message in a compressed wrapping. compression.hpp takes it out.
// https://github.com/mongodb/specifications/blob/master/source/compression/OP_COMPRESSED.md
#pragma once

#include "mongo_wire/message.hpp"

namespace tidewire::mongo_wire {

/// As numbered on the wire. noop carries the message as it is; servers refuse it outside of tests.
enum class compressor : std::uint8_t { noop = 0, snappy = 1, zlib = 2, zstd = 3 };

/// The name in hello's `compression`; null for a number that is none.
constexpr const char* name_of(compressor id) {
  switch (id) {
    case compressor::noop: return "noop";
    case compressor::snappy: return "snappy";
    case compressor::zlib: return "zlib";
    case compressor::zstd: return "zstd";
  }
  return nullptr;
}

/// Borrows the frame.
struct op_compressed_view {
  message_header header;
  opcode original = opcode::msg;
  std::uint32_t uncompressed_bytes = 0;  // of the message without its header; believed up to the maximum only
  compressor id = compressor::noop;
  byte_view data;
};

/// `frame`: exactly one message. bad_state for a compressed message in a compressed message; limit_exceeded
/// if what comes out would be larger than `max_bytes` with its header.
inline decoded<op_compressed_view> decode_op_compressed(byte_view frame,
                                                        std::uint32_t max_bytes = max_message_bytes) {
  cursor in(frame);
  op_compressed_view message;
  message.header = detail::open_message(in, opcode::compressed);
  message.original = static_cast<opcode>(in.le<std::int32_t>("original opcode"));
  if (in.ok() && !name_of(message.original)) in.fail_at(16, decode_errc::unknown_tag, "original opcode");
  if (in.ok() && message.original == opcode::compressed)
    in.fail_at(16, decode_errc::bad_state, "original opcode");
  auto size = in.le<std::int32_t>("uncompressed size");
  if (in.ok() && size < 0) in.fail_at(20, decode_errc::bad_length, "uncompressed size");
  message.uncompressed_bytes = static_cast<std::uint32_t>(size);
  if (in.ok() &&
      (max_bytes < message_header_bytes || message.uncompressed_bytes > max_bytes - message_header_bytes))
    in.fail_at(20, decode_errc::limit_exceeded, "uncompressed size");
  message.id = static_cast<compressor>(in.u8("compressor"));
  if (in.ok() && !name_of(message.id)) in.fail_at(24, decode_errc::unknown_tag, "compressor");
  if (in.ok() && message.header.length < in.offset())
    in.fail_at(0, decode_errc::bad_length, "message length");
  if (in.ok()) message.data = in.bytes(message.header.length - in.offset(), "compressed data");
  return in.finish(message);
}

/// `original`: whole message; `data`: its body, compressed.
inline decoded<std::size_t> encode_op_compressed(std::vector<std::uint8_t>& out,
                                                 const message_header& original,
                                                 std::uint32_t uncompressed_bytes, compressor id,
                                                 byte_view data) {
  std::size_t mark = open_message(out, opcode::compressed, original.request_id, original.response_to);
  encoder to(out);
  to.le(static_cast<std::int32_t>(original.code));
  to.le(uncompressed_bytes);
  to.u8(static_cast<std::uint8_t>(id));
  to.bytes(data);
  return close_message(out, mark);
}

}  // namespace tidewire::mongo_wire
