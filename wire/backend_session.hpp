// S K Z v A: what the server tells about itself and the session.
#pragma once

#include <algorithm>

#include "wire/frame.hpp"

namespace tidewire::wire {

/// A cancel key has 4 bytes in protocol 3.0 and may have more since 3.2.
inline constexpr std::size_t min_secret_bytes = 4;
inline constexpr std::size_t max_secret_bytes = 256;

namespace detail {

/// The rest of BackendKeyData and of CancelRequest.
inline byte_view decode_secret(cursor& in) {
  std::size_t at = in.offset();
  if (in.remaining() > max_secret_bytes) in.fail_at(at, decode_errc::bad_length, "secret");
  return in.bytes(std::max(in.remaining(), min_secret_bytes), "secret");
}

inline void encode_secret(encoder& out, byte_view secret) {
  if (secret.size() < min_secret_bytes || secret.size() > max_secret_bytes)
    return out.fail(decode_errc::bad_length, "secret");
  out.bytes(secret);
}

}  // namespace detail

/// Borrows.
struct parameter_status_view {
  std::string_view name;
  std::string_view value;
};

inline decoded<parameter_status_view> decode_parameter_status(byte_view body) {
  cursor in(body);
  parameter_status_view m;
  m.name = in.cstring("parameter name");
  m.value = in.cstring("parameter value");
  return in.finish(m);
}

inline void encode_parameter_status(encoder& out, const parameter_status_view& m) {
  std::size_t mark = open_frame(out, backend_tag::parameter_status);
  out.cstring(m.name, "parameter name");
  out.cstring(m.value, "parameter value");
  out.close_be32(mark);
}

/// Borrows. What a CancelRequest has to show.
struct backend_key_data_view {
  std::int32_t process_id = 0;
  byte_view secret;
};

inline decoded<backend_key_data_view> decode_backend_key_data(byte_view body) {
  cursor in(body);
  backend_key_data_view m;
  m.process_id = in.be<std::int32_t>("process ID");
  m.secret = detail::decode_secret(in);
  return in.finish(m);
}

inline void encode_backend_key_data(encoder& out, const backend_key_data_view& m) {
  std::size_t mark = open_frame(out, backend_tag::backend_key_data);
  out.be(m.process_id);
  detail::encode_secret(out, m.secret);
  out.close_be32(mark);
}

/// The server waits for the next command.
struct ready_for_query_message {
  char status = 'I';  // I: idle, T: in a transaction, E: in a failed one

  friend bool operator==(const ready_for_query_message&, const ready_for_query_message&) = default;
};

inline decoded<ready_for_query_message> decode_ready_for_query(byte_view body) {
  cursor in(body);
  auto status = static_cast<char>(in.u8("transaction status"));
  if (status != 'I' && status != 'T' && status != 'E')
    in.fail_at(0, decode_errc::bad_value, "transaction status");
  return in.finish(ready_for_query_message{status});
}

inline void encode_ready_for_query(encoder& out, const ready_for_query_message& m) {
  std::size_t mark = open_frame(out, backend_tag::ready_for_query);
  out.u8(static_cast<std::uint8_t>(m.status));
  out.close_be32(mark);
}

/// Borrows. The server speaks no newer protocol than `version`, and does not know the named `_pq_.` options.
struct negotiate_protocol_version_view {
  std::uint32_t version = 0;  // as servers send it, major and minor; older manuals say it is the minor alone
  std::uint32_t option_count = 0;
  byte_view options;  // read by an option_reader

  std::uint16_t minor() const { return static_cast<std::uint16_t>(version); }
};

/// Hands out the names of a decoded negotiate_protocol_version.
class option_reader {
 public:
  explicit option_reader(const negotiate_protocol_version_view& of)
      : in_(of.options), left_(of.option_count) {}

  /// False when there are no more.
  bool next(std::string_view& name) {
    if (left_ == 0) return false;
    --left_;
    name = in_.cstring("option name");
    return in_.ok();
  }

 private:
  cursor in_;
  std::uint32_t left_;
};

inline decoded<negotiate_protocol_version_view> decode_negotiate_protocol_version(byte_view body) {
  cursor in(body);
  negotiate_protocol_version_view m;
  m.version = in.be<std::uint32_t>("protocol version");
  std::size_t at = in.offset();
  auto count = in.be<std::int32_t>("option count");
  if (count < 0) in.fail_at(at, decode_errc::bad_length, "option count");
  at = in.offset();
  for (std::int32_t i = 0; i < count && in.ok(); ++i) in.cstring("option name");
  if (in.ok()) {
    m.option_count = static_cast<std::uint32_t>(count);
    m.options = body.subspan(at, in.offset() - at);
  }
  return in.finish(m);
}

inline void encode_negotiate_protocol_version(encoder& out, std::uint32_t version,
                                              std::span<const std::string_view> options) {
  std::size_t mark = open_frame(out, backend_tag::negotiate_protocol_version);
  out.be(version);
  if (options.size() > std::numeric_limits<std::int32_t>::max())
    return out.fail(decode_errc::limit_exceeded, "option count");
  out.be(static_cast<std::int32_t>(options.size()));
  for (std::string_view each : options) out.cstring(each, "option name");
  out.close_be32(mark);
}

/// Borrows. What a NOTIFY of the process said.
struct notification_response_view {
  std::int32_t process_id = 0;
  std::string_view channel;
  std::string_view payload;
};

inline decoded<notification_response_view> decode_notification_response(byte_view body) {
  cursor in(body);
  notification_response_view m;
  m.process_id = in.be<std::int32_t>("process ID");
  m.channel = in.cstring("channel");
  m.payload = in.cstring("payload");
  return in.finish(m);
}

inline void encode_notification_response(encoder& out, const notification_response_view& m) {
  std::size_t mark = open_frame(out, backend_tag::notification_response);
  out.be(m.process_id);
  out.cstring(m.channel, "channel");
  out.cstring(m.payload, "payload");
  out.close_be32(mark);
}

}  // namespace tidewire::wire
