// Is a text one complete JSON value? Asked before a json column is embedded into a line as it is: the line
// must stay valid whatever the source sent (RFC 8259; strings must be valid UTF-8).
//
// The text is looked at where it was copied to, with a NUL behind it. No JSON has one, so that nobody need
// ask where the end is.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.hpp"

namespace tidewire::json {

/// Deeper nesting is handed on as a string: many readers of our output could not follow it.
inline constexpr std::size_t max_depth = 512;

namespace detail {

/// Which of the open containers are objects.
class nesting {
 public:
  std::size_t depth() const { return depth_; }
  bool in_object() const { return innermost_ & 1; }
  void open(bool object) {
    if (depth_ % 64 == 0) outer_[depth_ / 64] = innermost_;
    innermost_ = innermost_ << 1 | std::uint64_t{object};
    ++depth_;
  }
  void close() {
    --depth_;
    innermost_ = depth_ % 64 == 0 ? outer_[depth_ / 64] : innermost_ >> 1;
  }

 private:
  std::size_t depth_ = 0;
  std::uint64_t innermost_ = 0;  // a bit each, the last one lowest
  std::array<std::uint64_t, max_depth / 64> outer_{};
};

// These give where something ends that should begin at `at`; null if it does not.

/// A line break becomes a space on the way.
[[gnu::noinline]] inline char* skip_long_blank(char* at) {
  for (;; ++at) {
    if (*at == '\n' || *at == '\r')
      *at = ' ';
    else if (*at != ' ' && *at != '\t')
      return at;
  }
}

inline char* skip_blank(char* at) {
  auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  if (!is_blank(*at)) return at;
  return *at == ' ' && !is_blank(at[1]) ? at + 1 : skip_long_blank(at);
}

/// `at`: the backslash.
inline char* skip_escape(char* at) {
  switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return at + 2;
    case 'u': break;
    default: return nullptr;
  }
  for (int i = 2; i < 6; ++i) {
    bool hex = (at[i] >= '0' && at[i] <= '9') || ((at[i] | 0x20) >= 'a' && (at[i] | 0x20) <= 'f');
    if (!hex) return nullptr;
  }
  return at + 6;
}

/// The rest of a string.
[[gnu::noinline]] inline char* skip_characters(char* at, const char* end) {
  for (;;) {
    unsigned plain = plain_length(at);
    at += plain;
    if (plain == 16) continue;
    auto c = static_cast<unsigned char>(*at);
    if (c == '"') return at + 1;
    if (c == '\\') {
      at = skip_escape(at);
      if (!at) return nullptr;
    } else if (c >= 0x80) {
      std::size_t length = utf8_length(at, end);
      if (length == 0) return nullptr;
      at += length;
    } else {
      return nullptr;
    }
  }
}

inline char* skip_string(char* at, const char* end) {
  if (*at != '"') return nullptr;
  ++at;
  unsigned plain = plain_length(at);  // a short one without escapes is over then
  return at[plain] == '"' ? at + plain + 1 : skip_characters(at, end);
}

[[gnu::noinline]] inline char* skip_any_number(char* at) {
  char* first = at;
  while ((*at >= '0' && *at <= '9') || *at == '+' || *at == '-' || *at == '.' || (*at | 0x20) == 'e') ++at;
  return is_number({first, static_cast<std::size_t>(at - first)}) ? at : nullptr;
}

inline char* skip_number(char* at) {
#if defined(__SSE2__)
  char* first = at + (*at == '-');
  auto digits = static_cast<std::size_t>(std::countr_one(digits_of(first)));
  char next = first[digits];
  bool leading = digits == 1 || (digits > 1 && digits < 16 && *first != '0');
  if (leading && next != '.' && (next | 0x20) != 'e') [[likely]]
    return first + digits;
#endif
  return skip_any_number(at);
}

inline char* skip_word(char* at, std::string_view word) {
  return std::string_view(at, word.size()) == word ? at + word.size() : nullptr;
}

/// A member's name and the colon behind it.
inline char* skip_key(char* at, const char* end) {
  at = skip_string(at, end);
  if (!at) return nullptr;
  at = skip_blank(at);
  return *at == ':' ? at + 1 : nullptr;
}

/// What is neither a string nor a container.
inline char* skip_plain(char* at) {
  switch (*at) {
    case 't': return skip_word(at, "true");
    case 'f': return skip_word(at, "false");
    case 'n': return skip_word(at, "null");
    default: return skip_number(at);
  }
}

/// Whether [at, end) is one value. Behind it are a NUL and 15 readable bytes. Line breaks between its tokens
/// become spaces.
[[gnu::noinline]] inline bool check_value(char* at, const char* end) {
  nesting open;
  for (;;) {
    at = skip_blank(at);
    char c = *at;
    if (c == '{' || c == '[') {
      bool object = c == '{';
      at = skip_blank(at + 1);
      if (*at != (object ? '}' : ']')) {
        if (open.depth() == max_depth) return false;
        open.open(object);
        if (object && !(at = skip_key(at, end))) return false;
        continue;
      }
      ++at;
    } else if (!(at = c == '"' ? skip_string(at, end) : skip_plain(at))) {
      return false;
    }
    for (;;) {  // behind a value
      at = skip_blank(at);
      if (open.depth() == 0) return at == end;
      if (*at == ',') break;
      if (*at != (open.in_object() ? '}' : ']')) return false;
      ++at;
      open.close();
    }
    ++at;
    if (open.in_object() && !(at = skip_key(skip_blank(at), end))) return false;
  }
}

}  // namespace detail

inline bool is_value(std::string_view text) {
  std::string copy(text);
  copy.append(16, '\0');
  return detail::check_value(copy.data(), copy.data() + text.size());
}

/// The value as it is, except that line breaks between its tokens become spaces. Null for a text that is not
/// one JSON value.
inline char* put_json(char* out, const char* in, std::size_t size) {
  std::memcpy(out, in, size);
  std::memset(out + size, 0, 16);
  return detail::check_value(out, out + size) ? out + size : nullptr;
}

/// As put_json; a text that is not one JSON value becomes a string.
inline char* put_embedded(char* out, const char* in, std::size_t size) {
  char* end = put_json(out, in, size);
  return end ? end : put_string(out, in, size);
}

}  // namespace tidewire::json
