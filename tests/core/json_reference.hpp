// What the JSON writer's fast paths must agree with, byte by byte.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "core/json_check.hpp"

namespace tidewire::testing {

using json::is_number;
using json::max_depth;
using json::utf8_length;

/// A checker without recursion and without allocation (RFC 8259; strings must be valid UTF-8).
class reference_checker {
 public:
  explicit reference_checker(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool whole_value() {
    if (!value()) return false;
    while (depth_ > 0)
      if (!after_value()) return false;
    blank();
    return at_ == end_;
  }

 private:
  void blank() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  bool take(char c) { return at_ < end_ && *at_ == c && (++at_, true); }

  bool word(std::string_view expected) {
    if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(expected)) {
      at_ += expected.size();
      return true;
    }
    return false;
  }

  bool open(bool object) {
    if (depth_ == max_depth) return false;
    std::uint64_t bit = std::uint64_t{1} << (depth_ & 63);
    auto& word = is_object_[depth_ / 64];
    word = object ? word | bit : word & ~bit;
    ++depth_;
    return true;
  }

  /// One value; for a container its opening and the way to its first element.
  bool value() {
    for (;;) {
      blank();
      if (at_ == end_) return false;
      switch (*at_) {
        case '"': return string();
        case 't': return word("true");
        case 'f': return word("false");
        case 'n': return word("null");
        case '[':
          ++at_;
          blank();
          if (take(']')) return true;
          if (!open(false)) return false;
          continue;
        case '{':
          ++at_;
          blank();
          if (take('}')) return true;
          if (!open(true) || !key()) return false;
          continue;
        default: return number();
      }
    }
  }

  bool after_value() {
    bool object = is_object_[(depth_ - 1) / 64] >> ((depth_ - 1) & 63) & 1;
    blank();
    if (take(',')) return (!object || (blank(), key())) && value();
    if (!take(object ? '}' : ']')) return false;
    --depth_;
    return true;
  }

  bool key() { return at_ < end_ && *at_ == '"' && string() && (blank(), take(':')); }

  bool number() {
    auto first = at_;
    while (at_ < end_ && (std::string_view("+-.eE").contains(*at_) || (*at_ >= '0' && *at_ <= '9'))) ++at_;
    return is_number({first, static_cast<std::size_t>(at_ - first)});
  }

  bool string() {
    ++at_;
    while (at_ < end_) {
      auto c = static_cast<unsigned char>(*at_);
      if (c == '"') return ++at_, true;
      if (c < 0x20) return false;
      if (c == '\\') {
        if (!escape()) return false;
        continue;
      }
      std::size_t length = c < 0x80 ? 1 : utf8_length(at_, end_);
      if (length == 0) return false;
      at_ += length;
    }
    return false;
  }

  bool escape() {
    if (end_ - at_ < 2) return false;
    char c = at_[1];
    at_ += 2;
    if (c != 'u') return std::string_view("\"\\/bfnrt").contains(c);
    for (int i = 0; i < 4; ++i, ++at_)
      if (at_ == end_ || !std::string_view("0123456789abcdefABCDEF").contains(*at_)) return false;
    return true;
  }

  const char* at_;
  const char* end_;
  std::size_t depth_ = 0;
  std::array<std::uint64_t, max_depth / 64> is_object_{};
};

/// What put_json makes of it; empty for what is not one JSON value.
inline std::string reference_json(std::string_view text) {
  if (!reference_checker(text).whole_value()) return {};
  std::string out(text);
  for (char& c : out)
    if (c == '\n' || c == '\r') c = ' ';
  return out;
}

}  // namespace tidewire::testing
