// What the two targets of protocol messages check of each input.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/wire/encode_again.hpp"
#include "wire/trace.hpp"

namespace tidewire::wire::fuzzing {

inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

template <class T>
void sink(const T& value) {
  asm volatile("" ::"g"(&value) : "memory");
}

/// `encode_again` gives the very bytes, or an error that lies within them.
template <class EncodeAgain>
bool round_trip(byte_view message, EncodeAgain encode_again) {
  std::vector<std::uint8_t> again;
  encoder out(again);
  decode_error error = encode_again(out);
  sink(error);
  sink(again);
  if (error.code != decode_errc::none) {
    require(*error.field && error.offset <= message.size());
    return false;
  }
  require(std::ranges::equal(again, message));
  return true;
}

/// True if it is called malformed.
inline bool trace(bool from_server, byte_view message, bool startup) {
  std::string line = trace_line(from_server, message, startup);
  sink(line);
  require(line.size() < 32'768 && line.starts_with(from_server ? "B\t" : "F\t"));
  for (char c : line) require(c == '\t' || (c >= 0x20 && c < 0x7f));
  // A ? is in the place of the name of what is not even a message. Fields have no tabs.
  return line.find("\t malformed: ") != line.npos || line.find("\t?\t") != line.npos;
}

/// The input as a message of the right length: what differs in nothing else would be a waste of the fuzzer's
/// time.
inline std::vector<std::uint8_t> with_length(byte_view input) {
  std::vector<std::uint8_t> message(input.begin(), input.end());
  if (message.size() >= frame_head_bytes)
    store_be(&message[1], static_cast<std::uint32_t>(message.size() - 1));
  return message;
}

}  // namespace tidewire::wire::fuzzing
