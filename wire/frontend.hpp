// Q p F H S X: what a client sends besides the start-up packets (startup_message.hpp), the extended query
// protocol (frontend_extended.hpp) and copying (copy.hpp).
#pragma once

#include "wire/copy.hpp"
#include "wire/frontend_extended.hpp"

namespace tidewire::wire {

/// Borrows. One or more statements.
struct query_view {
  std::string_view sql;
};

inline decoded<query_view> decode_query(byte_view body) {
  cursor in(body);
  query_view m;
  m.sql = in.cstring("query");
  return in.finish(m);
}

inline void encode_query(encoder& out, std::string_view sql) {
  std::size_t mark = open_frame(out, frontend_tag::query);
  out.cstring(sql, "query");
  out.close_be32(mark);
}

/// Borrows. The password, or its md5 hash.
struct password_view {
  std::string_view password;
};

inline decoded<password_view> decode_password(byte_view body) {
  cursor in(body);
  password_view m;
  m.password = in.cstring("password");
  return in.finish(m);
}

inline void encode_password(encoder& out, std::string_view password) {
  std::size_t mark = open_frame(out, frontend_tag::password);
  out.cstring(password, "password");
  out.close_be32(mark);
}

/// Borrows. The tag is frontend_tag::password.
struct sasl_initial_response_view {
  std::string_view mechanism;
  std::optional<byte_view> data;  // nothing: the mechanism lets the server speak first
};

inline decoded<sasl_initial_response_view> decode_sasl_initial_response(byte_view body) {
  cursor in(body);
  sasl_initial_response_view m;
  m.mechanism = in.cstring("mechanism");
  m.data = detail::decode_value(in);
  return in.finish(m);
}

inline void encode_sasl_initial_response(encoder& out, std::string_view mechanism,
                                         const std::optional<byte_view>& data) {
  std::size_t mark = open_frame(out, frontend_tag::password);
  out.cstring(mechanism, "mechanism");
  detail::encode_value(out, data);
  out.close_be32(mark);
}

/// Borrows. The tag is frontend_tag::password; a GSSResponse is the same.
struct sasl_response_view {
  byte_view data;
};

inline decoded<sasl_response_view> decode_sasl_response(byte_view body) {
  return sasl_response_view{body};
}

inline void encode_sasl_response(encoder& out, byte_view data) {
  std::size_t mark = open_frame(out, frontend_tag::password);
  out.bytes(data);
  out.close_be32(mark);
}

/// Borrows. The values are read by a value_reader. No formats: all text; one: it is that of all arguments.
struct function_call_view {
  std::uint32_t function_oid = 0;
  format_list argument_formats;
  value_list arguments;
  std::int16_t result_format = 0;
};

inline decoded<function_call_view> decode_function_call(byte_view body) {
  cursor in(body);
  function_call_view m;
  m.function_oid = in.be<std::uint32_t>("function");
  m.argument_formats = detail::decode_integers<std::int16_t>(in, "format count", "argument formats");
  m.arguments = detail::decode_values(in, body, "argument count");
  m.result_format = in.be<std::int16_t>("result format");
  return in.finish(m);
}

inline void encode_function_call(encoder& out, std::uint32_t function_oid,
                                 std::span<const std::int16_t> argument_formats,
                                 std::span<const std::optional<byte_view>> arguments,
                                 std::int16_t result_format) {
  std::size_t mark = open_frame(out, frontend_tag::function_call);
  out.be(function_oid);
  detail::encode_integers(out, argument_formats, "format count");
  detail::encode_values(out, arguments, "argument count");
  out.be(result_format);
  out.close_be32(mark);
}

inline void encode_flush(encoder& out) {
  encode_empty(out, frontend_tag::flush);
}

inline void encode_sync(encoder& out) {
  encode_empty(out, frontend_tag::sync);
}

inline void encode_terminate(encoder& out) {
  encode_empty(out, frontend_tag::terminate);
}

}  // namespace tidewire::wire
