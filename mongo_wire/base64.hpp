// Base64 of binary data straight into a JSON buffer, twelve bytes at a time; core/base64.hpp reads it back.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/base64.hpp"

#if defined(__SSSE3__)
#include <tmmintrin.h>
#endif

namespace tidewire::mongo_wire {

constexpr std::size_t base64_size(std::size_t bytes) {
  return (bytes + 2) / 3 * 4;
}

/// Three bytes at a time: what put_base64 must agree with.
inline char* put_base64_scalar(char* out, const std::uint8_t* in, std::size_t size) {
  auto digit = [](std::uint32_t bits) { return base64_digits[bits & 63]; };
  for (; size >= 3; in += 3, size -= 3) {
    std::uint32_t bits =
        static_cast<std::uint32_t>(in[0]) << 16 | static_cast<std::uint32_t>(in[1]) << 8 | in[2];
    *out++ = digit(bits >> 18);
    *out++ = digit(bits >> 12);
    *out++ = digit(bits >> 6);
    *out++ = digit(bits);
  }
  if (size == 0) return out;
  std::uint32_t bits = static_cast<std::uint32_t>(in[0]) << 16 | (size == 2 ? in[1] << 8 : 0);
  *out++ = digit(bits >> 18);
  *out++ = digit(bits >> 12);
  *out++ = size == 2 ? digit(bits >> 6) : '=';
  *out++ = '=';
  return out;
}

/// Writes base64_size(size) characters.
inline char* put_base64(char* out, const std::uint8_t* in, std::size_t size) {
#if defined(__SSSE3__)
  // Twelve bytes become sixteen: each group of three is spread over four bytes, six bits are moved into each,
  // and a distance is added that depends on which range of the alphabet the six bits fall into.
  const __m128i spread = _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  const __m128i distance =
      _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                    '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
  for (; size >= 16; in += 12, size -= 12, out += 16) {
    __m128i groups = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in)), spread);
    __m128i odd =
        _mm_mulhi_epu16(_mm_and_si128(groups, _mm_set1_epi32(0x0fc0fc00)), _mm_set1_epi32(0x04000040));
    __m128i even =
        _mm_mullo_epi16(_mm_and_si128(groups, _mm_set1_epi32(0x003f03f0)), _mm_set1_epi32(0x01000010));
    __m128i bits = _mm_or_si128(odd, even);
    // 0–25 → 13, 26–51 → 0, 52–61 → 1–10, 62 → 11, 63 → 12
    __m128i range = _mm_subs_epu8(bits, _mm_set1_epi8(51));
    range = _mm_or_si128(range, _mm_and_si128(_mm_cmpgt_epi8(_mm_set1_epi8(26), bits), _mm_set1_epi8(13)));
    __m128i text = _mm_add_epi8(bits, _mm_shuffle_epi8(distance, range));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), text);
  }
#endif
  return put_base64_scalar(out, in, size);
}

}  // namespace tidewire::mongo_wire
