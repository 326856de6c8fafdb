#include "binlog/checksum.hpp"

#include <array>
#include <zlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define TIDEWIRE_FOLDED_CRC 1
#endif

namespace tidewire::binlog {

namespace {

constexpr std::size_t step = 16;

/// tables[n][b]: what the byte b, followed by n zero bytes, makes of the checksum.
constexpr auto tables = [] {
  std::array<std::array<std::uint32_t, 256>, step> made{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    made[0][byte] = crc;
  }
  for (std::size_t n = 1; n < step; ++n)
    for (std::size_t byte = 0; byte < 256; ++byte)
      made[n][byte] = made[n - 1][byte] >> 8 ^ made[0][made[n - 1][byte] & 0xff];
  return made;
}();

/// Sixteen bytes at a time. zlib takes short pieces byte by byte.
std::uint32_t short_crc32(std::uint32_t crc, byte_view bytes) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  crc = ~crc;
  for (; left >= step; left -= step, at += step) {
    std::uint64_t low = load_le<std::uint64_t>(at) ^ crc, high = load_le<std::uint64_t>(at + 8);
    crc = 0;
    for (unsigned i = 0; i < 8; ++i)
      crc ^= tables[15 - i][low >> 8 * i & 0xff] ^ tables[7 - i][high >> 8 * i & 0xff];
  }
  for (; left; --left) crc = crc >> 8 ^ tables[0][(crc ^ *at++) & 0xff];
  return ~crc;
}

#if defined(TIDEWIRE_FOLDED_CRC)

// By carry-less multiplication: what lies in front of a block is replaced by what it is, modulo the
// polynomial, at the block's place ("Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction", Intel 2009). The constants are powers of x modulo the polynomial, bits reflected.

[[gnu::target("pclmul,sse4.1")]] inline __m128i load(const std::uint8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

/// Moves a block as far as `powers` say, and adds what is there.
[[gnu::target("pclmul,sse4.1")]] inline __m128i fold(__m128i block, __m128i powers, __m128i there) {
  __m128i low = _mm_clmulepi64_si128(block, powers, 0x00);
  __m128i high = _mm_clmulepi64_si128(block, powers, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), there);
}

/// Of at least 16 bytes.
[[gnu::target("pclmul,sse4.1")]] std::uint32_t folded_crc32(std::uint32_t crc, byte_view bytes) {
  const __m128i by_four = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i by_one = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  const std::uint8_t* at = bytes.data();
  const std::uint8_t* end = at + bytes.size();
  __m128i sum = _mm_xor_si128(load(at), _mm_cvtsi32_si128(static_cast<int>(~crc)));
  at += step;
  if (end - at >= static_cast<std::ptrdiff_t>(7 * step)) {
    __m128i second = load(at), third = load(at + step), fourth = load(at + 2 * step);
    at += 3 * step;
    for (; end - at >= static_cast<std::ptrdiff_t>(4 * step); at += 4 * step) {
      sum = fold(sum, by_four, load(at));
      second = fold(second, by_four, load(at + step));
      third = fold(third, by_four, load(at + 2 * step));
      fourth = fold(fourth, by_four, load(at + 3 * step));
    }
    sum = fold(fold(fold(sum, by_one, second), by_one, third), by_one, fourth);
  }
  for (; end - at >= static_cast<std::ptrdiff_t>(step); at += step) sum = fold(sum, by_one, load(at));
  if (auto left = static_cast<std::size_t>(end - at)) {
    // The first `left` bytes of the sum become a block of their own, in front of the last 16 bytes.
    alignas(16) static constexpr std::uint8_t shifts[3 * step] = {
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
        0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    __m128i to_end = load(shifts + left), to_begin = load(shifts + step + left);
    __m128i last = _mm_blendv_epi8(load(end - step), _mm_shuffle_epi8(sum, to_begin), to_end);
    sum = fold(_mm_shuffle_epi8(sum, to_end), by_one, last);
  }
  // 128 bits to 64, to 32 (Barrett).
  const __m128i low_half = _mm_setr_epi32(~0, 0, ~0, 0);
  const __m128i to_64 = _mm_set_epi64x(0, 0x0163cd6124);
  const __m128i polynomial = _mm_set_epi64x(0x01f7011641, 0x01db710641);
  sum = _mm_xor_si128(_mm_srli_si128(sum, 8), _mm_clmulepi64_si128(sum, by_one, 0x10));
  sum =
      _mm_xor_si128(_mm_srli_si128(sum, 4), _mm_clmulepi64_si128(_mm_and_si128(sum, low_half), to_64, 0x00));
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(sum, low_half), polynomial, 0x10);
  sum = _mm_xor_si128(sum, _mm_clmulepi64_si128(_mm_and_si128(quotient, low_half), polynomial, 0x00));
  return ~static_cast<std::uint32_t>(_mm_extract_epi32(sum, 1));
}

#endif

}  // namespace

std::uint32_t portable_crc32(std::uint32_t crc, byte_view bytes) {
  constexpr std::size_t most_short_bytes = 512;
  if (bytes.size() <= most_short_bytes) return short_crc32(crc, bytes);
  return static_cast<std::uint32_t>(::crc32_z(crc, bytes.data(), bytes.size()));
}

std::uint32_t crc32(std::uint32_t crc, byte_view bytes) {
#if defined(TIDEWIRE_FOLDED_CRC)
  if (bytes.size() >= step && __builtin_cpu_supports("pclmul")) [[likely]]
    return folded_crc32(crc, bytes);
#endif
  return portable_crc32(crc, bytes);
}

std::uint32_t event_checksum(byte_view event) {
  constexpr std::size_t flags_at = 17;
  if (event.size() < header_bytes || event[4] != static_cast<std::uint8_t>(event_type::format_description) ||
      !(event[flags_at] & event_flag::in_use)) [[likely]]
    return crc32(0, event);
  std::uint8_t flags = event[flags_at] & static_cast<std::uint8_t>(~event_flag::in_use);
  std::uint32_t crc = crc32(0, event.first(flags_at));
  crc = crc32(crc, {&flags, 1});
  return crc32(crc, event.subspan(flags_at + 1));
}

void encode_event(std::vector<std::uint8_t>& out, event_header header, byte_view body,
                  checksum_algorithm checksum) {
  bool summed = checksum == checksum_algorithm::crc32;
  header.event_size = static_cast<std::uint32_t>(header_bytes + body.size() + (summed ? checksum_bytes : 0));
  std::size_t begin = out.size();
  encoder to(out);
  encode_event_header(to, header);
  to.bytes(body);
  if (summed) to.le(event_checksum(byte_view(out).subspan(begin)));
}

}  // namespace tidewire::binlog
