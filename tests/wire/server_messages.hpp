// What a server says, as bytes, for the scripts of conversations.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/core/codec_case.hpp"
#include "wire/backend_auth.hpp"
#include "wire/backend_query.hpp"
#include "wire/backend_session.hpp"
#include "wire/copy.hpp"
#include "wire/error_notice.hpp"
#include "wire/frontend.hpp"

namespace tidewire::wire::testing {

using tidewire::testing::bytes;
using tidewire::testing::encoded;

inline bytes operator+(bytes first, const bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// Only a tag.
inline bytes empty(backend_tag tag) {
  return encoded([&](encoder& out) { encode_empty(out, tag); });
}
inline bytes ready(char status = 'I') {
  return encoded([&](encoder& out) { encode_ready_for_query(out, {status}); });
}
inline bytes auth(auth_request request, std::string_view data = {}) {
  authentication_view m;
  m.request = request;
  m.salt = {1, 2, 3, 4};
  m.data = as_bytes(data);
  return encoded([&](encoder& out) { encode_authentication(out, m); });
}
inline bytes auth_sasl(std::vector<std::string_view> mechanisms) {
  return encoded([&](encoder& out) { encode_authentication_sasl(out, mechanisms); });
}
inline bytes key_data(std::int32_t process_id, std::string_view secret) {
  return encoded([&](encoder& out) { encode_backend_key_data(out, {process_id, as_bytes(secret)}); });
}
inline bytes parameter(std::string_view name, std::string_view value) {
  return encoded([&](encoder& out) { encode_parameter_status(out, {name, value}); });
}
inline bytes negotiate(std::uint32_t version, std::vector<std::string_view> options = {}) {
  return encoded([&](encoder& out) { encode_negotiate_protocol_version(out, version, options); });
}
inline bytes error(std::string_view sqlstate, std::string_view text = "no",
                   std::string_view severity = "ERROR") {
  std::vector<error_field> fields{{'S', severity}, {'V', severity}, {'C', sqlstate}, {'M', text}};
  return encoded([&](encoder& out) { encode_error_response(out, fields); });
}
inline bytes notice(std::string_view text) {
  std::vector<error_field> fields{{'S', "NOTICE"}, {'C', "00000"}, {'M', text}};
  return encoded([&](encoder& out) { encode_notice_response(out, fields); });
}
inline bytes notification(std::string_view channel, std::string_view payload) {
  return encoded([&](encoder& out) { encode_notification_response(out, {7, channel, payload}); });
}
inline bytes described(const std::vector<std::string_view>& names) {
  std::vector<field_description> fields;
  for (std::string_view each : names) fields.emplace_back().name = each;
  return encoded([&](encoder& out) { encode_row_description(out, fields); });
}
inline bytes row(const std::vector<std::optional<std::string_view>>& values) {
  std::vector<std::optional<byte_view>> views;
  for (const auto& each : values) views.push_back(each ? std::optional(as_bytes(*each)) : std::nullopt);
  return encoded([&](encoder& out) { encode_data_row(out, views); });
}
inline bytes complete(std::string_view tag) {
  return encoded([&](encoder& out) { encode_command_complete(out, {tag}); });
}
inline bytes copy_response(backend_tag tag, std::uint8_t format = 0) {
  std::vector<std::int16_t> formats{format};
  return encoded([&](encoder& out) { encode_copy_response(out, tag, format, formats); });
}
inline bytes copy_data(byte_view data) {
  return encoded([&](encoder& out) { encode_copy_data(out, data); });
}
inline bytes copy_data(std::string_view data) {
  return copy_data(as_bytes(data));
}
inline bytes copy_done() {
  return encoded([](encoder& out) { encode_copy_done(out); });
}

// And what a client says.

inline bytes sql(std::string_view text) {
  return encoded([&](encoder& out) { encode_query(out, text); });
}
inline bytes copy_fail(std::string_view reason) {
  return encoded([&](encoder& out) { encode_copy_fail(out, reason); });
}
inline bytes terminate_message() {
  return encoded([](encoder& out) { encode_terminate(out); });
}

/// A well-formed message of every tag.
inline std::vector<bytes> one_of_each() {
  std::vector<bytes> all{auth(auth_request::ok),
                         key_data(1, "1234"),
                         complete("X"),
                         copy_response(backend_tag::copy_both_response),
                         copy_response(backend_tag::copy_in_response),
                         copy_response(backend_tag::copy_out_response),
                         copy_data("x"),
                         copy_done(),
                         row({}),
                         error("XX000", "no", "FATAL"),
                         negotiate(3 << 16),
                         notice("n"),
                         notification("c", "p"),
                         parameter("p", "v"),
                         ready(),
                         described({})};
  all.push_back(encoded([](encoder& out) { encode_function_call_response(out, {std::nullopt}); }));
  all.push_back(encoded([](encoder& out) { encode_parameter_description(out, {}); }));
  for (backend_tag tag :
       {backend_tag::bind_complete, backend_tag::close_complete, backend_tag::empty_query_response,
        backend_tag::no_data, backend_tag::parse_complete, backend_tag::portal_suspended})
    all.push_back(empty(tag));
  return all;
}

}  // namespace tidewire::wire::testing
