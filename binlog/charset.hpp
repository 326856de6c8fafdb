// Collation numbers and the character sets behind them; conversion of the small ones to UTF-8.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/bytes.hpp"

namespace tidewire::binlog {

/// `utf8` is both utf8mb3 and utf8mb4; `binary` is no text; `converted` are those that put_as_utf8 knows. For
/// `other` (gbk, sjis, big5, …) the bytes are handed on as they are: charset_name tells what they are in.
enum class charset : std::uint8_t { unknown, utf8, ascii, converted, binary, other };

charset charset_of(std::uint32_t collation);

/// "utf8mb4", "gbk", …; empty for a number that neither server has.
std::string_view charset_name(std::uint32_t collation);

/// The lowest collation of a set; 0 if there is none of that name.
std::uint32_t collation_of(std::string_view charset_name);

/// How text of a character set becomes UTF-8.
struct text_conversion {
  enum class unit : std::uint8_t { byte, utf16, utf16_little, utf32 };
  unit of = unit::byte;
  const std::array<std::uint16_t, 128>* upper = nullptr;  // of single bytes
};

/// Null for sets that need none (utf8, ascii, binary) and for those that are not converted.
const text_conversion* conversion_of(std::string_view charset_name);

inline constexpr std::size_t worst_utf8_growth = 3;

/// `out` needs worst_utf8_growth × size bytes. Returns the end; null if the text is not legal in its set.
char* put_as_utf8(char* out, const text_conversion& how, byte_view text);

}  // namespace tidewire::binlog
