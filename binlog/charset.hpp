// Collation numbers and the character sets behind them; their conversion to UTF-8.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/bytes.hpp"

namespace tidewire::binlog {

/// `utf8` is both utf8mb3 and utf8mb4; `binary` is no text; `converted` are those that put_as_utf8 knows: all
/// that the servers have today. Of an `other` set, which only a later server can name, the bytes are handed
/// on as they are.
enum class charset : std::uint8_t { unknown, utf8, ascii, converted, binary, other };

charset charset_of(std::uint32_t collation);

/// "utf8mb4", "gbk", …; empty for a number that neither server has.
std::string_view charset_name(std::uint32_t collation);

/// The lowest collation of a set; 0 if there is none of that name.
std::uint32_t collation_of(std::string_view charset_name);

struct multi_byte_set;

/// How text of a character set becomes UTF-8.
struct text_conversion {
  enum class unit : std::uint8_t { byte, multi_byte, utf16, utf16_little, utf32 };
  unit of = unit::byte;
  const std::array<std::uint16_t, 128>* upper = nullptr;  // of single bytes
  const std::array<std::uint16_t, 128>* lower = nullptr;  // of single bytes; null: they are ASCII
  const multi_byte_set* set = nullptr;                    // of several bytes

  /// Whether text of nothing but ASCII bytes is what it seems.
  bool keeps_ascii() const { return (of == unit::byte && !lower) || of == unit::multi_byte; }
};

/// Null for sets that need none (utf8, ascii, binary) and for those that are not known.
const text_conversion* conversion_of(std::string_view charset_name);

/// Whether no byte has its highest bit set.
inline bool is_ascii(byte_view bytes) {
  std::uint64_t high = 0;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) high |= load_le<std::uint64_t>(bytes.data() + i);
  for (; i < bytes.size(); ++i) high |= bytes[i];
  return (high & 0x8080808080808080) == 0;
}

/// A character of fewer than four bytes is below U+10000 in every set, whose three bytes may come of one.
inline constexpr std::size_t worst_utf8_growth = 3;

/// `out` needs worst_utf8_growth × size bytes. Returns the end; null if the text is not legal in its set, or
/// has something that is no character there: what a server would make a question mark of.
char* put_as_utf8(char* out, const text_conversion& how, byte_view text);

}  // namespace tidewire::binlog
