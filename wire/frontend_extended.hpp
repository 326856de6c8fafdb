// P B D E C: the extended query protocol. An empty name is the unnamed statement or portal.
#pragma once

#include "wire/fields.hpp"

namespace tidewire::wire {

/// Borrows.
struct parse_view {
  std::string_view statement;
  std::string_view sql;
  oid_list types;  // of the first parameters; 0: the server infers it
};

inline decoded<parse_view> decode_parse(byte_view body) {
  cursor in(body);
  parse_view m;
  m.statement = in.cstring("statement name");
  m.sql = in.cstring("query");
  m.types = detail::decode_integers<std::uint32_t>(in, "parameter count", "parameter types");
  return in.finish(m);
}

inline void encode_parse(encoder& out, std::string_view statement, std::string_view sql,
                         std::span<const std::uint32_t> types) {
  std::size_t mark = open_frame(out, frontend_tag::parse);
  out.cstring(statement, "statement name");
  out.cstring(sql, "query");
  detail::encode_integers(out, types, "parameter count");
  out.close_be32(mark);
}

/// Borrows. The values are read by a value_reader. No formats: all text; one: it is that of all of them.
struct bind_view {
  std::string_view portal;
  std::string_view statement;
  format_list parameter_formats;
  value_list values;
  format_list result_formats;
};

inline decoded<bind_view> decode_bind(byte_view body) {
  cursor in(body);
  bind_view m;
  m.portal = in.cstring("portal name");
  m.statement = in.cstring("statement name");
  m.parameter_formats = detail::decode_integers<std::int16_t>(in, "format count", "parameter formats");
  m.values = detail::decode_values(in, body, "parameter count");
  m.result_formats = detail::decode_integers<std::int16_t>(in, "result format count", "result formats");
  return in.finish(m);
}

inline void encode_bind(encoder& out, std::string_view portal, std::string_view statement,
                        std::span<const std::int16_t> parameter_formats,
                        std::span<const std::optional<byte_view>> values,
                        std::span<const std::int16_t> result_formats) {
  std::size_t mark = open_frame(out, frontend_tag::bind);
  out.cstring(portal, "portal name");
  out.cstring(statement, "statement name");
  detail::encode_integers(out, parameter_formats, "format count");
  detail::encode_values(out, values, "parameter count");
  detail::encode_integers(out, result_formats, "result format count");
  out.close_be32(mark);
}

namespace detail {

inline void decode_object(cursor& in, char& kind, std::string_view& name) {
  kind = static_cast<char>(in.u8("object kind"));
  if (kind != 'S' && kind != 'P') in.fail_at(0, decode_errc::bad_value, "object kind");
  name = in.cstring("object name");
}

inline void encode_object(encoder& out, frontend_tag tag, char kind, std::string_view name) {
  if (kind != 'S' && kind != 'P') return out.fail(decode_errc::bad_value, "object kind");
  std::size_t mark = open_frame(out, tag);
  out.u8(static_cast<std::uint8_t>(kind));
  out.cstring(name, "object name");
  out.close_be32(mark);
}

}  // namespace detail

/// Borrows. `kind` is S for a statement, P for a portal.
struct describe_view {
  char kind = 'S';
  std::string_view name;
};

inline decoded<describe_view> decode_describe(byte_view body) {
  cursor in(body);
  describe_view m;
  detail::decode_object(in, m.kind, m.name);
  return in.finish(m);
}

inline void encode_describe(encoder& out, char kind, std::string_view name) {
  detail::encode_object(out, frontend_tag::describe, kind, name);
}

/// Borrows. `kind` is S for a statement, P for a portal.
struct close_view {
  char kind = 'S';
  std::string_view name;
};

inline decoded<close_view> decode_close(byte_view body) {
  cursor in(body);
  close_view m;
  detail::decode_object(in, m.kind, m.name);
  return in.finish(m);
}

inline void encode_close(encoder& out, char kind, std::string_view name) {
  detail::encode_object(out, frontend_tag::close, kind, name);
}

/// Borrows.
struct execute_view {
  std::string_view portal;
  std::int32_t max_rows = 0;  // 0: all
};

inline decoded<execute_view> decode_execute(byte_view body) {
  cursor in(body);
  execute_view m;
  m.portal = in.cstring("portal name");
  m.max_rows = in.be<std::int32_t>("row limit");
  return in.finish(m);
}

inline void encode_execute(encoder& out, std::string_view portal, std::int32_t max_rows) {
  std::size_t mark = open_frame(out, frontend_tag::execute);
  out.cstring(portal, "portal name");
  out.be(max_rows);
  out.close_be32(mark);
}

}  // namespace tidewire::wire
