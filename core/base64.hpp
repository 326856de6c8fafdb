// Base64 (RFC 4648 section 4), strictly: padded, unused bits zero, nothing else in between. So there is one
// text for each sequence of bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.hpp"

namespace tidewire {

inline constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline void append_base64(std::string& out, byte_view bytes) {
  while (!bytes.empty()) {
    std::size_t count = bytes.size() < 3 ? bytes.size() : 3;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < count ? bytes[i] : 0u);
    for (std::size_t i = 0; i < 4; ++i) out += i <= count ? base64_digits[group >> (18 - 6 * i) & 63] : '=';
    bytes = bytes.subspan(count);
  }
}

/// Nothing if it is not base64. An empty text is.
inline std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::vector<std::uint8_t> out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    std::string_view digits = text.substr(at, 4);
    if (at + 4 == text.size())
      while (digits.ends_with('=') && digits.size() > 2) digits.remove_suffix(1);
    std::uint32_t group = 0;
    for (char digit : digits) {
      std::size_t value = base64_digits.find(digit);
      if (value == base64_digits.npos) return std::nullopt;
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    group <<= 6 * (4 - digits.size());
    std::size_t count = digits.size() - 1;
    if (group << 8 * count & 0xffffff) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * i)));
  }
  return out;
}

}  // namespace tidewire
