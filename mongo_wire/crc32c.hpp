// CRC-32C (Castagnoli), the checksum of OP_MSG.
#pragma once

#include <array>

#include "core/bytes.hpp"

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#endif

namespace tidewire::mongo_wire {

/// Byte by byte from a table: what crc32c must agree with.
inline std::uint32_t crc32c_scalar(byte_view bytes, std::uint32_t crc = 0) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
      made[i] = value;
    }
    return made;
  }();
  crc = ~crc;
  for (std::uint8_t byte : bytes) crc = crc >> 8 ^ table[(crc ^ byte) & 255];
  return ~crc;
}

/// `crc`: that of the bytes before.
inline std::uint32_t crc32c(byte_view bytes, std::uint32_t crc = 0) {
#if defined(__SSE4_2__)
  std::uint64_t wide = static_cast<std::uint32_t>(~crc);
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) wide = _mm_crc32_u64(wide, load_le<std::uint64_t>(at));
  auto narrow = static_cast<std::uint32_t>(wide);
  for (; left != 0; ++at, --left) narrow = _mm_crc32_u8(narrow, *at);
  return ~narrow;
#else
  return crc32c_scalar(bytes, crc);
#endif
}

}  // namespace tidewire::mongo_wire
