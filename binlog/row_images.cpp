#include "binlog/row_images.hpp"

#include <algorithm>

#if defined(__SSSE3__)
#include <tmmintrin.h>
#endif

#include "binlog/json_binary.hpp"
#include "binlog/temporal.hpp"
#include "core/json_text.hpp"

namespace tidewire::binlog {

namespace {

// Beside a value's bytes: a number's text, quotes, the frame of a binary value.
constexpr std::size_t value_room = 128;

/// Reads and writes whole blocks, so past the ends.
char* put_hex_digits(char* at, byte_view bytes) {
#if defined(__SSSE3__)
  const __m128i half = _mm_set1_epi8(0x0f);
  const __m128i digits =
      _mm_setr_epi8('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f');
  for (std::size_t i = 0; i < bytes.size(); i += 16) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + i));
    __m128i high = _mm_shuffle_epi8(digits, _mm_and_si128(_mm_srli_epi16(block, 4), half));
    __m128i low = _mm_shuffle_epi8(digits, _mm_and_si128(block, half));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at + 2 * i), _mm_unpacklo_epi8(high, low));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at + 2 * i + 16), _mm_unpackhi_epi8(high, low));
  }
#else
  constexpr char hex[] = "0123456789abcdef";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    at[2 * i] = hex[bytes[i] >> 4];
    at[2 * i + 1] = hex[bytes[i] & 15];
  }
#endif
  return at + 2 * bytes.size();
}

/// Zeros follow up to `length` bytes.
char* put_hex(char* at, byte_view bytes, std::size_t length) {
  at = json::put(at, R"({"binary":")");
  at = put_hex_digits(at, bytes);
  std::size_t zeros = 2 * (length - bytes.size());
  std::memset(at, '0', zeros);
  return json::put(at + zeros, "\"}");
}

/// json::is_utf8 of a text with readable bytes behind it, of which few are not ASCII.
bool is_mostly_ascii_utf8(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  auto high_bits = [](const char* from) {
    return load_le<std::uint64_t>(reinterpret_cast<const std::uint8_t*>(from)) & 0x8080'8080'8080'8080;
  };
  while (at < end) {
    while (end - at >= 16 && (high_bits(at) | high_bits(at + 8)) == 0) at += 16;
    std::uint64_t high = high_bits(at);
    at += std::countr_zero(high) / 8;
    if (!high || at >= end) continue;
    std::size_t length = json::utf8_length(at, end);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

/// Reads whole blocks.
bool same_bytes(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
#if defined(__SSSE3__)
  auto differences = [&](std::size_t i) {
    __m128i one = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i));
    __m128i two = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(one, two))) ^ 0xffff;
  };
  std::size_t i = 0;
  for (; size - i > 16; i += 16)
    if (differences(i)) return false;
  return (differences(i) & ((1u << (size - i)) - 1)) == 0;
#else
  return std::memcmp(a, b, size) == 0;
#endif
}

bool same(const cell& a, const cell& b) {
  if (a.kind != b.kind || a.size != b.size) return false;
  return a.kind != cell_kind::present || same_bytes(a.data, b.data, a.size);
}

std::string_view text_of(const cell& from) {
  return {reinterpret_cast<const char*>(from.data), from.size};
}

}  // namespace

/// The labels as row_text gives them, where all of them are text.
bool row_images::plan_labels(const column_definition& from, column& to) {
  for (const std::string& label : from.labels) {
    std::string text = label;
    if (!from.labels_in_utf8 && from.text == charset::converted) {
      text.resize(label.size() * worst_utf8_growth);
      char* end = put_as_utf8(text.data(), *from.conversion, as_bytes(label));
      if (!end) return false;
      text.resize(static_cast<std::size_t>(end - text.data()));
    } else if (!from.labels_in_utf8 && from.text == charset::other) {
      return false;
    }
    if (!json::is_utf8(text)) return false;
    std::string quoted = json::quoted(text);
    to.labels.push_back(quoted.substr(1, quoted.size() - 2));
  }
  return true;
}

bool row_images::form_of_text(const column_definition& from, column& to) {
  to.conversion = from.conversion;
  switch (from.text) {
    case charset::binary:
    case charset::other: to.form = how::binary; return true;
    case charset::converted: to.form = how::converted; return true;
    default: to.form = how::text; return true;
  }
}

bool row_images::add(const column_definition& from, std::string_view name) {
  column to{};
  to.name = name;
  to.precision = from.precision;
  to.scale = from.scale;
  auto integer = [&](how of_signed) {
    to.form = static_cast<how>(static_cast<int>(of_signed) + from.is_unsigned);
  };
  std::size_t room = value_room + name.size();
  switch (from.type) {
    case column_type::tiny_int: integer(how::int8); break;
    case column_type::small_int: integer(how::int16); break;
    case column_type::medium_int: integer(how::int24); break;
    case column_type::integer: integer(how::int32); break;
    case column_type::big_int: integer(how::int64); break;
    case column_type::bit: to.form = how::bit; break;
    case column_type::year: to.form = how::year; break;
    case column_type::float32: to.form = how::float32; break;
    case column_type::float64: to.form = how::float64; break;
    case column_type::decimal: to.form = how::decimal; break;
    case column_type::date:
    case column_type::new_date: to.form = how::date; break;
    case column_type::time: to.form = how::time; break;
    case column_type::datetime: to.form = how::datetime; break;
    case column_type::timestamp: to.form = how::timestamp; break;
    case column_type::enumeration:
    case column_type::set: {
      if (from.labels.empty()) {
        to.form = how::number;
        break;
      }
      to.form = from.type == column_type::set ? how::set : how::enumeration;
      if (!plan_labels(from, to)) return false;
      for (const std::string& label : to.labels) room += label.size() + 1;
      break;
    }
    case column_type::string:
      if (from.hint != column_hint::none) return false;
      form_of_text(from, to);
      if (from.text == charset::binary) {
        to.form = how::padded;
        to.length = from.length;
        room += 2 * std::size_t{from.length};
      }
      break;
    case column_type::varchar:
    case column_type::var_string:
    case column_type::tiny_blob:
    case column_type::medium_blob:
    case column_type::long_blob:
    case column_type::blob: form_of_text(from, to); break;
    case column_type::geometry: to.form = how::binary; break;
    case column_type::json:
      to.form = how::json;
      room += detail::most_json_text(0);
      growth_ = detail::most_json_text(1) - detail::most_json_text(0);
      break;
    default: return false;
  }
  fixed_room_ += room;
  columns_.push_back(std::move(to));
  return true;
}

std::optional<row_images> row_images::of(const table_definition& of, const table_plan& plan) {
  row_images made;
  for (std::size_t i = 0; i < of.columns.size(); ++i)
    if (!made.add(of.columns[i], plan.member(i))) return std::nullopt;
  made.places_.resize(of.columns.size() + 1);
  return made;
}

/// What is not ASCII becomes UTF-8 on the way.
char* row_images::converted(char* at, const column& of, const cell& from) {
  if (of.conversion->keeps_ascii() && is_ascii(from.bytes())) return json::put_string(at, text_of(from));
  text_.clear();
  char* text = text_.room(from.size * worst_utf8_growth);
  char* end = put_as_utf8(text, *of.conversion, from.bytes());
  if (!end) return nullptr;
  return json::put_string(at, text, static_cast<std::size_t>(end - text));
}

char* row_images::json(char* at, const cell& from) {
  text_.clear();
  if (!put_json(text_, from.bytes())) return nullptr;
  // A document that is null is told apart from SQL's NULL by whoever writes the whole line.
  if (text_.view() == "null") return nullptr;
  // What put_json makes is one JSON value on one line, if the strings in it are UTF-8.
  if (!is_mostly_ascii_utf8(text_.view())) return nullptr;
  return json::put(at, text_.view());
}

[[gnu::always_inline]] inline char* row_images::value(char* at, const column& of, const cell& from) {
  const std::uint8_t* data = from.data;
  civil_time time;
  switch (of.form) {
    case how::int8: return put_signed_number(at, static_cast<std::int8_t>(*data));
    case how::uint8: return json::put_unsigned(at, *data);
    case how::int16: return put_signed_number(at, load_le<std::int16_t>(data));
    case how::uint16: return json::put_unsigned(at, load_le<std::uint16_t>(data));
    case how::int24:
      return put_signed_number(at, static_cast<std::int32_t>(detail::load_le_n(data, 3) << 8) >> 8);
    case how::uint24: return json::put_unsigned(at, detail::load_le_n(data, 3));
    case how::int32: return put_signed_number(at, load_le<std::int32_t>(data));
    case how::uint32: return json::put_unsigned(at, load_le<std::uint32_t>(data));
    case how::int64: return put_signed_number(at, load_le<std::int64_t>(data));
    case how::uint64: return json::put_unsigned(at, load_le<std::uint64_t>(data));
    case how::number: return json::put_unsigned(at, detail::load_le_n(data, from.size));
    case how::bit: return json::put_unsigned(at, detail::load_be_n(data, from.size));
    case how::float32: {
      auto number = std::bit_cast<float>(load_le<std::uint32_t>(data));
      return std::isfinite(number) ? put_float(at, number) : nullptr;
    }
    case how::float64: {
      auto number = std::bit_cast<double>(load_le<std::uint64_t>(data));
      return std::isfinite(number) ? put_float(at, number) : nullptr;
    }
    case how::text: return json::put_string(at, text_of(from));
    case how::converted: return converted(at, of, from);
    case how::binary: return put_hex(at, from.bytes(), from.size);
    case how::padded: return from.size > of.length ? nullptr : put_hex(at, from.bytes(), of.length);
    case how::json: return json(at, from);
    default: break;
  }
  // The others stand in quotes.
  *at++ = '"';
  bool legal = true;
  switch (of.form) {
    case how::year: at = put_padded_number(at, *data ? *data + 1900u : 0, 4); break;
    case how::decimal:
      at = put_decimal(at, from.bytes(), of.precision, of.scale);
      if (!at) return nullptr;
      break;
    case how::date:
      legal = decode_date(from.bytes(), time);
      at = put_date(at, time);
      break;
    case how::time:
      legal = decode_time(from.bytes(), of.precision, time);
      at = put_time(at, time, of.precision);
      break;
    case how::datetime:
      legal = decode_datetime(from.bytes(), of.precision, time);
      at = put_datetime(at, time, of.precision);
      break;
    case how::timestamp:
      legal = decode_timestamp(from.bytes(), of.precision, time);
      at = put_datetime(at, time, of.precision);
      break;
    case how::enumeration: {
      std::uint64_t number = detail::load_le_n(data, from.size);
      if (number > of.labels.size()) return nullptr;
      if (number) at = json::put(at, of.labels[number - 1]);
      break;
    }
    default: {
      std::uint64_t bits = detail::load_le_n(data, from.size);
      std::size_t count = of.labels.size();
      if (count < 64 && bits >> count) return nullptr;
      const char* begin = at;
      for (; bits; bits &= bits - 1) {
        auto number = static_cast<std::size_t>(std::countr_zero(bits));
        if (number >= count) return nullptr;
        if (at != begin) *at++ = ',';
        at = json::put(at, of.labels[number]);
      }
    }
  }
  if (!legal) return nullptr;
  *at = '"';
  return at + 1;
}

[[gnu::always_inline]] inline char* row_images::member(char* at, const column& of, const cell& from) {
  at = json::put_padded(at, of.name.data(), of.name.size());
  if (from.kind == cell_kind::present) [[likely]]
    return value(at, of, from);
  return from.kind == cell_kind::null ? json::put(at, "null") : nullptr;
}

char* row_images::put(char* at, std::span<const cell> cells) {
  const cell* from = cells.data();
  for (const column& each : columns_) {
    at = member(at, each, *from++);
    if (!at) [[unlikely]]
      return nullptr;
  }
  return at;
}

char* row_images::put_old(char* at, std::span<const cell> cells) {
  const cell* from = cells.data();
  const char** place = places_.data();
  for (const column& each : columns_) {
    *place++ = at;
    at = member(at, each, *from++);
    if (!at) [[unlikely]]
      return nullptr;
  }
  *place = at;
  return at;
}

char* row_images::put_new(char* at, std::span<const cell> cells, std::span<const cell> old) {
  for (std::size_t i = 0, count = columns_.size(); i < count;) {
    std::size_t first = i;
    while (i < count && same(cells[i], old[i])) ++i;
    auto bytes = static_cast<std::size_t>(places_[i] - places_[first]);
    std::memcpy(at, places_[first], bytes);
    at += bytes;
    if (i == count) break;
    at = member(at, columns_[i], cells[i]);
    if (!at) [[unlikely]]
      return nullptr;
    ++i;
  }
  return at;
}

}  // namespace tidewire::binlog
