// Writing JSON at the speed of copying. The buffer is asked once for room, then the put_ functions write
// without checks; they may store up to 32 bytes past what they report, and read up to 32 bytes past their
// input, so that short values need no loop.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "core/digits.hpp"

namespace tidewire::json {

/// Bytes that must be readable after every input of the put_ functions, and stay writable after every output.
inline constexpr std::size_t input_padding = 32;
inline constexpr std::size_t output_slack = 64;
/// An escaped byte takes at most this many (`\u001f`).
inline constexpr std::size_t worst_growth = 6;

/// A growing output buffer. `room(n)` gives a place for n bytes plus the slack; `end(p)` says how far was
/// written.
class buffer {
 public:
  char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes + output_slack) [[unlikely]]
      grow(bytes + output_slack);
    return data_.get() + size_;
  }
  char* at(std::size_t offset) { return data_.get() + offset; }
  void end(char* at) { size_ = static_cast<std::size_t>(at - data_.get()); }

  void text(std::string_view plain) {
    char* at = room(plain.size());
    std::memcpy(at, plain.data(), plain.size());
    end(at + plain.size());
  }

  std::string_view view() const { return {data_.get(), size_}; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  void clear() { size_ = 0; }
  void truncate(std::size_t size) { size_ = size; }
  /// Empties the buffer and gives back memory beyond `bytes`, after an unusually large value.
  void clear_to(std::size_t bytes) {
    size_ = 0;
    if (capacity_ > bytes) data_.reset(), capacity_ = 0;
  }

 private:
  void grow(std::size_t bytes) {
    std::size_t wanted = size_ + bytes;
    std::size_t capacity = capacity_ + capacity_ / 2 > wanted ? capacity_ + capacity_ / 2 : wanted;
    void* moved = std::realloc(data_.get(), capacity);
    if (!moved) throw std::bad_alloc();
    (void)data_.release();
    data_.reset(static_cast<char*>(moved));
    capacity_ = capacity;
  }

  struct free_it {
    void operator()(char* p) const { std::free(p); }
  };
  std::unique_ptr<char, free_it> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Copies in 32-byte steps; source and target must have that much behind their end.
inline char* put_padded(char* out, const char* in, std::size_t size) {
  std::memcpy(out, in, 32);
  for (std::size_t done = 32; done < size; done += 32) std::memcpy(out + done, in + done, 32);
  return out + size;
}

/// As put_padded, for what is longer than that: its first 96 bytes without a loop. As many must be behind
/// both.
inline char* put_long(char* out, const char* in, std::size_t size) {
  std::memcpy(out, in, 96);
  for (std::size_t done = 96; done < size; done += 32) std::memcpy(out + done, in + done, 32);
  return out + size;
}

inline char* put(char* out, std::string_view plain) {
  std::memcpy(out, plain.data(), plain.size());
  return out + plain.size();
}

/// As put, for what is short: without a call.
inline char* put_short(char* out, std::string_view plain) {
  const char* in = plain.data();
  std::size_t size = plain.size();
  if (size > 16) return put(out, plain);
  if (size >= 8) {
    std::memcpy(out, in, 8);
    std::memcpy(out + size - 8, in + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(out, in, 4);
    std::memcpy(out + size - 4, in + size - 4, 4);
  } else {
    for (std::size_t i = 0; i < size; ++i) out[i] = in[i];
  }
  return out + size;
}

/// How a control character, quote or backslash is written.
struct escape {
  char text[7];
  std::uint8_t size;
};

inline constexpr auto escapes = [] {
  constexpr char hex[] = "0123456789abcdef";
  std::array<escape, '\\' + 1> made{};
  for (unsigned c = 0; c < 0x20; ++c) made[c] = {{'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6};
  constexpr std::string_view with_letter = "\"\"\\\\\nn\tt\rr\bb\ff";
  for (std::size_t i = 0; i < with_letter.size(); i += 2)
    made[static_cast<unsigned char>(with_letter[i])] = {{'\\', with_letter[i + 1]}, 2};
  return made;
}();

inline char* put_escape(char* out, unsigned char c) {
  std::memcpy(out, &escapes[c], sizeof escapes[c]);
  return out + escapes[c].size;
}

/// Length of the UTF-8 character at `in`, 0 if it is not a legal one (overlong, surrogate, over U+10FFFF, cut
/// off).
inline std::size_t utf8_length(const char* in, const char* end) {
  auto at = [in](int i) { return static_cast<unsigned char>(in[i]); };
  auto tail = [&](int i) { return (at(i) & 0xc0) == 0x80; };
  auto left = end - in;
  unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return left >= 2 && tail(1) ? 2 : 0;
  if (lead < 0xf0) {
    if (left < 3 || !tail(1) || !tail(2)) return 0;
    if ((lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f)) return 0;
    return 3;
  }
  if (lead > 0xf4 || left < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
  if ((lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f)) return 0;
  return 4;
}

inline bool is_utf8(std::string_view text) {
  const char* end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    std::size_t length = utf8_length(at, end);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

inline bool must_escape(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\';
}

/// Escapes [in, end) without the quotes, byte by byte: what put_escaped must agree with. Null on invalid
/// UTF-8.
inline char* put_escaped_scalar(char* out, const char* in, const char* end) {
  while (in < end) {
    auto c = static_cast<unsigned char>(*in);
    if (must_escape(c)) {
      out = put_escape(out, c);
      ++in;
      continue;
    }
    std::size_t length = utf8_length(in, end);
    if (length == 0) return nullptr;
    for (std::size_t i = 0; i < length; ++i) *out++ = *in++;
  }
  return out;
}

#if defined(__SSE2__)
/// Of 16 bytes a bit for each that put_escaped can't just copy: those to be escaped, and all of non-ASCII.
inline unsigned not_plain(__m128i block) {
  // With bit 1 turned over the quote comes next to the control characters; non-ASCII is negative.
  __m128i turned = _mm_xor_si128(block, _mm_set1_epi8(2));
  __m128i low = _mm_cmplt_epi8(turned, _mm_set1_epi8(0x21));
  __m128i backslashes = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, backslashes)));
}
#endif

/// How many of the 16 bytes at `in` can be copied as they are, up to the first that can't.
inline unsigned plain_length(const char* in) {
#if defined(__SSE2__)
  __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
  return static_cast<unsigned>(std::countr_zero(not_plain(block) | 1u << 16));
#else
  unsigned length = 0;
  for (; length < 16; ++length) {
    auto c = static_cast<unsigned char>(in[length]);
    if (must_escape(c) || c >= 0x80) break;
  }
  return length;
#endif
}

/// Copies up to the first byte that needs more than that; returns how many bytes those are.
inline std::size_t put_plain(char* out, const char* in, std::size_t size) {
#if defined(__SSE2__)
  auto copied = [&](std::size_t at) {
    __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at));
    __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at + 16));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at + 16), high);
    return std::uint64_t{not_plain(low) | not_plain(high) << 16};
  };
  std::size_t at = 0;
  for (; size - at > 32; at += 32)
    if (std::uint64_t stop = copied(at)) return at + static_cast<std::size_t>(std::countr_zero(stop));
  return at + static_cast<std::size_t>(std::countr_zero(copied(at) | std::uint64_t{1} << (size - at)));
#else
  std::size_t done = 0;
  for (; done < size; ++done) {
    auto c = static_cast<unsigned char>(in[done]);
    if (must_escape(c) || c >= 0x80) break;
    out[done] = in[done];
  }
  return done;
#endif
}

/// Escapes [in, end) without the quotes. Needs worst_growth × size bytes of room. Null on invalid UTF-8.
[[gnu::noinline]] inline char* put_escaped(char* out, const char* in, const char* end) {
#if defined(__SSE2__)
  auto copied = [&] {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), block);
    return block;
  };
  while (in < end) {
    const char* block = in;
    const char* block_end = end - in < 16 ? end : in + 16;
    unsigned special = not_plain(copied()) & ((1u << (block_end - block)) - 1);
    while (special != 0) {
      const char* next = block + std::countr_zero(special);
      out += next - in;
      in = next;
      auto c = static_cast<unsigned char>(*in);
      if (c < 0x80) {
        out = put_escape(out, c);
        ++in;
      } else {
        std::size_t length = utf8_length(in, end);
        if (length == 0) return nullptr;
        std::memcpy(out, in, 4);  // it may lie across the block's end
        in += length;
        out += length;
      }
      copied();
      special &= ~0u << (in - block);
    }
    if (in < block_end) {
      out += block_end - in;
      in = block_end;
    }
  }
  return out;
#else
  return put_escaped_scalar(out, in, end);
#endif
}

/// A quoted string, of which the first `plain` bytes are in place already.
[[gnu::noinline]] inline char* put_string_from(char* out, const char* in, std::size_t size,
                                               std::size_t plain) {
  constexpr char hex[] = "0123456789abcdef";
  if (char* end = put_escaped(out + 1 + plain, in + plain, in + size)) [[likely]] {
    *end = '"';
    return end + 1;
  }
  out = put(out, R"({"hex":")");
  for (std::size_t i = 0; i < size; ++i) {
    auto c = static_cast<unsigned char>(in[i]);
    *out++ = hex[c >> 4];
    *out++ = hex[c & 15];
  }
  return put(out, "\"}");
}

/// A quoted string; bytes that are not UTF-8 become {"hex":"…"} instead, because JSON can't hold them and
/// replacing them would falsify the value.
inline char* put_string(char* out, const char* in, std::size_t size) {
  *out = '"';
  std::size_t plain = put_plain(out + 1, in, size);
  if (plain != size) [[unlikely]]
    return put_string_from(out, in, size, plain);
  out[1 + size] = '"';
  return out + size + 2;
}

inline char* put_string(char* out, std::string_view text) {
  return put_string(out, text.data(), text.size());
}

/// Of a number below 100,000,000; stores eight bytes.
[[gnu::always_inline]] inline char* put_short_number(char* out, std::uint32_t number) {
  unsigned count = digit_count(number);
  put_eight(out, eight_digits(number) >> 8 * (8 - count));
  return out + count;
}

[[gnu::noinline]] inline char* put_long_number(char* out, std::uint64_t number) {
  constexpr std::uint32_t split = 100'000'000;
  std::uint64_t high = number / split;
  auto low = static_cast<std::uint32_t>(number % split);
  if (high >= split) {
    out = put_short_number(out, static_cast<std::uint32_t>(high / split));
    put_eight(out, eight_digits(static_cast<std::uint32_t>(high % split)));
    out += 8;
  } else {
    out = put_short_number(out, static_cast<std::uint32_t>(high));
  }
  put_eight(out, eight_digits(low));
  return out + 8;
}

/// Stores up to eight bytes more than it reports.
[[gnu::noinline]] inline char* put_digits_of(char* out, std::uint64_t number) {
  if (number >= 100'000'000) [[unlikely]]
    return put_long_number(out, number);
  return put_short_number(out, static_cast<std::uint32_t>(number));
}

inline char* put_unsigned(char* out, std::uint64_t number) {
  if (number >= 10) return put_digits_of(out, number);
  *out = static_cast<char>('0' + number);
  return out + 1;
}

#if defined(__SSE2__)
/// Of 16 bytes a bit for each that is a digit.
inline unsigned digits_of(const char* in) {
  __m128i block = _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in)), _mm_set1_epi8('0'));
  __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(9)), block);
  return static_cast<unsigned>(_mm_movemask_epi8(digits));
}
#endif

/// Whether the text is an integer as JSON writes them: digits with an optional minus, no leading zero.
inline bool is_integer(const char* in, std::size_t size) {
  std::size_t sign = size != 0 && in[0] == '-';
  std::size_t digits = size - sign;
  if (digits == 0 || (digits > 1 && in[sign] == '0')) return false;
#if defined(__SSE2__)
  if (size <= 16) return (~digits_of(in) & ((1u << size) - 1)) == sign;
#endif
  for (std::size_t i = sign; i < size; ++i)
    if (in[i] < '0' || in[i] > '9') return false;
  return true;
}

/// Whether the text is a number as JSON writes them (RFC 8259 section 6).
inline bool is_number(std::string_view text) {
  auto at = text.begin();
  auto digits = [&] {
    auto first = at;
    while (at != text.end() && *at >= '0' && *at <= '9') ++at;
    return at != first;
  };
  if (at != text.end() && *at == '-') ++at;
  if (at != text.end() && *at == '0')
    ++at;
  else if (!digits())
    return false;
  if (at != text.end() && *at == '.' && (++at, !digits())) return false;
  if (at != text.end() && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != text.end() && (*at == '+' || *at == '-')) ++at;
    if (!digits()) return false;
  }
  return at == text.end();
}

/// Copies a number as JSON writes them; null if it is none. `in` has the padding of an input.
[[gnu::noinline]] inline char* put_any_number(char* out, const char* in, std::size_t size) {
#if defined(__SSE2__)
  if (size - 1 < 32) {
    std::uint64_t digits = digits_of(in) | digits_of(in + 16) << 16;
    std::uint64_t sign = in[0] == '-';
    std::uint64_t end = std::uint64_t{1} << size;
    std::uint64_t others = (~digits & (end - 1)) ^ sign;
    // The digits in front of the point, or of the end of the text.
    auto whole = static_cast<std::size_t>(std::countr_zero(others | end));
    bool leading = (whole > sign) & ((in[sign] != '0') | (whole == sign + 1));
    bool point = ((others & (others - 1)) == 0) & (in[whole] == '.') & (whole + 1 < size);
    if (leading & ((others == 0) | point)) [[likely]] {
      std::memcpy(out, in, 32);
      return out + size;
    }
  }
#endif
  return is_number({in, size}) ? put(out, {in, size}) : nullptr;
}

[[gnu::always_inline]] inline char* put_number(char* out, const char* in, std::size_t size) {
#if defined(__SSE2__)
  // Signs come and go: no branch of their own.
  std::size_t sign = *in == '-';
  std::size_t digits = size - sign;
  unsigned others = ~digits_of(in) & ((1u << (size & 31)) - 1);
  bool integer = (digits - 1 < 15) & (others == sign) & ((in[sign] != '0') | (digits == 1));
  if (integer) [[likely]] {
    std::memcpy(out, in, 16);
    return out + size;
  }
#endif
  return put_any_number(out, in, size);
}

}  // namespace tidewire::json
