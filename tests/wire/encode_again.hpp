// Decodes any message, walks all that it holds and encodes that again, for whoever then compares the bytes.
// Used by the tests of captures and by the fuzz targets.
#pragma once

#include <vector>

#include "wire/backend_auth.hpp"
#include "wire/backend_query.hpp"
#include "wire/backend_session.hpp"
#include "wire/error_notice.hpp"
#include "wire/frontend.hpp"
#include "wire/replication_message.hpp"
#include "wire/startup_message.hpp"

namespace tidewire::wire::testing {

/// What the tag 'p' stands for.
enum class password_kind : std::uint8_t { password, sasl_initial_response, sasl_response };

template <class T>
std::vector<T> list_of(const integer_list<T>& of) {
  std::vector<T> all;
  all.reserve(of.size());
  for (std::size_t i = 0; i < of.size(); ++i) all.push_back(of[i]);
  return all;
}

inline std::vector<std::optional<byte_view>> list_of(const value_list& of) {
  std::vector<std::optional<byte_view>> all;
  value_reader reader(of);
  for (std::optional<byte_view> each; reader.next(each);) all.push_back(each);
  return all;
}

inline std::vector<std::string_view> list_of(const authentication_view& of) {
  std::vector<std::string_view> all;
  mechanism_reader reader(of);
  for (std::string_view each; reader.next(each);) all.push_back(each);
  return all;
}

inline std::vector<std::string_view> list_of(const negotiate_protocol_version_view& of) {
  std::vector<std::string_view> all;
  option_reader reader(of);
  for (std::string_view each; reader.next(each);) all.push_back(each);
  return all;
}

inline std::vector<field_description> list_of(const row_description_view& of) {
  std::vector<field_description> all;
  field_reader reader(of);
  for (field_description each; reader.next(each);) all.push_back(each);
  return all;
}

inline std::vector<error_field> list_of(const error_view& of) {
  std::vector<error_field> all;
  error_field_reader reader(of);
  for (error_field each; reader.next(each.code, each.text);) all.push_back(each);
  return all;
}

inline std::vector<std::pair<std::string_view, std::string_view>> list_of(const startup_message_view& of) {
  std::vector<std::pair<std::string_view, std::string_view>> all;
  startup_parameter_reader reader(of);
  for (std::pair<std::string_view, std::string_view> each; reader.next(each.first, each.second);)
    all.push_back(each);
  return all;
}

/// `encode` is called with what was decoded; or the error is handed back.
template <class T, class Encode>
decode_error again(encoder& out, const decoded<T>& m, Encode encode) {
  if (!m) return m.error();
  encode(out, *m);
  return out.error();
}

/// An error of code none if all went well.
inline decode_error encode_again(encoder& out, const backend_message& message) {
  backend_tag tag = message.tag;
  byte_view body = message.body;
  switch (tag) {
    case backend_tag::authentication:
      return again(out, decode_authentication(body), [](encoder& to, const authentication_view& m) {
        if (m.request == auth_request::sasl)
          encode_authentication_sasl(to, list_of(m));
        else
          encode_authentication(to, m);
      });
    case backend_tag::backend_key_data:
      return again(out, decode_backend_key_data(body), encode_backend_key_data);
    case backend_tag::command_complete:
      return again(out, decode_command_complete(body), encode_command_complete);
    case backend_tag::copy_both_response:
    case backend_tag::copy_in_response:
    case backend_tag::copy_out_response:
      return again(out, decode_copy_response(body), [tag](encoder& to, const copy_response_view& m) {
        encode_copy_response(to, tag, m.overall_format, list_of(m.formats));
      });
    case backend_tag::copy_data: encode_copy_data(out, body); return out.error();
    case backend_tag::data_row:
      return again(out, decode_data_row(body),
                   [](encoder& to, const data_row_view& m) { encode_data_row(to, list_of(m.values)); });
    case backend_tag::error_response:
      return again(out, decode_error_response(body),
                   [](encoder& to, const error_view& m) { encode_error_response(to, list_of(m)); });
    case backend_tag::notice_response:
      return again(out, decode_notice_response(body),
                   [](encoder& to, const error_view& m) { encode_notice_response(to, list_of(m)); });
    case backend_tag::function_call_response:
      return again(out, decode_function_call_response(body), encode_function_call_response);
    case backend_tag::negotiate_protocol_version:
      return again(out, decode_negotiate_protocol_version(body),
                   [](encoder& to, const negotiate_protocol_version_view& m) {
                     encode_negotiate_protocol_version(to, m.version, list_of(m));
                   });
    case backend_tag::notification_response:
      return again(out, decode_notification_response(body), encode_notification_response);
    case backend_tag::parameter_description:
      return again(out, decode_parameter_description(body),
                   [](encoder& to, const parameter_description_view& m) {
                     encode_parameter_description(to, list_of(m.types));
                   });
    case backend_tag::parameter_status:
      return again(out, decode_parameter_status(body), encode_parameter_status);
    case backend_tag::ready_for_query:
      return again(out, decode_ready_for_query(body), encode_ready_for_query);
    case backend_tag::row_description:
      return again(out, decode_row_description(body), [](encoder& to, const row_description_view& m) {
        encode_row_description(to, list_of(m));
      });
    case backend_tag::bind_complete:
    case backend_tag::close_complete:
    case backend_tag::copy_done:
    case backend_tag::empty_query_response:
    case backend_tag::no_data:
    case backend_tag::parse_complete:
    case backend_tag::portal_suspended:
      return again(out, decode_empty(body),
                   [tag](encoder& to, const empty_message&) { encode_empty(to, tag); });
  }
  return {decode_errc::unknown_tag, 0, "message tag"};
}

inline decode_error encode_password_again(encoder& out, byte_view body, password_kind kind) {
  switch (kind) {
    case password_kind::password:
      return again(out, decode_password(body),
                   [](encoder& to, const password_view& m) { encode_password(to, m.password); });
    case password_kind::sasl_initial_response:
      return again(out, decode_sasl_initial_response(body),
                   [](encoder& to, const sasl_initial_response_view& m) {
                     encode_sasl_initial_response(to, m.mechanism, m.data);
                   });
    case password_kind::sasl_response:
      return again(out, decode_sasl_response(body),
                   [](encoder& to, const sasl_response_view& m) { encode_sasl_response(to, m.data); });
  }
  return {decode_errc::bad_state, 0, "password"};
}

/// As above.
inline decode_error encode_again(encoder& out, const frontend_message& message, password_kind kind) {
  byte_view body = message.body;
  switch (message.tag) {
    case frontend_tag::bind:
      return again(out, decode_bind(body), [](encoder& to, const bind_view& m) {
        encode_bind(to, m.portal, m.statement, list_of(m.parameter_formats), list_of(m.values),
                    list_of(m.result_formats));
      });
    case frontend_tag::close:
      return again(out, decode_close(body),
                   [](encoder& to, const close_view& m) { encode_close(to, m.kind, m.name); });
    case frontend_tag::copy_data: encode_copy_data(out, body); return out.error();
    case frontend_tag::copy_fail:
      return again(out, decode_copy_fail(body),
                   [](encoder& to, const copy_fail_view& m) { encode_copy_fail(to, m.reason); });
    case frontend_tag::describe:
      return again(out, decode_describe(body),
                   [](encoder& to, const describe_view& m) { encode_describe(to, m.kind, m.name); });
    case frontend_tag::execute:
      return again(out, decode_execute(body),
                   [](encoder& to, const execute_view& m) { encode_execute(to, m.portal, m.max_rows); });
    case frontend_tag::function_call:
      return again(out, decode_function_call(body), [](encoder& to, const function_call_view& m) {
        encode_function_call(to, m.function_oid, list_of(m.argument_formats), list_of(m.arguments),
                             m.result_format);
      });
    case frontend_tag::parse:
      return again(out, decode_parse(body), [](encoder& to, const parse_view& m) {
        encode_parse(to, m.statement, m.sql, list_of(m.types));
      });
    case frontend_tag::password: return encode_password_again(out, body, kind);
    case frontend_tag::query:
      return again(out, decode_query(body),
                   [](encoder& to, const query_view& m) { encode_query(to, m.sql); });
    case frontend_tag::copy_done:
      return again(out, decode_empty(body), [](encoder& to, const empty_message&) { encode_copy_done(to); });
    case frontend_tag::flush:
      return again(out, decode_empty(body), [](encoder& to, const empty_message&) { encode_flush(to); });
    case frontend_tag::sync:
      return again(out, decode_empty(body), [](encoder& to, const empty_message&) { encode_sync(to); });
    case frontend_tag::terminate:
      return again(out, decode_empty(body), [](encoder& to, const empty_message&) { encode_terminate(to); });
  }
  return {decode_errc::unknown_tag, 0, "message tag"};
}

/// As above, for what CopyData carries in replication, of either direction.
inline decode_error encode_payload_again(encoder& out, byte_view payload) {
  if (payload.empty()) return {decode_errc::truncated, 0, "kind"};
  switch (static_cast<replication_kind>(payload[0])) {
    case replication_kind::xlog_data: return again(out, decode_xlog_data(payload), encode_xlog_data);
    case replication_kind::keepalive: return again(out, decode_keepalive(payload), encode_keepalive);
    case replication_kind::primary_status:
      return again(out, decode_primary_status(payload), encode_primary_status);
    case replication_kind::standby_status:
      return again(out, decode_standby_status(payload), encode_standby_status);
    case replication_kind::hot_standby_feedback:
      return again(out, decode_hot_standby_feedback(payload), encode_hot_standby_feedback);
    case replication_kind::primary_status_request:
      return again(out, decode_primary_status_request(payload), encode_primary_status_request);
  }
  return {decode_errc::unknown_tag, 0, "kind"};
}

/// As above, for the packets without a tag.
inline decode_error encode_startup_again(encoder& out, byte_view packet) {
  return again(out, decode_startup_packet(packet), [](encoder& to, const startup_packet& m) {
    switch (m.kind) {
      case startup_kind::startup: return encode_startup(to, m.startup.version, list_of(m.startup));
      case startup_kind::ssl_request: return encode_ssl_request(to);
      case startup_kind::gssenc_request: return encode_gssenc_request(to);
      case startup_kind::cancel_request: return encode_cancel_request(to, m.cancel);
    }
  });
}

}  // namespace tidewire::wire::testing
