// The frames of the tests in this folder: a 32-bit big-endian length that counts itself, then the body.
#pragma once

#include <string_view>

#include "core/encoder.hpp"
#include "core/link.hpp"

namespace tidewire::testing {

inline decoded<std::size_t> test_framer(byte_view pending, std::uint32_t max_bytes) {
  if (pending.size() < 4) return 0;
  auto size = load_be<std::uint32_t>(pending.data());
  if (size < 4) return std::unexpected(decode_error{decode_errc::bad_length, 0, "length"});
  if (size > max_bytes) return std::unexpected(decode_error{decode_errc::limit_exceeded, 0, "length"});
  return size;
}

inline std::vector<std::uint8_t> frame(std::string_view body) {
  std::vector<std::uint8_t> out;
  encoder to{out};
  auto mark = to.open_be32();
  to.text(body);
  to.close_be32(mark);
  return out;
}

inline std::string_view body(byte_view frame) {
  return as_text(frame.subspan(4));
}

}  // namespace tidewire::testing
