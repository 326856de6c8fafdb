// How the messages of a protocol look in a trace, in the form of libpq's PQtrace.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "core/bytes.hpp"
#include "core/decode_error.hpp"

namespace tidewire::trace {

inline constexpr std::size_t max_shown_bytes = 512;    // of one value
inline constexpr std::size_t max_line_bytes = 16'384;  // then the remaining fields are left out

/// A line that is being written. Printable ASCII stays as it is, any other byte becomes \xNN.
class line {
 public:
  explicit line(bool from_server) : text_(from_server ? "B\t" : "F\t") {}

  line& raw(std::string_view text) {
    text_ += text;
    return *this;
  }

  template <std::integral T>
  line& raw_number(T number) {
    return raw(std::to_string(number));
  }

  /// Fields follow the name after a tab, each with a space in front.
  line& name(std::string_view text) {
    raw(text);
    fields_ = false;
    return *this;
  }

  line& word(std::string_view text) {
    begin_field();
    return raw(text);
  }

  template <std::integral T>
  line& number(T number) {
    return word(std::to_string(number));
  }

  line& letter(char c) {
    begin_field();
    printable({&c, 1});
    return *this;
  }

  line& quoted(std::string_view text) { return delimited('"', text); }
  line& value(byte_view bytes) { return delimited('\'', as_text(bytes)); }

  /// As it is, but for what is not printable, and cut.
  line& text(std::string_view text, std::size_t most) {
    begin_field();
    printable(text.substr(0, most));
    if (text.size() > most) raw("...");
    return *this;
  }

  line& value(const std::optional<byte_view>& bytes) {
    if (!bytes) return number(-1);
    return number(bytes->size()).value(*bytes);
  }

  line& hidden(std::size_t bytes) { return word("(").raw_number(bytes).raw(" bytes hidden)"); }

  line& malformed(const decode_error& error) {
    return word("malformed: ")
        .raw(to_string(error.code))
        .raw(" at offset ")
        .raw_number(error.offset)
        .raw(" (")
        .raw(error.field)
        .raw(")");
  }

  /// Lists ask it before each element. The first time it is full it says so.
  bool full() {
    if (text_.size() < max_line_bytes) return false;
    if (!std::exchange(said_full_, true)) word("...");
    return true;
  }

  std::string take() { return std::move(text_); }

 private:
  void begin_field() {
    if (!fields_) text_ += '\t';
    fields_ = true;
    text_ += ' ';
  }

  void printable(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    for (char c : text) {
      auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x20 && byte < 0x7f)
        text_ += c;
      else
        raw("\\x").raw({&digits[byte >> 4], 1}).raw({&digits[byte & 15], 1});
    }
  }

  line& delimited(char by, std::string_view text) {
    begin_field();
    text_ += by;
    printable(text.substr(0, max_shown_bytes));
    text_ += by;
    if (text.size() > max_shown_bytes) raw("...(").raw_number(text.size()).raw(" bytes)");
    return *this;
  }

  std::string text_;
  bool fields_ = true;
  bool said_full_ = false;
};

}  // namespace tidewire::trace
