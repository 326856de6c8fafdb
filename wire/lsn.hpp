// A log sequence number: a byte position in a server's write-ahead log, printed as two hexadecimal halves.
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.hpp"

namespace tidewire::wire {

/// 0 is no valid place: it means "none" or "wherever the slot is".
struct lsn {
  std::uint64_t value = 0;

  constexpr bool valid() const { return value != 0; }
  friend auto operator<=>(const lsn&, const lsn&) = default;
};

/// The longest text that put_lsn writes: FFFFFFFF/FFFFFFFF.
inline constexpr std::size_t lsn_text_size = 17;

namespace detail {

/// By byte: its two digits, the first one lower.
inline constexpr auto hex_pairs = [] {
  constexpr char digits[] = "0123456789ABCDEF";
  std::array<std::uint16_t, 256> made{};
  for (unsigned i = 0; i < 256; ++i)
    made[i] = static_cast<std::uint16_t>(digits[i >> 4] | digits[i & 15] << 8);
  return made;
}();

/// A half without leading zeros. Always stores 8 bytes.
inline char* put_hex(char* out, std::uint32_t part) {
  if (part < 16) {  // the upper half of most
    *out = static_cast<char>(hex_pairs[part] >> 8);
    return out + 1;
  }
  auto pair = [part](int shift) { return std::uint64_t{hex_pairs[part >> shift & 0xff]}; };
  std::uint64_t digits = pair(24) | pair(16) << 16 | pair(8) << 32 | pair(0) << 48;
  int zeros = std::countl_zero(part | 1) / 4;
  store_le(reinterpret_cast<std::uint8_t*>(out), digits >> 8 * zeros);
  return out + 8 - zeros;
}

}  // namespace detail

/// Writes 16/B374D848 and returns where it ends. No terminator. `out` has room for lsn_text_size bytes
/// whatever the text.
inline char* put_lsn(char* out, lsn of) {
  out = detail::put_hex(out, static_cast<std::uint32_t>(of.value >> 32));
  *out++ = '/';
  return detail::put_hex(out, static_cast<std::uint32_t>(of.value));
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
