// A log sequence number: a byte position in a server's write-ahead log, printed as two hexadecimal halves.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidewire::wire {

/// 0 is no valid place: it means "none" or "wherever the slot is".
struct lsn {
  std::uint64_t value = 0;

  constexpr bool valid() const { return value != 0; }
  friend auto operator<=>(const lsn&, const lsn&) = default;
};

/// The longest text that put_lsn writes: FFFFFFFF/FFFFFFFF.
inline constexpr std::size_t lsn_text_size = 17;

/// Writes 16/B374D848 and returns where it ends. No terminator.
inline char* put_lsn(char* out, lsn of) {
  auto half = [](char* at, std::uint32_t part) {
    constexpr char digits[] = "0123456789ABCDEF";
    int shift = 28;
    while (shift > 0 && part >> shift == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) *at++ = digits[part >> shift & 15];
    return at;
  };
  out = half(out, static_cast<std::uint32_t>(of.value >> 32));
  *out++ = '/';
  return half(out, static_cast<std::uint32_t>(of.value));
}

inline std::string to_string(lsn of) {
  char text[lsn_text_size];
  return {text, put_lsn(text, of)};
}

/// Two halves of one to eight hexadecimal digits; leading zeros are legal (Postgres 19 prints them).
inline std::optional<lsn> parse_lsn(std::string_view text) {
  std::size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  auto half = [](std::string_view part) -> std::optional<std::uint32_t> {
    std::uint32_t number = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number, 16);
    bool whole = error == std::errc{} && end == part.data() + part.size();
    if (part.empty() || part.size() > 8 || !whole) return std::nullopt;
    return number;
  };
  auto high = half(text.substr(0, slash)), low = half(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return lsn{std::uint64_t{*high} << 32 | *low};
}

}  // namespace tidewire::wire
