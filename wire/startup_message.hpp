// The packets without a tag that open a connection: the start-up message, or a wish (TLS, GSSAPI, to cancel
// what another connection does) in its place.
#pragma once

#include <utility>

#include "wire/backend_session.hpp"

namespace tidewire::wire {

inline constexpr std::uint32_t protocol_3_0 = 3u << 16;
inline constexpr std::uint32_t protocol_3_2 = 3u << 16 | 2;

/// What stands in the version's place in the other packets.
inline constexpr std::uint32_t cancel_request_code = 1234u << 16 | 5678;
inline constexpr std::uint32_t ssl_request_code = 1234u << 16 | 5679;
inline constexpr std::uint32_t gssenc_request_code = 1234u << 16 | 5680;

/// Borrows. The parameters are read by a startup_parameter_reader.
struct startup_message_view {
  std::uint32_t version = protocol_3_0;
  byte_view parameters;  // without the zero byte that ends the list
};

/// Borrows.
struct cancel_request {
  std::int32_t process_id = 0;
  byte_view secret;
};

enum class startup_kind : std::uint8_t { startup, ssl_request, gssenc_request, cancel_request };

/// Borrows. `kind` tells which of the parts holds something; the two requests have none.
struct startup_packet {
  startup_kind kind = startup_kind::startup;
  startup_message_view startup;
  cancel_request cancel;
};

/// Hands out the parameters of a decoded start-up message one after the other.
class startup_parameter_reader {
 public:
  explicit startup_parameter_reader(const startup_message_view& of) : in_(of.parameters) {}

  /// False when there are no more.
  bool next(std::string_view& name, std::string_view& value) {
    if (in_.remaining() == 0) return false;
    name = in_.cstring("parameter name");
    value = in_.cstring("parameter value");
    return in_.ok();
  }

 private:
  cursor in_;
};

namespace detail {

inline byte_view decode_startup_parameters(cursor& in, byte_view packet) {
  std::size_t from = in.offset(), end = from;
  while (!in.cstring("parameter name").empty()) {
    in.cstring("parameter value");
    end = in.offset();
  }
  return in.ok() ? packet.subspan(from, end - from) : byte_view{};
}

}  // namespace detail

/// `packet`: exactly one, with its length. Any minor version of protocol 3 is taken: the server's answer to a
/// newer one than its own is NegotiateProtocolVersion.
inline decoded<startup_packet> decode_startup_packet(byte_view packet) {
  cursor in(packet);
  startup_packet m;
  auto length = in.be<std::uint32_t>("length");
  auto version = in.be<std::uint32_t>("protocol version");
  if (length < 8 || length > max_startup_packet_bytes + 4)
    in.fail_at(0, decode_errc::bad_length, "length");
  else if (length > packet.size())
    in.fail_at(packet.size(), decode_errc::truncated, "packet");
  else if (length < packet.size())
    in.fail_at(length, decode_errc::trailing_bytes, "end of message");
  if (version == cancel_request_code) {
    m.kind = startup_kind::cancel_request;
    m.cancel.process_id = in.be<std::int32_t>("process ID");
    m.cancel.secret = detail::decode_secret(in);
  } else if (version == ssl_request_code) {
    m.kind = startup_kind::ssl_request;
  } else if (version == gssenc_request_code) {
    m.kind = startup_kind::gssenc_request;
  } else if (version >> 16 == 3) {
    m.startup.version = version;
    m.startup.parameters = detail::decode_startup_parameters(in, packet);
  } else {
    in.fail_at(4, decode_errc::bad_value, "protocol version");
  }
  return in.finish(m);
}

/// limit_exceeded if the parameters are longer than a server takes.
inline void encode_startup(encoder& out, std::uint32_t version,
                           std::span<const std::pair<std::string_view, std::string_view>> parameters) {
  std::size_t mark = out.open_be32();
  out.be(version);
  for (const auto& [name, value] : parameters) {
    if (name.empty()) out.fail(decode_errc::bad_value, "parameter name");  // it would end the list
    out.cstring(name, "parameter name");
    out.cstring(value, "parameter value");
  }
  out.u8(0);
  if (out.size() - mark > max_startup_packet_bytes + 4) out.fail(decode_errc::limit_exceeded, "parameters");
  out.close_be32(mark);
}

/// The server answers with one byte, S or N.
inline void encode_ssl_request(encoder& out) {
  std::size_t mark = out.open_be32();
  out.be(ssl_request_code);
  out.close_be32(mark);
}

/// The server answers with one byte, G or N.
inline void encode_gssenc_request(encoder& out) {
  std::size_t mark = out.open_be32();
  out.be(gssenc_request_code);
  out.close_be32(mark);
}

/// For a connection of its own, which the server closes without an answer.
inline void encode_cancel_request(encoder& out, const cancel_request& m) {
  std::size_t mark = out.open_be32();
  out.be(cancel_request_code);
  out.be(m.process_id);
  detail::encode_secret(out, m.secret);
  out.close_be32(mark);
}

}  // namespace tidewire::wire
