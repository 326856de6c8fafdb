// Collation numbers and the character sets behind them; conversion of the small ones to UTF-8.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/bytes.hpp"

namespace tidewire::binlog {

/// `utf8` is both utf8mb3 and utf8mb4; `binary` is no text. For `other` the bytes are handed on as they are:
/// collation_charset_name tells what they are in.
enum class charset : std::uint8_t { unknown, utf8, ascii, latin1, binary, other };

charset charset_of(std::uint32_t collation);

/// "utf8mb4", "gbk", …; empty for a number that neither server has.
std::string_view charset_name(std::uint32_t collation);

/// Whether text of that character set can be given as UTF-8.
constexpr bool is_utf8_or_converts(charset of) {
  return of == charset::utf8 || of == charset::ascii || of == charset::latin1;
}

inline constexpr std::size_t latin1_worst_growth = 3;

/// MySQL's latin1 is Windows' code page 1252 with the five gaps filled by C1 controls. `out` needs
/// latin1_worst_growth × size bytes. Returns the end.
char* put_latin1_as_utf8(char* out, byte_view text);

}  // namespace tidewire::binlog
