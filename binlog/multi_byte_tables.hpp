// What the tables of the multi-byte character sets look like. Only charset.cpp knows them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace tidewire::binlog {

/// The characters of one lead byte whose last byte is `first` to `last`: those from multi_byte_codes[at] on,
/// 0 where there is none. `first` beyond `last`: no characters.
struct code_row {
  std::uint32_t at;
  std::uint8_t first;
  std::uint8_t last;
};

/// A run of four-byte characters, by their number in the order of their bytes.
struct code_range {
  std::uint32_t first;
  std::uint32_t count;
  std::uint32_t code;
};

/// A set whose bytes 00 to 7f are ASCII where a character begins.
struct multi_byte_set {
  std::string_view name;
  const std::uint16_t* singles;       // of the bytes 80 to ff; null: none is a character alone
  const code_row* rows;               // of two bytes, by the first one from 80 on
  const code_row* triples;            // of 8f and two bytes, by the second one from 80 on; or null
  std::span<const code_range> fours;  // 81-fe 30-39 81-fe 30-39
};

inline constexpr std::size_t multi_byte_set_count = 9;
extern const std::array<multi_byte_set, multi_byte_set_count> multi_byte_sets;
extern const std::uint16_t multi_byte_codes[];

}  // namespace tidewire::binlog
