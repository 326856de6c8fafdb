#include "binlog/json_binary.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "binlog/column_type.hpp"
#include "binlog/temporal.hpp"

namespace tidewire::binlog {

namespace detail {

namespace {

bool fail(decode_error& error, decode_errc code, const std::uint8_t* at, const std::uint8_t* origin,
          const char* field) {
  error = {code, static_cast<std::size_t>(at - origin), field};
  return false;
}

/// Seven bits a byte, the lowest first, up to five bytes.
bool take_length(byte_view& bytes, std::uint32_t& length, const std::uint8_t* origin, decode_error& error) {
  if (!bytes.empty() && bytes[0] < 0x80 && bytes[0] < bytes.size()) [[likely]] {
    length = bytes[0];
    bytes = bytes.subspan(1);
    return true;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    if (i == bytes.size())
      return fail(error, decode_errc::truncated, bytes.data() + i, origin, "JSON length");
    value |= static_cast<std::uint64_t>(bytes[i] & 0x7f) << (7 * i);
    if (bytes[i] & 0x80) continue;
    if (value > 0xffffffff) break;
    length = static_cast<std::uint32_t>(value);
    bytes = bytes.subspan(i + 1);
    if (length > bytes.size()) return fail(error, decode_errc::truncated, bytes.data(), origin, "JSON value");
    return true;
  }
  return fail(error, decode_errc::bad_length, bytes.data(), origin, "JSON length");
}

std::size_t fixed_bytes(json_type type) {
  switch (type) {
    case json_type::literal: return 1;
    case json_type::int16:
    case json_type::uint16: return 2;
    case json_type::int32:
    case json_type::uint32: return 4;
    default: return 8;
  }
}

constexpr bool is_special(std::uint8_t c) {
  return c < 0x20 || c == '"' || c == '\\';
}

char* put_escape(char* out, std::uint8_t c) {
  constexpr char hex[] = "0123456789abcdef";
  *out++ = '\\';
  switch (c) {
    case '\b': *out++ = 'b'; return out;
    case '\t': *out++ = 't'; return out;
    case '\n': *out++ = 'n'; return out;
    case '\f': *out++ = 'f'; return out;
    case '\r': *out++ = 'r'; return out;
    case '"':
    case '\\': *out++ = static_cast<char>(c); return out;
    default: break;
  }
  std::memcpy(out, "u00", 3);
  out[3] = hex[c >> 4];
  out[4] = hex[c & 15];
  return out + 5;
}

#if defined(__SSE2__)

/// Of 16 bytes a bit for each that must be escaped.
unsigned specials(__m128i block) {
  const __m128i controls = _mm_set1_epi8(0x1f);
  __m128i special = _mm_or_si128(
      _mm_cmpeq_epi8(_mm_max_epu8(block, controls), controls),
      _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
  return static_cast<unsigned>(_mm_movemask_epi8(special));
}

/// Copies sizeof(T) to twice as many bytes, by their overlapping halves, if none must be escaped.
template <class T>
bool put_plain_halves(char* at, const std::uint8_t* in, std::size_t size) {
  T first = load_le<T>(in), last = load_le<T>(in + size - sizeof(T));
  // What is behind a half of four bytes does not count.
  constexpr unsigned counts = sizeof(T) == 8 ? 0xffff : 0x0f0f;
  __m128i both = _mm_set_epi64x(static_cast<long long>(last), static_cast<long long>(first));
  if (specials(both) & counts) return false;
  std::memcpy(at, &first, sizeof first);
  std::memcpy(at + size - sizeof last, &last, sizeof last);
  return true;
}

/// Copies fewer than 16 bytes, if none must be escaped.
bool put_plain_end(char* at, const std::uint8_t* in, std::size_t size) {
  if (size >= 8) return put_plain_halves<std::uint64_t>(at, in, size);
  if (size >= 4) return put_plain_halves<std::uint32_t>(at, in, size);
  if (size == 0) return true;
  // Of three bytes these are all, of fewer some are the same.
  std::uint8_t first = in[0], middle = in[size / 2], last = in[size - 1];
  if (is_special(first) || is_special(middle) || is_special(last)) return false;
  at[0] = static_cast<char>(first);
  at[size / 2] = static_cast<char>(middle);
  at[size - 1] = static_cast<char>(last);
  return true;
}

#endif

// The worst case is asked for in pieces: most strings need no escape at all.
constexpr std::size_t piece_bytes = 4096;

std::size_t quoted_room(std::string_view text) {
  return text.size() * 6 + 2;
}

char* put_escaped(char* at, std::string_view text) {
  auto in = reinterpret_cast<const std::uint8_t*>(text.data());
  const std::uint8_t* end = in + text.size();
#if defined(__SSE2__)
  while (end - in >= 16) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
    unsigned found = specials(block);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), block);
    unsigned plain = found ? static_cast<unsigned>(std::countr_zero(found)) : 16;
    at += plain;
    in += plain;
    if (found) at = put_escape(at, *in++);
  }
  auto left = static_cast<std::size_t>(end - in);
  if (put_plain_end(at, in, left)) return at + left;
#endif
  for (; in != end; ++in) {
    if (is_special(*in))
      at = put_escape(at, *in);
    else
      *at++ = static_cast<char>(*in);
  }
  return at;
}

char* put_quoted(char* at, std::string_view text) {
  *at = '"';
  at = put_escaped(at + 1, text);
  *at = '"';
  return at + 1;
}

/// With what stands around it in an object.
void put_key(text_buffer& out, bool first, std::string_view key) {
  if (key.size() > piece_bytes) [[unlikely]] {
    if (!first) out.put(", ");
    put_json_string(out, key);
    return out.put(": ");
  }
  char* at = out.room(quoted_room(key) + 4);
  if (!first) {
    *at++ = ',';
    *at++ = ' ';
  }
  at = put_quoted(at, key);
  *at++ = ':';
  *at++ = ' ';
  out.end(at);
}

/// Lines of 76 characters, as the server's encoder breaks them; the line breaks are escaped already.
void put_base64(text_buffer& out, byte_view bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::size_t groups = (bytes.size() + 2) / 3;
  char* at = out.room(groups * 4 + groups / 19 * 2);
  for (std::size_t i = 0; i < groups; ++i) {
    if (i && i % 19 == 0) {
      *at++ = '\\';
      *at++ = 'n';
    }
    std::size_t left = bytes.size() - i * 3;
    std::uint32_t group = static_cast<std::uint32_t>(bytes[i * 3]) << 16;
    if (left > 1) group |= static_cast<std::uint32_t>(bytes[i * 3 + 1]) << 8;
    if (left > 2) group |= bytes[i * 3 + 2];
    *at++ = digits[group >> 18];
    *at++ = digits[group >> 12 & 63];
    *at++ = left > 1 ? digits[group >> 6 & 63] : '=';
    *at++ = left > 2 ? digits[group & 63] : '=';
  }
  out.end(at);
}

bool put_opaque(text_buffer& out, byte_view bytes, const std::uint8_t* origin, decode_error& error) {
  const std::uint8_t* begin = bytes.data();
  if (bytes.empty()) return fail(error, decode_errc::truncated, begin, origin, "JSON opaque type");
  auto type = static_cast<column_type>(bytes[0]);
  bytes = bytes.subspan(1);
  std::uint32_t length = 0;
  if (!take_length(bytes, length, origin, error)) return false;
  bytes = bytes.first(length);
  switch (type) {
    case column_type::decimal: {
      bool fits = length >= 2 && bytes[0] > 0 && bytes[0] <= max_decimal_digits && bytes[1] <= bytes[0] &&
                  length == 2 + decimal_bytes(bytes[0], bytes[1]);
      if (!fits) return fail(error, decode_errc::bad_value, begin, origin, "JSON decimal");
      char* end = put_decimal(out.room(decimal_text_size), bytes.subspan(2), bytes[0], bytes[1]);
      if (!end) return fail(error, decode_errc::bad_value, begin, origin, "JSON decimal");
      out.end(end);
      return true;
    }
    case column_type::date:
    case column_type::time_old:
    case column_type::datetime_old:
    case column_type::timestamp_old: {
      if (length != 8) return fail(error, decode_errc::bad_length, begin, origin, "JSON time");
      auto packed = load_le<std::int64_t>(bytes.data());
      bool is_time = type == column_type::time_old;
      if (!is_time && packed < 0) return fail(error, decode_errc::bad_value, begin, origin, "JSON time");
      civil_time t = is_time ? unpack_time(packed)
                             : unpack_datetime(static_cast<std::uint64_t>(packed) >> 24,
                                               static_cast<std::uint32_t>(packed & 0xffffff));
      if (!legal_date(t) || !legal_clock(t, is_time ? 838 : 23))
        return fail(error, decode_errc::bad_value, begin, origin, "JSON time");
      char* at = out.room(temporal_text_size + 2);
      *at++ = '"';
      if (is_time)
        at = put_time(at, t, 6);
      else if (type == column_type::date)
        at = put_date(at, t);
      else
        at = put_datetime(at, t, 6);
      *at++ = '"';
      out.end(at);
      return true;
    }
    case column_type::var_string: put_json_string(out, as_text(bytes)); return true;
    default: break;
  }
  char* at = out.room(32);
  std::memcpy(at, "\"base64:type", 12);
  at = put_unsigned(at + 12, static_cast<std::uint8_t>(type));
  *at++ = ':';
  out.end(at);
  put_base64(out, bytes);
  out.put('"');
  return true;
}

bool put_scalar(text_buffer& out, const json_ref& value, const std::uint8_t* origin, decode_error& error) {
  byte_view bytes = value.bytes;
  switch (value.type) {
    case json_type::string: {
      std::uint32_t length = 0;
      if (!take_length(bytes, length, origin, error)) return false;
      put_json_string(out, as_text(bytes.first(length)));
      return true;
    }
    case json_type::opaque: return put_opaque(out, bytes, origin, error);
    case json_type::literal:
    case json_type::int16:
    case json_type::uint16:
    case json_type::int32:
    case json_type::uint32:
    case json_type::int64:
    case json_type::uint64:
    case json_type::float64: break;
    default: return fail(error, decode_errc::unknown_tag, bytes.data(), origin, "JSON type");
  }
  if (bytes.size() < fixed_bytes(value.type))
    return fail(error, decode_errc::truncated, bytes.data(), origin, "JSON value");
  const std::uint8_t* from = bytes.data();
  char* at = out.room(float_text_size + 2);
  switch (value.type) {
    case json_type::int16: at = put_signed_number(at, load_le<std::int16_t>(from)); break;
    case json_type::uint16: at = json::put_unsigned(at, load_le<std::uint16_t>(from)); break;
    case json_type::int32: at = put_signed_number(at, load_le<std::int32_t>(from)); break;
    case json_type::uint32: at = json::put_unsigned(at, load_le<std::uint32_t>(from)); break;
    case json_type::int64: at = put_signed_number(at, load_le<std::int64_t>(from)); break;
    case json_type::uint64: at = json::put_unsigned(at, load_le<std::uint64_t>(from)); break;
    case json_type::float64: {
      auto number = std::bit_cast<double>(load_le<std::uint64_t>(from));
      if (!std::isfinite(number)) return fail(error, decode_errc::bad_value, from, origin, "JSON number");
      char* begin = at;
      at = put_float(at, number);
      // So that 1.0 is not taken for the integer 1.
      bool plain = true;
      for (char* each = begin; each != at; ++each) plain &= *each != '.' && *each != 'e';
      if (plain) {
        *at++ = '.';
        *at++ = '0';
      }
      break;
    }
    default: {
      std::string_view word = *from == 0 ? "null" : *from == 1 ? "true" : *from == 2 ? "false" : "";
      if (word.empty()) return fail(error, decode_errc::bad_value, from, origin, "JSON literal");
      std::memcpy(at, word.data(), word.size());
      at += word.size();
    }
  }
  out.end(at);
  return true;
}

}  // namespace

void put_json_string(text_buffer& out, std::string_view text) {
  if (text.size() <= piece_bytes) return out.end(put_quoted(out.room(quoted_room(text)), text));
  out.put('"');
  while (!text.empty()) {
    std::string_view now = text.substr(0, piece_bytes);
    text.remove_prefix(now.size());
    out.end(put_escaped(out.room(quoted_room(now)), now));
  }
  out.put('"');
}

json_ref json_root(byte_view document) {
  static constexpr std::uint8_t null_literal = 0;
  if (document.empty()) return {json_type::literal, {&null_literal, 1}};
  return {static_cast<json_type>(document[0]), document.subspan(1)};
}

bool open_json(const json_ref& value, json_container& container, const std::uint8_t* origin,
               decode_error& error) {
  container.object = value.type == json_type::small_object || value.type == json_type::large_object;
  container.large = value.type == json_type::large_object || value.type == json_type::large_array;
  container.bytes = value.bytes;
  const std::uint8_t* at = value.bytes.data();
  std::size_t width = container.offset_bytes();
  if (value.bytes.size() < 2 * width) return fail(error, decode_errc::truncated, at, origin, "JSON size");
  container.count = container.offset_at(0);
  std::size_t size = container.offset_at(width);
  if (size > value.bytes.size()) return fail(error, decode_errc::truncated, at + width, origin, "JSON size");
  container.bytes = value.bytes.first(size);
  std::size_t header = container.value_entries() + std::size_t{container.count} * (1 + width);
  if (header > size) return fail(error, decode_errc::bad_length, at, origin, "JSON count");
  return true;
}

bool json_key(const json_container& of, std::uint32_t index, std::string_view& key,
              const std::uint8_t* origin, decode_error& error) {
  std::size_t width = of.offset_bytes();
  std::size_t entry = of.key_entries() + std::size_t{index} * (width + 2);
  std::size_t offset = of.offset_at(entry);
  std::size_t length = load_le<std::uint16_t>(of.bytes.data() + entry + width);
  if (offset > of.bytes.size() || length > of.bytes.size() - offset)
    return fail(error, decode_errc::truncated, of.bytes.data() + entry, origin, "JSON key");
  key = as_text(of.bytes.subspan(offset, length));
  return true;
}

bool json_element(const json_container& of, std::uint32_t index, json_ref& element,
                  const std::uint8_t* origin, decode_error& error) {
  std::size_t width = of.offset_bytes();
  std::size_t entry = of.value_entries() + std::size_t{index} * (1 + width);
  element.type = static_cast<json_type>(of.bytes[entry]);
  bool inlined = element.type == json_type::literal || element.type == json_type::int16 ||
                 element.type == json_type::uint16 ||
                 (of.large && (element.type == json_type::int32 || element.type == json_type::uint32));
  if (inlined) {
    element.bytes = of.bytes.subspan(entry + 1, width);
    return true;
  }
  std::size_t offset = of.offset_at(entry + 1);
  // A value lies behind all entries, so that none can contain itself.
  if (offset < entry + 1 + width || offset > of.bytes.size())
    return fail(error, decode_errc::bad_value, of.bytes.data() + entry + 1, origin, "JSON offset");
  element.bytes = of.bytes.subspan(offset);
  return true;
}

bool put_json_value(text_buffer& out, const json_ref& value, std::size_t depth, std::size_t most,
                    const std::uint8_t* origin, decode_error& error) {
  // Not json_container itself: a hundred of them would be initialised for every little document.
  struct level {
    const std::uint8_t* data;
    std::uint32_t size;
    std::uint32_t count;
    std::uint32_t next;
    bool object;
    bool large;
  };
  level levels[max_json_depth];
  std::size_t open = 0;
  json_ref now = value;
  for (;;) {
    if (now.is_container()) {
      if (depth + open >= max_json_depth)
        return fail(error, decode_errc::limit_exceeded, now.bytes.data(), origin, "JSON depth");
      json_container opened;
      if (!open_json(now, opened, origin, error)) return false;
      levels[open++] = {opened.bytes.data(), static_cast<std::uint32_t>(opened.bytes.size()),
                        opened.count,        0,
                        opened.object,       opened.large};
      out.put(opened.object ? '{' : '[');
    } else if (!put_scalar(out, now, origin, error)) {
      return false;
    }
    if (out.size() > most)
      return fail(error, decode_errc::limit_exceeded, now.bytes.data(), origin, "JSON text");
    while (open && levels[open - 1].next == levels[open - 1].count)
      out.put(levels[--open].object ? '}' : ']');
    if (!open) return true;
    level& top = levels[open - 1];
    json_container container{{top.data, top.size}, top.count, top.object, top.large};
    std::uint32_t index = top.next++;
    if (top.object) {
      std::string_view key;
      if (!json_key(container, index, key, origin, error)) return false;
      put_key(out, index == 0, key);
    } else if (index) {
      out.put(", ");
    }
    if (!json_element(container, index, now, origin, error)) return false;
  }
}

}  // namespace detail

decoded<void> put_json(text_buffer& out, byte_view document) {
  decode_error error;
  std::size_t most = out.size() + detail::most_json_text(document.size());
  const std::uint8_t* origin = document.data();
  if (!detail::put_json_value(out, detail::json_root(document), 0, most, origin, error))
    return std::unexpected(error);
  return {};
}

}  // namespace tidewire::binlog
