// T D C t V: the answers to queries. The answers without fields (1 2 3 I n s) are decode_empty's.
#pragma once

#include "wire/fields.hpp"

namespace tidewire::wire {

/// Borrows. One column of a result.
struct field_description {
  std::string_view name;
  std::uint32_t table_oid = 0;     // 0: not a table's column
  std::int16_t column_number = 0;  // in the table; 0: not a table's column
  std::uint32_t type_oid = 0;
  std::int16_t type_size = 0;  // negative: variable
  std::int32_t type_modifier = -1;
  std::int16_t format = 0;  // 0: text, 1: binary
};

/// Borrows. The fields are read by a field_reader.
struct row_description_view {
  std::uint16_t field_count = 0;
  byte_view fields;
};

namespace detail {

inline field_description decode_field(cursor& in) {
  field_description f;
  f.name = in.cstring("field name");
  f.table_oid = in.be<std::uint32_t>("table");
  f.column_number = in.be<std::int16_t>("column number");
  f.type_oid = in.be<std::uint32_t>("type");
  f.type_size = in.be<std::int16_t>("type size");
  f.type_modifier = in.be<std::int32_t>("type modifier");
  f.format = in.be<std::int16_t>("format");
  return f;
}

}  // namespace detail

/// Hands out the fields of a decoded row description one after the other.
class field_reader {
 public:
  explicit field_reader(const row_description_view& of) : in_(of.fields), left_(of.field_count) {}

  /// False when there are no more.
  bool next(field_description& field) {
    if (left_ == 0) return false;
    --left_;
    field = detail::decode_field(in_);
    return in_.ok();
  }

 private:
  cursor in_;
  std::uint16_t left_;
};

inline decoded<row_description_view> decode_row_description(byte_view body) {
  cursor in(body);
  row_description_view m;
  m.field_count = in.be<std::uint16_t>("field count");
  std::size_t at = in.offset();
  for (unsigned i = 0; i < m.field_count && in.ok(); ++i) detail::decode_field(in);
  if (in.ok()) m.fields = body.subspan(at, in.offset() - at);
  return in.finish(m);
}

inline void encode_row_description(encoder& out, std::span<const field_description> fields) {
  std::size_t mark = open_frame(out, backend_tag::row_description);
  if (!detail::encode_count(out, fields.size(), "field count")) return;
  for (const field_description& f : fields) {
    out.cstring(f.name, "field name");
    out.be(f.table_oid);
    out.be(f.column_number);
    out.be(f.type_oid);
    out.be(f.type_size);
    out.be(f.type_modifier);
    out.be(f.format);
  }
  out.close_be32(mark);
}

/// Borrows. The values are read by a value_reader.
struct data_row_view {
  value_list values;
};

inline decoded<data_row_view> decode_data_row(byte_view body) {
  cursor in(body);
  data_row_view m;
  m.values = detail::decode_values(in, body, "value count");
  return in.finish(m);
}

inline void encode_data_row(encoder& out, std::span<const std::optional<byte_view>> values) {
  std::size_t mark = open_frame(out, backend_tag::data_row);
  detail::encode_values(out, values, "value count");
  out.close_be32(mark);
}

/// Borrows. For example INSERT 0 1.
struct command_complete_view {
  std::string_view tag;
};

inline decoded<command_complete_view> decode_command_complete(byte_view body) {
  cursor in(body);
  command_complete_view m;
  m.tag = in.cstring("command tag");
  return in.finish(m);
}

inline void encode_command_complete(encoder& out, const command_complete_view& m) {
  std::size_t mark = open_frame(out, backend_tag::command_complete);
  out.cstring(m.tag, "command tag");
  out.close_be32(mark);
}

/// Borrows.
struct parameter_description_view {
  oid_list types;
};

inline decoded<parameter_description_view> decode_parameter_description(byte_view body) {
  cursor in(body);
  parameter_description_view m;
  m.types = detail::decode_integers<std::uint32_t>(in, "parameter count", "parameter types");
  return in.finish(m);
}

inline void encode_parameter_description(encoder& out, std::span<const std::uint32_t> types) {
  std::size_t mark = open_frame(out, backend_tag::parameter_description);
  detail::encode_integers(out, types, "parameter count");
  out.close_be32(mark);
}

/// Borrows.
struct function_call_response_view {
  std::optional<byte_view> result;  // nothing: NULL
};

inline decoded<function_call_response_view> decode_function_call_response(byte_view body) {
  cursor in(body);
  function_call_response_view m;
  m.result = detail::decode_value(in);
  return in.finish(m);
}

inline void encode_function_call_response(encoder& out, const function_call_response_view& m) {
  std::size_t mark = open_frame(out, backend_tag::function_call_response);
  detail::encode_value(out, m.result);
  out.close_be32(mark);
}

}  // namespace tidewire::wire
