// MySQL's global transaction ids: UUID[:tag]:number.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tidewire::binlog {

struct server_uuid {
  std::array<std::uint8_t, 16> bytes{};

  friend auto operator<=>(const server_uuid&, const server_uuid&) = default;
};

inline constexpr std::size_t uuid_text_size = 36;

/// Lower case, with dashes: 36 characters. Returns the end.
inline char* put_uuid(char* out, const std::uint8_t* bytes) {
  constexpr char hex[] = "0123456789abcdef";
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = hex[bytes[i] >> 4];
    *out++ = hex[bytes[i] & 15];
  }
  return out;
}

/// What the servers take: with dashes, without any, or with dashes in braces; in either case.
constexpr std::optional<server_uuid> parse_uuid(std::string_view text) {
  bool dashes = true;
  if (text.size() == uuid_text_size + 2) {
    if (text.front() != '{' || text.back() != '}') return std::nullopt;
    text = text.substr(1, uuid_text_size);
  } else if (text.size() == 32) {
    dashes = false;
  } else if (text.size() != uuid_text_size) {
    return std::nullopt;
  }
  auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  server_uuid out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (dashes && (i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-') return std::nullopt;
    int high = digit(text[at]), low = digit(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  return out;
}

inline constexpr std::size_t max_tag_bytes = 32;

/// Names a stream of transactions within a server (MySQL ≥ 8.3). Empty for the usual one.
class gtid_tag {
 public:
  constexpr gtid_tag() = default;

  /// Up to 32 letters, digits and underscores, not beginning with a digit; kept in lower case, as the server
  /// does.
  static constexpr std::optional<gtid_tag> parse(std::string_view text) {
    if (text.size() > max_tag_bytes) return std::nullopt;
    gtid_tag tag;
    for (std::size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
      bool letter = (c >= 'a' && c <= 'z') || c == '_';
      bool number = c >= '0' && c <= '9';
      if (!letter && !(number && i)) return std::nullopt;
      tag.text_[i] = c;
    }
    tag.size_ = static_cast<std::uint8_t>(text.size());
    return tag;
  }

  constexpr std::string_view text() const { return {text_.data(), size_}; }
  constexpr bool empty() const { return size_ == 0; }

  friend constexpr auto operator<=>(const gtid_tag& a, const gtid_tag& b) { return a.text() <=> b.text(); }
  friend constexpr bool operator==(const gtid_tag& a, const gtid_tag& b) { return a.text() == b.text(); }

 private:
  std::array<char, max_tag_bytes> text_{};
  std::uint8_t size_ = 0;
};

/// Numbers are 1 to this, inclusive.
inline constexpr std::int64_t max_gtid_number = INT64_MAX - 1;

struct gtid {
  server_uuid uuid;
  gtid_tag tag;
  std::int64_t number = 0;

  friend bool operator==(const gtid&, const gtid&) = default;
};

}  // namespace tidewire::binlog
