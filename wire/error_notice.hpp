// E N: errors and notices, which have the same fields: a letter and a text each, in any order.
#pragma once

#include "wire/frame.hpp"

namespace tidewire::wire {

/// Borrows. The fields are read by an error_field_reader or asked for by field_of.
struct error_view {
  byte_view fields;  // without the zero byte that ends the list
};

/// S severity, V severity untranslated, C SQLSTATE, M message, D detail, H hint, P p q position and internal
/// query, W where, s t c d n schema, table, column, type, constraint, F L R file, line, routine. A client
/// has to pass over letters that it does not know.
struct error_field {
  char code = 0;
  std::string_view text;
};

/// Hands out the fields of a decoded error or notice one after the other.
class error_field_reader {
 public:
  explicit error_field_reader(const error_view& of) : in_(of.fields) {}

  /// False when there are no more.
  bool next(char& code, std::string_view& text) {
    if (in_.remaining() == 0) return false;
    code = static_cast<char>(in_.u8("field code"));
    text = in_.cstring("field text");
    return in_.ok();
  }

 private:
  cursor in_;
};

/// The text of the field, empty if there is none.
inline std::string_view field_of(const error_view& of, char code) {
  error_field_reader reader(of);
  char each = 0;
  for (std::string_view text; reader.next(each, text);)
    if (each == code) return text;
  return {};
}

inline decoded<error_view> decode_error_response(byte_view body) {
  cursor in(body);
  std::size_t end = 0;
  while (in.u8("field code") != 0) {
    in.cstring("field text");
    end = in.offset();
  }
  return in.finish(error_view{in.ok() ? body.first(end) : byte_view{}});
}

inline decoded<error_view> decode_notice_response(byte_view body) {
  return decode_error_response(body);
}

namespace detail {

inline void encode_error_fields(encoder& out, backend_tag tag, std::span<const error_field> fields) {
  std::size_t mark = open_frame(out, tag);
  for (const error_field& each : fields) {
    if (each.code == 0) out.fail(decode_errc::bad_value, "field code");  // it would end the list
    out.u8(static_cast<std::uint8_t>(each.code));
    out.cstring(each.text, "field text");
  }
  out.u8(0);
  out.close_be32(mark);
}

}  // namespace detail

inline void encode_error_response(encoder& out, std::span<const error_field> fields) {
  detail::encode_error_fields(out, backend_tag::error_response, fields);
}

inline void encode_notice_response(encoder& out, std::span<const error_field> fields) {
  detail::encode_error_fields(out, backend_tag::notice_response, fields);
}

}  // namespace tidewire::wire
