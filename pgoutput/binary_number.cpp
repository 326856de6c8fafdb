#include "pgoutput/binary_number.hpp"

#include <algorithm>
#include <charconv>

namespace tidewire::pgoutput::binary {

namespace {

template <std::integral T>
void append_decimal(std::string& out, T number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

/// Four decimal digits.
char* put_group(char* out, unsigned group) {
  out[0] = static_cast<char>('0' + group / 1000);
  out[1] = static_cast<char>('0' + group / 100 % 10);
  out[2] = static_cast<char>('0' + group / 10 % 10);
  out[3] = static_cast<char>('0' + group % 10);
  return out + 4;
}

enum numeric_sign : std::uint16_t {
  positive = 0,
  negative = 0x4000,
  not_a_number = 0xc000,
  infinity = 0xd000,
  minus_infinity = 0xf000
};
constexpr std::uint16_t max_scale = 0x3fff;

}  // namespace

void append_boolean(cursor& in, std::string& out) {
  out.push_back(in.u8("boolean") ? 't' : 'f');
}

void append_int2(cursor& in, std::string& out) {
  append_decimal(out, in.be<std::int16_t>("int2"));
}

void append_int4(cursor& in, std::string& out) {
  append_decimal(out, in.be<std::int32_t>("int4"));
}

void append_int8(cursor& in, std::string& out) {
  append_decimal(out, in.be<std::int64_t>("int8"));
}

void append_uint4(cursor& in, std::string& out) {
  append_decimal(out, in.be<std::uint32_t>("oid"));
}

void append_uint8(cursor& in, std::string& out) {
  append_decimal(out, in.be<std::uint64_t>("xid8"));
}

void append_float4(cursor& in, std::string& out) {
  char text[max_float_chars];
  out.append(text, put_float(text, std::bit_cast<float>(in.be<std::uint32_t>("float4"))));
}

void append_float8(cursor& in, std::string& out) {
  char text[max_float_chars];
  out.append(text, put_float(text, std::bit_cast<double>(in.be<std::uint64_t>("float8"))));
}

void append_money(cursor& in, std::string& out) {
  auto cents = in.be<std::int64_t>("money");
  std::uint64_t size = cents < 0 ? 0 - static_cast<std::uint64_t>(cents) : static_cast<std::uint64_t>(cents);
  char digits[20];
  auto whole =
      static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, size / 100).ptr - digits);
  out.append(cents < 0 ? "-$" : "$");
  for (std::size_t i = 0; i < whole; ++i) {
    if (i != 0 && (whole - i) % 3 == 0) out.push_back(',');
    out.push_back(digits[i]);
  }
  out.push_back('.');
  out.push_back(static_cast<char>('0' + size % 100 / 10));
  out.push_back(static_cast<char>('0' + size % 10));
}

void append_numeric(cursor& in, std::string& out) {
  std::size_t count = in.be<std::uint16_t>("numeric digit count");
  std::int32_t weight = in.be<std::int16_t>("numeric weight");
  std::size_t sign_at = in.offset();
  auto sign = in.be<std::uint16_t>("numeric sign");
  auto scale = in.be<std::uint16_t>("numeric scale");
  std::size_t digits_at = in.offset();
  byte_view digits = in.bytes(count * 2, "numeric digits");
  if (!in.ok()) return;
  switch (sign) {
    case positive:
    case negative: break;
    case not_a_number: out.append("NaN"); return;
    case infinity: out.append("Infinity"); return;
    case minus_infinity: out.append("-Infinity"); return;
    default: return in.fail_at(sign_at, decode_errc::bad_value, "numeric sign");
  }
  if (scale > max_scale) return in.fail_at(sign_at + 2, decode_errc::bad_value, "numeric scale");
  auto group = [&](std::size_t i) -> unsigned { return load_be<std::uint16_t>(digits.data() + 2 * i); };
  for (std::size_t i = 0; i < count; ++i)
    if (group(i) > 9999) return in.fail_at(digits_at + 2 * i, decode_errc::bad_value, "numeric digits");

  // Group i stands for 10000^(weight - i); without leading zeros from here on.
  std::size_t first = 0;
  while (first < count && group(first) == 0) ++first;
  bool zero = first == count;
  weight = zero ? -1 : weight - static_cast<std::int32_t>(first);
  auto group_of = [&](std::int32_t power) -> unsigned {
    std::int32_t i = static_cast<std::int32_t>(first) + weight - power;
    return power > weight || i >= static_cast<std::int32_t>(count) ? 0 : group(static_cast<std::size_t>(i));
  };

  std::size_t before = out.size();
  std::size_t whole = weight < 0 ? 1 : 4 * (static_cast<std::size_t>(weight) + 1);
  out.resize(before + 1 + whole + 1 + scale + 4);
  char* at = out.data() + before;
  if (sign == negative && !zero) *at++ = '-';
  if (weight < 0) {
    *at++ = '0';
  } else {
    at = std::to_chars(at, at + 4, group_of(weight)).ptr;
    for (std::int32_t power = weight - 1; power >= 0; --power) at = put_group(at, group_of(power));
  }
  if (scale != 0) {
    *at++ = '.';
    char* end = at + scale;
    for (std::int32_t power = -1; at < end; --power) at = put_group(at, group_of(power));
    at = end;
  }
  out.resize(static_cast<std::size_t>(at - out.data()));
}

}  // namespace tidewire::pgoutput::binary
