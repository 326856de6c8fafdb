// Floating point as Postgres prints it. Its digits are the shortest that lie *between* the two points
// half-way to the neighbours. std::to_chars also takes such a point itself where it would be rounded to the
// number (1e+23 is one, and Postgres prints 9.999999999999999e+22): that case is recognised exactly and given
// more digits.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "pgoutput/binary_number.hpp"

namespace tidewire::pgoutput::binary {

namespace {

__extension__ using uint128 = unsigned __int128;

template <class F>
struct layout;
template <>
struct layout<double> {
  using bits = std::uint64_t;
  static constexpr int fraction_bits = 52;
  static constexpr int max_digits = 17;
  static constexpr int fixed_below = 15;  // the decimal exponent from which on the text has one
};
template <>
struct layout<float> {
  using bits = std::uint32_t;
  static constexpr int fraction_bits = 23;
  static constexpr int max_digits = 9;
  static constexpr int fixed_below = 6;
};

/// text[0] . text[1] text[2] … × 10^exponent
struct decimal {
  char text[20];
  int count = 0;
  int exponent = 0;
};

constexpr auto powers_of_5 = [] {
  std::array<std::uint64_t, 28> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 5;
  return powers;
}();

/// An odd number times a power of two.
struct odd_scaled {
  std::uint64_t odd;
  int power;
};

/// Whether digits × 10^power is `point`.
bool equals(std::uint64_t digits, int power, odd_scaled point) {
  auto fives = static_cast<std::size_t>(power < 0 ? -power : power);
  // A point has at most 55 bits and digits 57: neither can hold, or make up for, more factors of five.
  if (fives >= powers_of_5.size()) return false;
  int zeros = std::countr_zero(digits);
  if (power + zeros != point.power) return false;
  uint128 left = digits >> zeros;
  uint128 right = point.odd;
  (power < 0 ? right : left) *= powers_of_5[fives];
  return left == right;
}

/// Whether the decimal is half-way between a positive `number` and one of its neighbours.
template <class F>
bool is_halfway(const decimal& d, F number) {
  using traits = layout<F>;
  std::uint64_t digits = 0;
  for (int i = 0; i < d.count; ++i) digits = digits * 10 + static_cast<std::uint64_t>(d.text[i] - '0');
  int power = d.exponent - (d.count - 1);
  auto bits = std::bit_cast<typename traits::bits>(number);
  auto biased = static_cast<int>(bits >> traits::fraction_bits);
  constexpr std::uint64_t hidden = std::uint64_t{1} << traits::fraction_bits;
  std::uint64_t mantissa = bits & (hidden - 1);
  bool subnormal = biased == 0;
  if (!subnormal) mantissa |= hidden;
  constexpr int bias = std::numeric_limits<F>::max_exponent - 1 + traits::fraction_bits;
  int exponent = (subnormal ? 1 : biased) - bias;  // number = mantissa × 2^exponent
  // Above a power of two the numbers lie twice as far apart as below it.
  bool narrow = mantissa == hidden && biased > 1;
  return equals(digits, power, {2 * mantissa + 1, exponent - 1}) ||
         equals(digits, power,
                narrow ? odd_scaled{4 * mantissa - 1, exponent - 2}
                       : odd_scaled{2 * mantissa - 1, exponent - 1});
}

/// From what std::to_chars writes in scientific format; without zeros at the end.
decimal read_scientific(const char* at, const char* end) {
  decimal d;
  for (; at != end && *at != 'e'; ++at)
    if (*at != '.') d.text[d.count++] = *at;
  while (d.count > 1 && d.text[d.count - 1] == '0') --d.count;
  if (++at < end && *at == '+') ++at;
  std::from_chars(at, end, d.exponent);
  return d;
}

template <class F>
decimal shortest(F number) {
  char text[max_float_chars];
  decimal d = read_scientific(
      text, std::to_chars(text, text + sizeof text, number, std::chars_format::scientific).ptr);
  for (int digits = d.count + 1; digits <= layout<F>::max_digits && is_halfway(d, number); ++digits)
      [[unlikely]] {
    auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::scientific, digits - 1).ptr;
    d = read_scientific(text, end);
  }
  return d;
}

char* put_digits(char* out, const char* digits, int count) {
  return std::copy_n(digits, count, out);
}

char* put_zeros(char* out, int count) {
  return std::fill_n(out, count, '0');
}

template <class F>
char* put(char* out, F number) {
  if (std::isnan(number)) return std::copy_n("NaN", 3, out);
  if (std::signbit(number)) *out++ = '-', number = -number;
  if (std::isinf(number)) return std::copy_n("Infinity", 8, out);
  if (number == 0) return *out = '0', out + 1;
  decimal d = shortest(number);
  if (d.exponent < -4 || d.exponent >= layout<F>::fixed_below) {
    *out++ = d.text[0];
    if (d.count > 1) *out++ = '.', out = put_digits(out, d.text + 1, d.count - 1);
    *out++ = 'e';
    *out++ = d.exponent < 0 ? '-' : '+';
    int size = std::abs(d.exponent);
    if (size < 10) *out++ = '0';
    return std::to_chars(out, out + 3, size).ptr;
  }
  if (d.exponent < 0) {
    out = std::copy_n("0.", 2, out);
    out = put_zeros(out, -d.exponent - 1);
    return put_digits(out, d.text, d.count);
  }
  int whole = d.exponent + 1;
  if (d.count <= whole) return put_zeros(put_digits(out, d.text, d.count), whole - d.count);
  out = put_digits(out, d.text, whole);
  *out++ = '.';
  return put_digits(out, d.text + whole, d.count - whole);
}

}  // namespace

char* put_float(char* out, double number) {
  return put(out, number);
}

char* put_float(char* out, float number) {
  return put(out, number);
}

}  // namespace tidewire::pgoutput::binary
