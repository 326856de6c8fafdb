// Numbers below 100,000,000 as text, without a loop or a table.
#pragma once

#include <array>
#include <bit>

#include "core/bytes.hpp"

namespace tidewire {

/// The eight digits as characters, the first one in the lowest byte. `number` is below 100,000,000.
[[gnu::always_inline]] inline std::uint64_t eight_digits(std::uint32_t number) {
  // The number's halves, then quarters, then digits, side by side. The multiplications divide by 100 and
  // by 10.
  std::uint64_t x = number / 10'000 | std::uint64_t{number % 10'000} << 32;
  std::uint64_t high = (x * 10'486 >> 20) & 0x0000'007f'0000'007f;
  x = high | (x - 100 * high) << 16;
  high = (x * 103 >> 10) & 0x000f'000f'000f'000f;
  x = high | (x - 10 * high) << 8;
  return x + 0x3030'3030'3030'3030;
}

/// Stores eight characters, the lowest byte first.
inline void put_eight(char* out, std::uint64_t characters) {
  store_le(reinterpret_cast<std::uint8_t*>(out), characters);
}

/// How many digits a number has. Known long before they are themselves, so what follows in a text need not
/// wait.
[[gnu::always_inline]] inline unsigned digit_count(std::uint32_t number) {
  // For each highest bit what carries into the upper half: its digits, and one more from the power of ten on
  // that lies between this bit and the next one.
  static constexpr auto carries = [] {
    std::array<std::uint64_t, 32> made{};
    for (unsigned bit = 0; bit < 32; ++bit) {
      std::uint64_t digits = 1, power = 10;
      for (; power <= std::uint64_t{1} << bit; power *= 10) ++digits;
      bool between = power < std::uint64_t{2} << bit;
      made[bit] = between ? ((digits + 1) << 32) - power : digits << 32;
    }
    return made;
  }();
  auto highest_bit = static_cast<unsigned>(std::bit_width(number | 1) - 1);
  return static_cast<unsigned>((number + carries[highest_bit]) >> 32);
}

}  // namespace tidewire
