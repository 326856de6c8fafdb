// Writing JSON at the speed of copying. The buffer is asked once for room, then the put_ functions write
// without checks; they may store up to 32 bytes past what they report, and read up to 16 bytes past their
// input, so that short values need no loop.
#pragma once

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tidewire::json {

/// Bytes that must be readable after every input of the put_ functions, and stay writable after every output.
inline constexpr std::size_t input_padding = 16;
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
  std::size_t done = 0;
  do {
    std::memcpy(out + done, in + done, 32);
    done += 32;
  } while (done < size);
  return out + size;
}

inline char* put(char* out, std::string_view plain) {
  std::memcpy(out, plain.data(), plain.size());
  return out + plain.size();
}

/// The short escape of a control character, quote or backslash.
inline char* put_escape(char* out, unsigned char c) {
  constexpr char hex[] = "0123456789abcdef";
  *out++ = '\\';
  switch (c) {
    case '"': *out++ = '"'; break;
    case '\\': *out++ = '\\'; break;
    case '\n': *out++ = 'n'; break;
    case '\t': *out++ = 't'; break;
    case '\r': *out++ = 'r'; break;
    case '\b': *out++ = 'b'; break;
    case '\f': *out++ = 'f'; break;
    default:
      out = put(out, "u00");
      *out++ = hex[c >> 4];
      *out++ = hex[c & 15];
  }
  return out;
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

/// Escapes [in, end) without the quotes. Needs worst_growth × size bytes of room. Null on invalid UTF-8.
inline char* put_escaped(char* out, const char* in, const char* end) {
#if defined(__SSE2__)
  const __m128i controls = _mm_set1_epi8(0x1f);
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  for (;;) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), block);
    __m128i special =
        _mm_or_si128(_mm_cmpeq_epi8(_mm_max_epu8(block, controls), controls),
                     _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)));
    auto stop =
        static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(special, block)));  // high bit: non-ASCII
    auto left = static_cast<std::size_t>(end - in);
    if (left < 16) {
      stop &= (1u << left) - 1;
      if (stop == 0) return out + left;
    } else if (stop == 0) {
      in += 16;
      out += 16;
      continue;
    }
    auto plain = std::countr_zero(stop);
    in += plain;
    out += plain;
    auto c = static_cast<unsigned char>(*in);
    if (c < 0x80) {
      out = put_escape(out, c);
      ++in;
      continue;
    }
    do {  // a run of non-ASCII characters stays here
      std::size_t length = utf8_length(in, end);
      if (length == 0) return nullptr;
      std::memcpy(out, in, 4);
      in += length;
      out += length;
    } while (in < end && static_cast<unsigned char>(*in) >= 0x80);
  }
#else
  return put_escaped_scalar(out, in, end);
#endif
}

/// A quoted string; bytes that are not UTF-8 become {"hex":"…"} instead, because JSON can't hold them and
/// replacing them would falsify the value.
inline char* put_string(char* out, const char* in, std::size_t size) {
  constexpr char hex[] = "0123456789abcdef";
  *out = '"';
  if (char* end = put_escaped(out + 1, in, in + size)) [[likely]] {
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

inline char* put_string(char* out, std::string_view text) {
  return put_string(out, text.data(), text.size());
}

inline char* put_unsigned(char* out, std::uint64_t number) {
  if (number < 10) {
    *out = static_cast<char>('0' + number);
    return out + 1;
  }
  return std::to_chars(out, out + 20, number).ptr;
}

/// Whether the text is an integer as JSON writes them: digits with an optional minus, no leading zero.
inline bool is_integer(const char* in, std::size_t size) {
  std::size_t sign = size != 0 && in[0] == '-';
  std::size_t digits = size - sign;
  if (digits == 0 || (digits > 1 && in[sign] == '0')) return false;
#if defined(__SSE2__)
  if (size <= 16) {
    __m128i block = _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in)), _mm_set1_epi8('0'));
    __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(9)), block);
    auto wanted = ((1u << size) - 1) & ~static_cast<unsigned>(sign);
    return (static_cast<unsigned>(_mm_movemask_epi8(digit)) & wanted) == wanted;
  }
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

}  // namespace tidewire::json
