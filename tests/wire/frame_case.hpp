// What the messages' tests share: a message is a tag, a length and its body.
#pragma once

#include "tests/core/codec_case.hpp"
#include "wire/frame.hpp"

namespace tidewire::wire::testing {

using namespace tidewire::testing;

inline byte_view body_of(const bytes& frame) {
  return byte_view(frame).subspan(frame_head_bytes);
}

/// See check_body_extent.
template <class Decode>
void check_extent(const bytes& frame, Decode decode, std::size_t also_good = ~std::size_t{0}) {
  check_body_extent(body_of(frame), decode, also_good);
}

/// The message of that body, put together without the encoders.
template <class Tag>
bytes framed(Tag tag, std::string_view body) {
  bytes content = hex(body);
  bytes frame = {static_cast<std::uint8_t>(tag), 0, 0, 0, 0};
  store_be(&frame[1], static_cast<std::uint32_t>(content.size() + 4));
  frame.insert(frame.end(), content.begin(), content.end());
  return frame;
}

/// The message of that body decodes to something that encodes to the same bytes, and has the right extent.
template <class Tag, class Decode, class Encode>
void check_frame(Tag tag, const char* body, Decode decode, Encode encode) {
  CAPTURE(body);
  bytes frame = framed(tag, body);
  auto message = decode(body_of(frame));
  REQUIRE(message.has_value());
  CHECK(encoded([&](encoder& out) { encode(out, *message); }) == frame);
  check_extent(frame, decode);
}

/// What an encoder says that must not succeed.
template <class Encode>
decode_error refused(Encode encode) {
  bytes out;
  encoder to(out);
  encode(to);
  REQUIRE(!to.ok());
  return to.error();
}

}  // namespace tidewire::wire::testing
