// Decimal floating point of 34 digits (IEEE 754-2008, binary integer decimal), as text and back, exactly.
// https://github.com/mongodb/specifications/blob/master/source/bson-decimal128/decimal128.md
#pragma once

#include <charconv>

#include "core/bytes.hpp"
#include "core/decode_error.hpp"
#include "core/json.hpp"
#include "mongo_wire/bson_type.hpp"

namespace tidewire::mongo_wire {

struct decimal128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const decimal128&, const decimal128&) = default;
};

/// `bytes`: decimal128_bytes.
inline decimal128 load_decimal128(const std::uint8_t* bytes) {
  return {load_le<std::uint64_t>(bytes), load_le<std::uint64_t>(bytes + 8)};
}

inline void store_decimal128(std::uint8_t* bytes, decimal128 number) {
  store_le(bytes, number.low);
  store_le(bytes + 8, number.high);
}

/// The longest text of one: sign, 34 digits, point and an exponent of four digits.
inline constexpr std::size_t decimal128_text_size = 48;

namespace detail {

__extension__ using uint128 = unsigned __int128;

inline constexpr int decimal_digits = 34;
inline constexpr int decimal_bias = 6176;
inline constexpr int decimal_min_exponent = -6176;
inline constexpr int decimal_max_exponent = 6111;
inline constexpr std::uint64_t decimal_infinity = 0x7800000000000000;
inline constexpr std::uint64_t decimal_nan = 0x7c00000000000000;
inline constexpr std::uint64_t decimal_sign = std::uint64_t{1} << 63;
inline constexpr std::uint64_t ten_to_17 = 100'000'000'000'000'000;

/// Digits without leading zeros; at least one.
inline char* put_coefficient(char* out, uint128 coefficient) {
  auto upper = static_cast<std::uint64_t>(coefficient / ten_to_17);
  auto lower = static_cast<std::uint64_t>(coefficient % ten_to_17);
  if (upper == 0) return std::to_chars(out, out + 20, lower).ptr;
  out = std::to_chars(out, out + 20, upper).ptr;
  for (int i = 16; i >= 0; --i, lower /= 10) out[i] = static_cast<char>('0' + lower % 10);
  return out + 17;
}

}  // namespace detail

/// The specification's string; a coefficient of more than 34 digits counts as 0. Writes up to
/// decimal128_text_size characters.
inline char* put_decimal128(char* out, decimal128 number) {
  using namespace detail;
  std::uint64_t high = number.high;
  if ((high & decimal_nan) == decimal_nan) return json::put(out, "NaN");
  if (high & decimal_sign) *out++ = '-';
  if ((high & decimal_nan) == decimal_infinity) return json::put(out, "Infinity");
  uint128 coefficient = 0;
  int exponent = 0;
  if ((high >> 61 & 3) == 3) {
    exponent = static_cast<int>(high >> 47 & 0x3fff) - decimal_bias;  // its coefficient would be too large
  } else {
    exponent = static_cast<int>(high >> 49 & 0x3fff) - decimal_bias;
    coefficient = static_cast<uint128>(high & 0x1ffffffffffff) << 64 | number.low;
    constexpr uint128 limit = static_cast<uint128>(ten_to_17) * ten_to_17;
    if (coefficient >= limit) coefficient = 0;
  }
  char digits[decimal_digits + 8];
  auto length = static_cast<int>(put_coefficient(digits, coefficient) - digits);
  int adjusted = exponent + length - 1;
  if (exponent > 0 || adjusted < -6) {
    *out++ = digits[0];
    if (length > 1) {
      *out++ = '.';
      out = json::put(out, {digits + 1, static_cast<std::size_t>(length - 1)});
    }
    *out++ = 'E';
    *out++ = adjusted < 0 ? '-' : '+';
    return std::to_chars(out, out + 8, adjusted < 0 ? -adjusted : adjusted).ptr;
  }
  int whole = length + exponent;  // digits before the point
  if (whole <= 0) {
    out = json::put(out, "0.");
    for (; whole < 0; ++whole) *out++ = '0';
    return json::put(out, {digits, static_cast<std::size_t>(length)});
  }
  out = json::put(out, {digits, static_cast<std::size_t>(whole)});
  if (exponent == 0) return out;
  *out++ = '.';
  return json::put(out, {digits + whole, static_cast<std::size_t>(-exponent)});
}

namespace detail {

class decimal_parser {
 public:
  explicit decimal_parser(std::string_view text) : text_(text) {}

  decoded<decimal128> parse() {
    bool negative = take('-');
    if (!negative) take('+');
    std::uint64_t sign = negative ? decimal_sign : 0;
    if (is_word("nan")) return decimal128{0, decimal_nan};
    if (is_word("inf") || is_word("infinity")) return decimal128{0, sign | decimal_infinity};
    digits();
    if (failed_) return fault(decode_errc::bad_value);
    exponent();
    if (failed_ || at_ != text_.size()) return fault(decode_errc::bad_value);
    if (!fit()) return fault(decode_errc::limit_exceeded);
    auto biased = static_cast<std::uint64_t>(exponent_ + decimal_bias);
    return decimal128{static_cast<std::uint64_t>(coefficient_),
                      sign | biased << 49 | static_cast<std::uint64_t>(coefficient_ >> 64)};
  }

 private:
  /// Exponents are as long as somebody cares to write them; beyond this they all mean the same.
  static constexpr std::int64_t huge = std::int64_t{1} << 40;

  std::unexpected<decode_error> fault(decode_errc code) const {
    return std::unexpected(decode_error{code, at_, "decimal128"});
  }

  bool take(char c) { return at_ < text_.size() && text_[at_] == c && (++at_, true); }
  bool at_digit() const { return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; }

  /// Whether `lower` in any case is all that is left.
  bool is_word(std::string_view lower) const {
    if (text_.size() - at_ != lower.size()) return false;
    for (std::size_t i = 0; i < lower.size(); ++i)
      if ((text_[at_ + i] | 0x20) != lower[i]) return false;
    return true;
  }

  void digits() {
    bool any = false, after_point = false;
    for (;; any = true) {
      if (!after_point && take('.')) after_point = true;
      if (!at_digit()) break;
      int digit = text_[at_++] - '0';
      if (after_point) --exponent_;
      if (count_ == decimal_digits) {
        // Only zeros can be dropped without changing the value.
        if (digit != 0) inexact_ = true;
        ++exponent_;
      } else if (count_ != 0 || digit != 0) {
        coefficient_ = coefficient_ * 10 + static_cast<unsigned>(digit);
        ++count_;
      }
    }
    failed_ = !any;
  }

  void exponent() {
    if (!take('E') && !take('e')) return;
    bool negative = take('-');
    if (!negative) take('+');
    failed_ = !at_digit();
    std::int64_t value = 0;
    for (; at_digit(); ++at_) value = value < huge ? value * 10 + (text_[at_] - '0') : value;
    exponent_ += negative ? -value : value;
  }

  /// Brings the exponent into its range without changing the value, if that can be.
  bool fit() {
    if (inexact_) return false;
    if (coefficient_ == 0) {
      exponent_ = exponent_ > decimal_max_exponent   ? decimal_max_exponent
                  : exponent_ < decimal_min_exponent ? decimal_min_exponent
                                                     : exponent_;
      return true;
    }
    for (; exponent_ > decimal_max_exponent && count_ < decimal_digits; --exponent_, ++count_)
      coefficient_ *= 10;
    for (; exponent_ < decimal_min_exponent && coefficient_ % 10 == 0; ++exponent_) coefficient_ /= 10;
    return exponent_ >= decimal_min_exponent && exponent_ <= decimal_max_exponent;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  uint128 coefficient_ = 0;
  int count_ = 0;  // digits of the coefficient
  std::int64_t exponent_ = 0;
  bool inexact_ = false;
  bool failed_ = false;
};

}  // namespace detail

/// bad_value for what is no number; limit_exceeded for one that would have to be rounded, or is out of range.
inline decoded<decimal128> parse_decimal128(std::string_view text) {
  return detail::decimal_parser(text).parse();
}

}  // namespace tidewire::mongo_wire
