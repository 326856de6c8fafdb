// Is a text UTF-8? Most of what a database holds is ASCII and short, so that is asked first, 16 bytes at a
// time; the rest goes through a table lookup that classifies every pair of neighbouring bytes at once.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "core/bytes.hpp"

#if defined(__SSSE3__)
#include <tmmintrin.h>
#endif

namespace tidewire::mongo_wire {

/// How many bytes from the start are UTF-8, byte by byte. Overlong forms, surrogates and what is over
/// U+10FFFF are not.
inline std::size_t utf8_prefix(byte_view text) {
  const std::uint8_t* at = text.data();
  const std::uint8_t* end = at + text.size();
  auto tail = [&](int i) { return (at[i] & 0xc0) == 0x80; };
  while (at != end) {
    std::uint8_t lead = *at;
    auto left = end - at;
    if (lead < 0x80) {
      at += 1;
    } else if (lead < 0xc2) {
      break;
    } else if (lead < 0xe0) {
      if (left < 2 || !tail(1)) break;
      at += 2;
    } else if (lead < 0xf0) {
      if (left < 3 || !tail(1) || !tail(2)) break;
      if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f)) break;
      at += 3;
    } else {
      if (lead > 0xf4 || left < 4 || !tail(1) || !tail(2) || !tail(3)) break;
      if ((lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] > 0x8f)) break;
      at += 4;
    }
  }
  return static_cast<std::size_t>(at - text.data());
}

/// What is_utf8 must agree with.
inline bool is_utf8_scalar(byte_view text) {
  return utf8_prefix(text) == text.size();
}

#if defined(__SSSE3__)
namespace detail {

/// A fault that two neighbouring bytes show: the first byte's high and low half and the second's high half
/// are each in a set, written as a mask of the 16 values.
struct utf8_fault {
  std::uint16_t first_high, first_low, second_high;
};

inline constexpr std::array<utf8_fault, 8> utf8_faults{{
    {0xf000, 0xffff, 0xf0ff},  // a lead byte, then no continuation
    {0x00ff, 0xffff, 0x0f00},  // ASCII, then a continuation
    {0x1000, 0x0003, 0x0f00},  // overlong: C0 or C1
    {0x4000, 0x0001, 0x0300},  // overlong: E0 and less than A0
    {0x4000, 0x2000, 0x0c00},  // surrogate: ED and more than 9F
    {0x8000, 0xfff0, 0x0e00},  // too large: F4 or more and more than 8F
    {0x8000, 0xffe1, 0x0100},  // overlong: F0 and less than 90; too large: F5 or more
    {0x0f00, 0xffff, 0x0f00},  // two continuations: a fault unless a longer character goes on
}};

using utf8_table = std::array<std::uint8_t, 16>;

constexpr utf8_table make_utf8_table(std::uint16_t utf8_fault::* half) {
  utf8_table table{};
  for (std::size_t value = 0; value < 16; ++value)
    for (std::size_t fault = 0; fault < 8; ++fault)
      if (utf8_faults[fault].*half >> value & 1) table[value] |= static_cast<std::uint8_t>(1u << fault);
  return table;
}

inline constexpr utf8_table utf8_first_high = make_utf8_table(&utf8_fault::first_high);
inline constexpr utf8_table utf8_first_low = make_utf8_table(&utf8_fault::first_low);
inline constexpr utf8_table utf8_second_high = make_utf8_table(&utf8_fault::second_high);

class utf8_checker {
 public:
  void block(__m128i next) {
    const __m128i low_half = _mm_set1_epi8(0x0f);
    __m128i first = _mm_alignr_epi8(next, last_, 15);
    __m128i pair = _mm_and_si128(
        _mm_and_si128(
            _mm_shuffle_epi8(load(utf8_first_high), _mm_and_si128(_mm_srli_epi16(first, 4), low_half)),
            _mm_shuffle_epi8(load(utf8_first_low), _mm_and_si128(first, low_half))),
        _mm_shuffle_epi8(load(utf8_second_high), _mm_and_si128(_mm_srli_epi16(next, 4), low_half)));
    // Where a third or fourth byte belongs, two continuations must follow each other, and elsewhere must not.
    __m128i third = _mm_subs_epu8(_mm_alignr_epi8(next, last_, 14), _mm_set1_epi8(0xe0 - 0x80));
    __m128i fourth = _mm_subs_epu8(_mm_alignr_epi8(next, last_, 13), _mm_set1_epi8(0xf0 - 0x80));
    __m128i belongs = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8(static_cast<char>(0x80)));
    fault_ = _mm_or_si128(fault_, _mm_xor_si128(belongs, pair));
    last_ = next;
  }

  bool ok() const { return _mm_movemask_epi8(_mm_cmpeq_epi8(fault_, _mm_setzero_si128())) == 0xffff; }

 private:
  static __m128i load(const utf8_table& table) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data()));
  }

  __m128i last_ = _mm_setzero_si128();
  __m128i fault_ = _mm_setzero_si128();
};

inline __m128i load_block(const std::uint8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

[[gnu::noinline]] inline bool is_utf8_blocks(const std::uint8_t* at, std::size_t size) {
  utf8_checker check;
  for (; size >= 16; at += 16, size -= 16) check.block(load_block(at));
  // The zeroes behind the text also show a last character that was cut off.
  std::uint8_t rest[16] = {};
  std::memcpy(rest, at, size);
  check.block(load_block(rest));
  return check.ok();
}

}  // namespace detail
#endif

namespace detail {

/// Of any length, when it is not as short and plain as most are.
[[gnu::noinline]] inline bool is_utf8_text(const std::uint8_t* text, std::size_t size) {
#if defined(__SSSE3__)
  if (size < 16) return is_utf8_scalar({text, size});
  const std::uint8_t* at = text;
  const std::uint8_t* last = text + size - 16;
  int not_ascii = 0;
  for (; at < last && not_ascii == 0; at += 16) not_ascii = _mm_movemask_epi8(load_block(at));
  if ((not_ascii | _mm_movemask_epi8(load_block(last))) == 0) [[likely]]
    return true;
  return is_utf8_blocks(text, size);
#else
  return is_utf8_scalar({text, size});
#endif
}

}  // namespace detail

/// `readable_end`: how far memory may be read, at least the text's end; with 16 bytes more a short text needs
/// no loop.
[[gnu::always_inline]] inline bool is_utf8(const std::uint8_t* text, std::size_t size,
                                           const std::uint8_t* readable_end) {
#if defined(__SSSE3__)
  if (size <= 16 && readable_end - text >= 16) [[likely]] {
    auto not_ascii = static_cast<unsigned>(_mm_movemask_epi8(detail::load_block(text)));
    if ((not_ascii & ((1u << size) - 1)) == 0) [[likely]]
      return true;
  }
#else
  (void)readable_end;
#endif
  return detail::is_utf8_text(text, size);
}

inline bool is_utf8(byte_view text) {
  return is_utf8(text.data(), text.size(), text.data() + text.size());
}

}  // namespace tidewire::mongo_wire
