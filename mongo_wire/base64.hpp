// Base64 with the standard alphabet and padding (RFC 4648 section 4).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "core/bytes.hpp"

#if defined(__SSSE3__)
#include <tmmintrin.h>
#endif

namespace tidewire::mongo_wire {

constexpr std::size_t base64_size(std::size_t bytes) {
  return (bytes + 2) / 3 * 4;
}

namespace detail {

inline constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace detail

/// Three bytes at a time: what put_base64 must agree with.
inline char* put_base64_scalar(char* out, const std::uint8_t* in, std::size_t size) {
  auto digit = [](std::uint32_t bits) { return detail::base64_digits[bits & 63]; };
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

/// Appends the bytes. False, with nothing appended, for what is not base64: whole groups of four with their
/// padding, and no bits set that mean nothing.
inline bool parse_base64(std::string_view text, std::vector<std::uint8_t>& out) {
  static constexpr auto values = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(0xff);
    for (std::size_t i = 0; i < 64; ++i)
      table[static_cast<unsigned char>(detail::base64_digits[i])] = static_cast<std::uint8_t>(i);
    return table;
  }();
  if (text.size() % 4 != 0) return false;
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::size_t digits = text.size() - padding;
  std::size_t begin = out.size();
  out.resize(begin + digits * 3 / 4);
  std::uint8_t* at = out.data() + begin;
  std::uint32_t bits = 0;
  int held = 0;
  std::uint8_t all = 0;
  for (char each : text.substr(0, digits)) {
    std::uint8_t value = values[static_cast<unsigned char>(each)];
    all |= value;
    bits = bits << 6 | (value & 63u);
    held += 6;
    if (held >= 8) {
      held -= 8;
      *at++ = static_cast<std::uint8_t>(bits >> held);
    }
  }
  if ((all & 0xc0) != 0 || (bits & ((1u << held) - 1)) != 0) {
    out.resize(begin);
    return false;
  }
  return true;
}

}  // namespace tidewire::mongo_wire
