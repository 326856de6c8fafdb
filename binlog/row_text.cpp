#include "binlog/row_text.hpp"

#include <algorithm>

#include "binlog/compressed_event.hpp"
#include "binlog/gtid.hpp"
#include "binlog/temporal.hpp"

namespace tidewire::binlog {

value_form form_of(const column_definition& column) {
  switch (column.type) {
    case column_type::tiny_int:
    case column_type::small_int:
    case column_type::medium_int:
    case column_type::integer:
    case column_type::big_int:
    case column_type::bit: return value_form::integer;
    case column_type::float32:
    case column_type::float64:
    case column_type::decimal: return value_form::number;
    case column_type::json:
    case column_type::vector: return value_form::json;
    case column_type::geometry: return value_form::binary;
    case column_type::enumeration:
    case column_type::set: return column.labels.empty() ? value_form::integer : value_form::text;
    default: break;
  }
  if (!column.is_character() || column.hint != column_hint::none) return value_form::text;
  return column.text == charset::binary || column.text == charset::other ? value_form::binary
                                                                         : value_form::text;
}

namespace {

const char* text_of(const std::uint8_t* data) {
  return reinterpret_cast<const char*>(data);
}

}  // namespace

char* put_inet6(char* out, const std::uint8_t* bytes) {
  std::uint16_t words[8];
  for (int i = 0; i < 8; ++i) words[i] = load_be<std::uint16_t>(bytes + 2 * i);
  // The longest run of zeros, the first of equals, of at least two words.
  int best = -1, best_size = 1;
  for (int i = 0; i < 8; ++i) {
    int size = 0;
    while (i + size < 8 && words[i + size] == 0) ++size;
    if (size > best_size) best = i, best_size = size;
    if (size) i += size - 1;
  }
  // ::1.2.3.4 and ::ffff:1.2.3.4
  bool ipv4 = best == 0 && (best_size == 6 || (best_size == 5 && words[5] == 0xffff));
  constexpr char hex[] = "0123456789abcdef";
  for (int i = 0; i < (ipv4 ? 6 : 8); ++i) {
    if (i == best) {
      *out++ = ':';
      if (i + best_size == 8) *out++ = ':';
      i += best_size - 1;
      continue;
    }
    if (i) *out++ = ':';
    bool leading = true;
    for (int shift = 12; shift >= 0; shift -= 4) {
      unsigned digit = words[i] >> shift & 15;
      leading = leading && digit == 0 && shift;
      if (!leading) *out++ = hex[digit];
    }
  }
  if (!ipv4) return out;
  *out++ = ':';
  for (int i = 12; i < 16; ++i) {
    if (i > 12) *out++ = '.';
    out = put_unsigned(out, bytes[i]);
  }
  return out;
}

void row_text::rendered(value& to, std::size_t begin, value_kind kind) {
  // text_ may still move: the pointer is filled in when the row is done.
  to.data = nullptr;
  to.size = static_cast<std::uint32_t>(text_.size() - begin);
  to.kind = kind;
  rendered_.push_back(column_);
}

bool row_text::integer(const column_definition& column, const cell& from) {
  char* at = text_.room(integer_text_size);
  if (column.type == column_type::year) {
    std::uint32_t year = from.data[0];
    at = put_padded_number(at, year ? year + 1900 : 0, 4);
  } else if (column.type == column_type::bit) {
    at = put_unsigned(at, detail::load_be_n(from.data, from.size));
  } else {
    at = put_integer(at, from.bytes(), column.is_unsigned);
  }
  text_.end(at);
  return true;
}

bool row_text::temporal(const column_definition& column, const cell& from) {
  civil_time t;
  byte_view bytes = from.bytes();
  unsigned digits = column.precision;
  char* at = text_.room(temporal_text_size);
  bool legal = true;
  switch (column.type) {
    case column_type::date:
    case column_type::new_date:
      legal = decode_date(bytes, t);
      at = put_date(at, t);
      break;
    case column_type::time:
      legal = decode_time(bytes, digits, t);
      at = put_time(at, t, digits);
      break;
    case column_type::time_old:
      legal = decode_old_time(bytes, t);
      at = put_time(at, t, 0);
      break;
    case column_type::datetime:
      legal = decode_datetime(bytes, digits, t);
      at = put_datetime(at, t, digits);
      break;
    case column_type::datetime_old:
      legal = decode_old_datetime(bytes, t);
      at = put_datetime(at, t, 0);
      break;
    case column_type::timestamp:
      legal = decode_timestamp(bytes, digits, t);
      at = put_datetime(at, t, digits);
      break;
    default: legal = decode_old_timestamp(bytes, t); at = put_datetime(at, t, 0);
  }
  if (!legal) [[unlikely]]
    return fail(decode_errc::bad_value, "date or time");
  text_.end(at);
  return true;
}

bool row_text::characters(const column_definition& column, byte_view bytes, value& to) {
  to.data = text_of(bytes.data());
  to.size = static_cast<std::uint32_t>(bytes.size());
  to.kind = value_kind::text;
  switch (column.text) {
    case charset::binary:
    case charset::other: to.kind = value_kind::binary; return true;
    case charset::converted: break;
    default: return true;
  }
  const text_conversion& how = *column.conversion;
  if (how.keeps_ascii() && is_ascii(bytes)) return true;
  std::size_t begin = text_.size();
  char* end = put_as_utf8(text_.room(bytes.size() * worst_utf8_growth), how, bytes);
  if (!end) {
    // What is no text in the column's own set is given as it is.
    to.kind = value_kind::binary;
    return true;
  }
  text_.end(end);
  rendered(to, begin);
  return true;
}

/// Appends one label. False if it can't be given as UTF-8; then its bytes are appended.
bool row_text::put_label(const column_definition& column, std::string_view label) {
  if (column.labels_in_utf8) return text_.put(label), true;
  if (column.text == charset::converted) {
    char* end =
        put_as_utf8(text_.room(label.size() * worst_utf8_growth), *column.conversion, as_bytes(label));
    if (end) return text_.end(end), true;
  }
  text_.put(label);
  return column.text != charset::other && column.text != charset::converted;
}

bool row_text::label(const column_definition& column, const cell& from, value& to) {
  std::uint64_t number = detail::load_le_n(from.data, from.size);
  std::size_t begin = text_.size();
  if (column.labels.empty()) {
    text_.end(put_unsigned(text_.room(integer_text_size), number));
    rendered(to, begin);
    return true;
  }
  if (column.type == column_type::set) return set_labels(column, number, to);
  if (number > column.labels.size()) return fail(decode_errc::bad_value, "enum number");
  // 0 stands for a value that was refused when it was stored, and reads as an empty string.
  std::string_view text = number ? column.labels[number - 1] : std::string_view{};
  bool good = put_label(column, text);
  rendered(to, begin, good ? value_kind::text : value_kind::binary);
  return true;
}

bool row_text::set_labels(const column_definition& column, std::uint64_t bits, value& to) {
  std::size_t begin = text_.size();
  std::size_t count = column.labels.size();
  if (count < 64 && bits >> count) return fail(decode_errc::bad_value, "set number");
  bool good = true;
  for (std::size_t i = 0; i < count; ++i) {
    if (!(bits >> i & 1)) continue;
    if (text_.size() != begin) text_.put(',');
    good &= put_label(column, column.labels[i]);
  }
  rendered(to, begin, good ? value_kind::text : value_kind::binary);
  return true;
}

/// BINARY(n) and MariaDB's types made of it lie in the row without their trailing zeros.
bool row_text::padded(const column_definition& column, const cell& from, value& to) {
  if (from.size > column.length) return fail(decode_errc::bad_length, "binary value");
  std::size_t begin = text_.size();
  char* at = text_.room(column.length);
  if (from.size) std::memcpy(at, from.data, from.size);
  std::memset(at + from.size, 0, column.length - from.size);
  if (column.hint == column_hint::none) {
    text_.end(at + column.length);
    rendered(to, begin, value_kind::binary);
    return true;
  }
  std::uint8_t whole[16];
  std::size_t wanted = column.hint == column_hint::inet4 ? 4 : 16;
  if (column.length != wanted) return fail(decode_errc::bad_length, "address");
  std::memcpy(whole, at, wanted);
  at = text_.room(48);
  switch (column.hint) {
    case column_hint::uuid: at = put_uuid(at, whole); break;
    case column_hint::inet6: at = put_inet6(at, whole); break;
    default:
      for (int i = 0; i < 4; ++i) {
        if (i) *at++ = '.';
        at = put_unsigned(at, whole[i]);
      }
  }
  text_.end(at);
  rendered(to, begin);
  return true;
}

/// MariaDB's COMPRESSED columns: a byte 0 and the plain bytes, or a byte with the algorithm in its high half
/// (8: zlib), 0x08 for raw data, and in its low three bits how many bytes of the plain size follow.
bool row_text::compressed(const column_definition& column, const cell& from, value& to) {
  byte_view bytes = from.bytes();
  if (bytes.empty()) return characters(column, bytes, to);
  std::uint8_t head = bytes[0];
  if (head == 0) return characters(column, bytes.subspan(1), to);
  if (head >> 4 != 8) return fail(decode_errc::unsupported, "column compression");
  std::size_t width = head & 7;
  if (width < 1 || width > 4) return fail(decode_errc::bad_value, "column compression");
  if (bytes.size() < 1 + width) return fail(decode_errc::truncated, "column compression");
  std::uint64_t size = detail::load_be_n(bytes.data() + 1, width);
  bytes = bytes.subspan(1 + width);
  if (size > bounds_.value_bytes) return fail(decode_errc::limit_exceeded, "compressed value");
  // Deflate can't do better than about a thousandth: no more room than that for what the header promises.
  if (size > bytes.size() * 1032 + 64) return fail(decode_errc::bad_length, "compressed value");
  bool converts = column.text == charset::converted;
  std::size_t begin = text_.size();
  std::uint8_t* out;
  if (converts) {
    inflated_.resize(size);
    out = inflated_.data();
  } else {
    out = reinterpret_cast<std::uint8_t*>(text_.room(size));
  }
  if (!inflater_.run(bytes, head & 8, out, size)) return fail(decode_errc::bad_value, "compressed value");
  bool binary = column.text == charset::binary || column.text == charset::other;
  if (converts) {
    char* end = put_as_utf8(text_.room(size * worst_utf8_growth), *column.conversion, inflated_);
    binary = !end;
    if (end)
      text_.end(end);
    else
      text_.put(as_text(inflated_));
  } else {
    text_.end(reinterpret_cast<char*>(out) + size);
  }
  rendered(to, begin, binary ? value_kind::binary : value_kind::text);
  return true;
}

/// Single-precision numbers, little-endian, as a JSON array.
bool row_text::vector(const cell& from) {
  if (from.size % 4) return fail(decode_errc::bad_length, "vector");
  char* at = text_.room(from.size / 4 * float_text_size + 2);
  *at++ = '[';
  for (std::uint32_t i = 0; i < from.size; i += 4) {
    auto number = std::bit_cast<float>(load_le<std::uint32_t>(from.data + i));
    if (!std::isfinite(number)) return fail(decode_errc::bad_value, "vector");
    if (i) *at++ = ',';
    at = put_float(at, number);
  }
  *at++ = ']';
  text_.end(at);
  return true;
}

bool row_text::json(const cell& from) {
  auto done = put_json(text_, from.bytes());
  if (!done) error_ = done.error();
  return done.has_value();
}

bool row_text::json_changes(const cell& from, const cell* old) {
  // NULL can't be changed in part, so there is a document.
  if (old && old->kind == cell_kind::present) {
    auto done = patcher_.put(text_, old->bytes(), from.bytes());
    if (!done) {
      error_ = done.error();
      // In the old document: then the place is counted from there.
      if (error_.offset < old->size)
        error_.offset -= static_cast<std::size_t>(from.data - old->data);
      else
        error_.offset -= old->size;
    }
    return done.has_value();
  }
  if (old && old->kind == cell_kind::null) return fail(decode_errc::unknown_reference, "JSON document");
  diffs_.resize(values_.size());
  diffs_[column_] = true;
  has_diffs_ = true;
  auto done = put_json_diffs(text_, from.bytes());
  if (!done) error_ = done.error();
  return done.has_value();
}

bool row_text::one(const column_definition& column, const cell& from, value& to) {
  std::size_t begin = text_.size();
  switch (column.type) {
    case column_type::tiny_int:
    case column_type::small_int:
    case column_type::medium_int:
    case column_type::integer:
    case column_type::big_int:
    case column_type::bit:
    case column_type::year: integer(column, from); break;
    case column_type::float32:
      text_.end(
          put_float(text_.room(float_text_size), std::bit_cast<float>(load_le<std::uint32_t>(from.data))));
      break;
    case column_type::float64:
      text_.end(
          put_float(text_.room(float_text_size), std::bit_cast<double>(load_le<std::uint64_t>(from.data))));
      break;
    case column_type::decimal: {
      char* end = put_decimal(text_.room(decimal_text_size), from.bytes(), column.precision, column.scale);
      if (!end) return fail(decode_errc::bad_value, "decimal");
      text_.end(end);
      break;
    }
    case column_type::date:
    case column_type::new_date:
    case column_type::time:
    case column_type::time_old:
    case column_type::datetime:
    case column_type::datetime_old:
    case column_type::timestamp:
    case column_type::timestamp_old:
      if (!temporal(column, from)) return false;
      break;
    case column_type::enumeration:
    case column_type::set: return label(column, from, to);
    case column_type::string:
      if (column.text == charset::binary || column.hint != column_hint::none) return padded(column, from, to);
      return characters(column, from.bytes(), to);
    case column_type::varchar:
    case column_type::var_string:
    case column_type::tiny_blob:
    case column_type::medium_blob:
    case column_type::long_blob:
    case column_type::blob: return characters(column, from.bytes(), to);
    case column_type::varchar_compressed:
    case column_type::blob_compressed: return compressed(column, from, to);
    case column_type::geometry: to = {text_of(from.data), from.size, value_kind::binary}; return true;
    case column_type::vector:
      if (!vector(from)) return false;
      break;
    case column_type::json:
      if (!json(from)) return false;
      break;
    case column_type::null: to = {}; return true;
    case column_type::decimal_old:
    case column_type::typed_array: return fail(decode_errc::unsupported, "column type");
  }
  rendered(to, begin);
  return true;
}

decoded<std::span<const value>> row_text::render(const rows_view& rows, const table_definition& table,
                                                 std::span<const cell> cells, std::span<const cell> before) {
  constexpr std::size_t kept_bytes = std::size_t{4} << 20;
  text_.clear_to(kept_bytes);
  text_.room(0);  // empty values point somewhere, too
  rendered_.clear();
  values_.resize(cells.size());
  if (has_diffs_) diffs_.assign(diffs_.size(), false), has_diffs_ = false;
  bool new_row = rows.kind == change_kind::update && !before.empty();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const cell& from = cells[i];
    column_ = static_cast<std::uint32_t>(i);
    bool good = true;
    switch (from.kind) {
      case cell_kind::present: good = one(table.columns[i], from, values_[i]); break;
      case cell_kind::null: values_[i] = {nullptr, 0, value_kind::null}; break;
      case cell_kind::absent:
        values_[i] = {nullptr, 0, new_row ? value_kind::unchanged : value_kind::absent};
        break;
      case cell_kind::diff: {
        std::size_t begin = text_.size();
        good = json_changes(from,
                            i < before.size() && before[i].kind != cell_kind::absent ? &before[i] : nullptr);
        if (good) rendered(values_[i], begin);
      }
    }
    if (!good) [[unlikely]] {
      failed_column_ = i;
      error_.offset += static_cast<std::size_t>(from.data - rows.bytes.data());
      return std::unexpected(error_);
    }
  }
  const char* at = text_.data();
  for (std::uint32_t column : rendered_) {
    values_[column].data = at;
    at += values_[column].size;
  }
  return std::span<const value>(values_);
}

}  // namespace tidewire::binlog
