// The floor: hops from length to length and reads every tag, without a single bounds check, an error or a
// view. No decoder of these captures can be faster; for input that is not known to be good it is of no use.
#pragma once

#include "bench/tally.hpp"

namespace tidewire::bench {

namespace detail {

/// Returns where the tuple ends. `at`: its kind.
inline const std::uint8_t* walk_tuple(const std::uint8_t* at, const std::uint8_t* file, tally& seen) {
  auto count = load_be<std::uint16_t>(at + 1);
  at += 3;
  for (; count != 0; --count) {
    prefetch_ahead(at);
    if (*at == 't' || *at == 'b') {
      auto size = load_be<std::uint32_t>(at + 1);
      seen.value(at + 5, size, file);
      at += 5 + std::size_t{size};
    } else {
      ++seen.missing;
      ++at;
    }
  }
  return at;
}

}  // namespace detail

[[gnu::noinline]] inline tally walk_pass(byte_view file) {
  constexpr std::size_t header_bytes = 8, xlog_data_header_bytes = 25;
  tally seen;
  bool streamed = false;
  const std::uint8_t* end = file.data() + file.size();
  for (const std::uint8_t* record = file.data() + header_bytes; record != end;) {
    const std::uint8_t* next = record + 4 + load_be<std::uint32_t>(record);
    if (record[4] == 'w') {
      const std::uint8_t* message = record + 4 + xlog_data_header_bytes;
      ++seen.messages;
      if (*message == 'I' || *message == 'U' || *message == 'D') {
        ++seen.rows;
        const std::uint8_t* tuple = message + (streamed ? 9 : 5);
        do tuple = detail::walk_tuple(tuple, file.data(), seen);
        while (tuple != next);
      } else if (*message == 'S' || *message == 'E') {
        streamed = *message == 'S';
      }
    } else {
      seen.keepalives += record[4] == 'k';
    }
    record = next;
  }
  return seen;
}

}  // namespace tidewire::bench
