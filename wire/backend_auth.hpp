// R: what the server wants to know before it lets us in.
#pragma once

#include <array>

#include "wire/frame.hpp"

namespace tidewire::wire {

enum class auth_request : std::uint32_t {
  ok = 0,
  kerberos_v5 = 2,  // no server since 9.4
  cleartext_password = 3,
  md5_password = 5,
  scm_credential = 6,  // no server since 9.1
  gss = 7,
  gss_continue = 8,
  sspi = 9,
  sasl = 10,
  sasl_continue = 11,
  sasl_final = 12,
};

/// The request's name in the manual and in libpq's traces; null for a number that is none of them.
constexpr const char* name_of(auth_request request) {
  switch (request) {
    case auth_request::ok: return "AuthenticationOk";
    case auth_request::kerberos_v5: return "AuthenticationKerberosV5";
    case auth_request::cleartext_password: return "AuthenticationCleartextPassword";
    case auth_request::md5_password: return "AuthenticationMD5Password";
    case auth_request::scm_credential: return "AuthenticationSCMCredential";
    case auth_request::gss: return "AuthenticationGSS";
    case auth_request::gss_continue: return "AuthenticationGSSContinue";
    case auth_request::sspi: return "AuthenticationSSPI";
    case auth_request::sasl: return "AuthenticationSASL";
    case auth_request::sasl_continue: return "AuthenticationSASLContinue";
    case auth_request::sasl_final: return "AuthenticationSASLFinal";
  }
  return nullptr;
}

/// Borrows. A request of another number is kept as it came, with all that follows it as its data.
struct authentication_view {
  auth_request request = auth_request::ok;
  std::array<std::uint8_t, 4> salt{};  // md5_password only
  byte_view data;                      // of sasl: the mechanisms, read by a mechanism_reader
};

/// Hands out the mechanisms of a decoded auth_request::sasl, in the server's order of preference.
class mechanism_reader {
 public:
  explicit mechanism_reader(const authentication_view& of)
      : in_(of.request == auth_request::sasl ? of.data : byte_view{}) {}

  /// False when there are no more.
  bool next(std::string_view& name) {
    name = in_.cstring("mechanism");
    return !name.empty();
  }

 private:
  cursor in_;
};

inline decoded<authentication_view> decode_authentication(byte_view body) {
  cursor in(body);
  authentication_view m;
  m.request = static_cast<auth_request>(in.be<std::uint32_t>("authentication request"));
  std::size_t at = in.offset();
  switch (m.request) {
    case auth_request::ok:
    case auth_request::kerberos_v5:
    case auth_request::cleartext_password:
    case auth_request::scm_credential:
    case auth_request::gss:
    case auth_request::sspi: break;
    case auth_request::md5_password:
      if (byte_view salt = in.bytes(4, "salt"); in.ok()) std::memcpy(m.salt.data(), salt.data(), 4);
      break;
    case auth_request::sasl:
      while (!in.cstring("mechanism").empty()) {
      }
      if (in.ok()) m.data = body.subspan(at, in.offset() - at);
      break;
    default: m.data = in.rest();
  }
  return in.finish(m);
}

inline void encode_authentication(encoder& out, const authentication_view& m) {
  std::size_t mark = open_frame(out, backend_tag::authentication);
  out.be(static_cast<std::uint32_t>(m.request));
  if (m.request == auth_request::md5_password)
    out.bytes(m.salt);
  else
    out.bytes(m.data);
  out.close_be32(mark);
}

/// An auth_request::sasl that offers `mechanisms`.
inline void encode_authentication_sasl(encoder& out, std::span<const std::string_view> mechanisms) {
  std::size_t mark = open_frame(out, backend_tag::authentication);
  out.be(static_cast<std::uint32_t>(auth_request::sasl));
  for (std::string_view each : mechanisms) {
    if (each.empty()) out.fail(decode_errc::bad_value, "mechanism");  // it would end the list
    out.cstring(each, "mechanism");
  }
  out.u8(0);
  out.close_be32(mark);
}

}  // namespace tidewire::wire
