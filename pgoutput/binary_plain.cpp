#include "pgoutput/binary_plain.hpp"

#include <charconv>

namespace tidewire::pgoutput::binary {

namespace {

constexpr char lower_hex[] = "0123456789abcdef";
constexpr char upper_hex[] = "0123456789ABCDEF";

char* put_hex(char* out, byte_view bytes, const char* digits) {
  for (std::uint8_t byte : bytes) {
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
  }
  return out;
}

void append_hex(std::string& out, byte_view bytes, const char* digits) {
  std::size_t before = out.size();
  out.resize(before + 2 * bytes.size());
  put_hex(out.data() + before, bytes, digits);
}

/// Bytes in hex with colons between them.
void append_colons(std::string& out, byte_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0) out.push_back(':');
    append_hex(out, bytes.subspan(i, 1), lower_hex);
  }
}

template <std::integral T>
char* put_number(char* out, T number, int base = 10) {
  return std::to_chars(out, out + 20, number, base).ptr;
}

template <std::integral T>
void append_number(std::string& out, T number) {
  char digits[20];
  out.append(digits, put_number(digits, number));
}

char* put_ipv4(char* out, byte_view address) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != 0) *out++ = '.';
    out = put_number(out, address[i]);
  }
  return out;
}

/// The longest run of zero words, the first of several, becomes `::`; a single one does not.
struct zero_run {
  std::size_t begin = 0;
  std::size_t end = 0;
};

zero_run longest_zeros(const std::uint16_t (&words)[8]) {
  zero_run best;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t end = i;
    while (end < 8 && words[end] == 0) ++end;
    if (end - i > best.end - best.begin) best = {i, end};
    if (end > i) i = end - 1;
  }
  return best.end - best.begin < 2 ? zero_run{} : best;
}

char* put_ipv6(char* out, byte_view address) {
  std::uint16_t words[8];
  for (std::size_t i = 0; i < 8; ++i) words[i] = load_be<std::uint16_t>(address.data() + 2 * i);
  zero_run zeros = longest_zeros(words);
  bool holds_ipv4 = zeros.begin == 0 && (zeros.end == 6 || (zeros.end == 5 && words[5] == 0xffff));
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == zeros.begin && zeros.end != 0) {
      *out++ = ':';
      if (zeros.end == 8) *out++ = ':';
      i = zeros.end - 1;
      continue;
    }
    if (i != 0) *out++ = ':';
    if (i == 6 && holds_ipv4) return put_ipv4(out, address.subspan(12));
    out = put_number(out, words[i], 16);
  }
  return out;
}

void append_address(cursor& in, std::string& out, bool always_with_length) {
  std::size_t at = in.offset();
  std::uint8_t family = in.u8("address family");
  std::uint8_t length = in.u8("network length");
  in.u8("address kind");  // Postgres writes 0 or 1 and never looks at it: the type says what it is
  std::uint8_t bytes = in.u8("address size");
  byte_view address = in.bytes(bytes, "address");
  if (!in.ok()) return;
  if (family != 2 && family != 3) return in.fail_at(at, decode_errc::bad_value, "address family");
  std::uint8_t wanted = family == 2 ? 4 : 16;
  if (bytes != wanted) return in.fail_at(at + 3, decode_errc::bad_length, "address size");
  if (length > 8 * wanted) return in.fail_at(at + 1, decode_errc::bad_value, "network length");
  char text[64];
  char* end = family == 2 ? put_ipv4(text, address) : put_ipv6(text, address);
  if (always_with_length || length != 8 * wanted) {
    *end++ = '/';
    end = put_number(end, length);
  }
  out.append(text, end);
}

}  // namespace

void append_text(cursor& in, std::string& out) {
  out.append(as_text(in.rest()));
}

void append_versioned_text(cursor& in, std::string& out) {
  std::size_t at = in.offset();
  std::uint8_t version = in.u8("version");
  if (in.ok() && version != 1) in.fail_at(at, decode_errc::bad_value, "version");
  out.append(as_text(in.rest()));
}

void append_character(cursor& in, std::string& out) {
  std::uint8_t byte = in.u8("\"char\"");
  if (byte == 0) return;
  if (byte < 0x80) return out.push_back(static_cast<char>(byte));
  const char octal[] = {'\\', static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)),
                        static_cast<char>('0' + (byte & 7))};
  out.append(octal, sizeof octal);
}

void append_bytea(cursor& in, std::string& out) {
  out.append("\\x");
  append_hex(out, in.rest(), lower_hex);
}

void append_hex_text(cursor& in, std::string& out) {
  append_hex(out, in.rest(), upper_hex);
}

void append_uuid(cursor& in, std::string& out) {
  byte_view bytes = in.bytes(16, "uuid");
  if (!in.ok()) return;
  char text[36];
  char* end = put_hex(text, bytes.first(4), lower_hex);
  for (std::size_t at : {4, 6, 8}) {
    *end++ = '-';
    end = put_hex(end, bytes.subspan(at, 2), lower_hex);
  }
  *end++ = '-';
  out.append(text, put_hex(end, bytes.subspan(10), lower_hex));
}

void append_bits(cursor& in, std::string& out) {
  std::size_t at = in.offset();
  auto count = in.be<std::int32_t>("bit count");
  if (count < 0) return in.fail_at(at, decode_errc::bad_length, "bit count");
  auto bits = static_cast<std::size_t>(count);
  byte_view bytes = in.bytes((bits + 7) / 8, "bits");
  if (!in.ok()) return;
  std::size_t before = out.size();
  out.resize(before + bits);
  char* to = out.data() + before;
  for (std::size_t i = 0; i < bits; ++i) to[i] = static_cast<char>('0' + (bytes[i / 8] >> (7 - i % 8) & 1));
}

void append_inet(cursor& in, std::string& out) {
  append_address(in, out, false);
}

void append_cidr(cursor& in, std::string& out) {
  append_address(in, out, true);
}

void append_macaddr(cursor& in, std::string& out) {
  append_colons(out, in.bytes(6, "macaddr"));
}

void append_macaddr8(cursor& in, std::string& out) {
  append_colons(out, in.bytes(8, "macaddr8"));
}

void append_lsn(cursor& in, std::string& out) {
  auto lsn = in.be<std::uint64_t>("pg_lsn");
  char text[20];
  char* end = text;
  for (std::uint32_t half : {static_cast<std::uint32_t>(lsn >> 32), static_cast<std::uint32_t>(lsn)}) {
    if (end != text) *end++ = '/';
    char* from = end;
    end = put_number(from, half, 16);
    for (; from != end; ++from)
      if (*from >= 'a') *from = static_cast<char>(*from - 'a' + 'A');
  }
  out.append(text, end);
}

void append_tid(cursor& in, std::string& out) {
  auto block = in.be<std::uint32_t>("tid block");
  auto line = in.be<std::uint16_t>("tid line");
  out.push_back('(');
  append_number(out, block);
  out.push_back(',');
  append_number(out, line);
  out.push_back(')');
}

void append_snapshot(cursor& in, std::string& out) {
  std::size_t at = in.offset();
  auto count = in.be<std::int32_t>("snapshot count");
  if (count < 0) return in.fail_at(at, decode_errc::bad_length, "snapshot count");
  auto least = in.be<std::uint64_t>("snapshot xmin");
  auto end = in.be<std::uint64_t>("snapshot xmax");
  byte_view running = in.bytes(8 * static_cast<std::size_t>(count), "snapshot xip");
  if (!in.ok()) return;
  append_number(out, least);
  out.push_back(':');
  append_number(out, end);
  out.push_back(':');
  for (std::size_t i = 0; i < running.size(); i += 8) {
    if (i != 0) out.push_back(',');
    append_number(out, load_be<std::uint64_t>(running.data() + i));
  }
}

}  // namespace tidewire::pgoutput::binary
