// How a connection begins: the server's greeting, the request for TLS, our answer, and a change of the way to
// authenticate.
#pragma once

#include <string>

#include "binlog/lenenc.hpp"

namespace tidewire::binlog {

namespace capability {
inline constexpr std::uint32_t long_password = 1u
                                               << 0;  // MariaDB leaves it out: then it has its own above 32
inline constexpr std::uint32_t long_flag = 1u << 2;
inline constexpr std::uint32_t connect_with_db = 1u << 3;
inline constexpr std::uint32_t compress = 1u << 5;
inline constexpr std::uint32_t local_files = 1u << 7;
inline constexpr std::uint32_t protocol_41 = 1u << 9;
inline constexpr std::uint32_t ssl = 1u << 11;
inline constexpr std::uint32_t transactions = 1u << 13;
inline constexpr std::uint32_t secure_connection = 1u << 15;
inline constexpr std::uint32_t multi_statements = 1u << 16;
inline constexpr std::uint32_t multi_results = 1u << 17;
inline constexpr std::uint32_t plugin_auth = 1u << 19;
inline constexpr std::uint32_t connect_attributes = 1u << 20;
inline constexpr std::uint32_t plugin_auth_lenenc = 1u << 21;
inline constexpr std::uint32_t deprecate_eof = 1u << 24;
inline constexpr std::uint32_t zstd = 1u << 26;  // MySQL from 8.0.18 on
}  // namespace capability

/// Borrows.
struct greeting_view {
  std::string_view server_version;  // as it came, with MariaDB's "5.5.5-" in front
  std::uint32_t connection_id = 0;
  std::uint32_t capabilities = 0;
  std::uint32_t mariadb_capabilities = 0;  // where long_password is missing
  std::uint8_t collation = 0;
  std::uint16_t status = 0;
  byte_view salt_begin;  // 8 bytes
  byte_view salt_rest;   // without the NUL behind it
  std::string_view plugin;

  bool mariadb() const {
    return server_version.find("MariaDB") != server_version.npos ||
           !(capabilities & capability::long_password);
  }
  std::string salt() const { return std::string(as_text(salt_begin)) + std::string(as_text(salt_rest)); }
};

/// Protocol version 10 only; unsupported for any other. An error packet may come in its place.
inline decoded<greeting_view> decode_greeting(byte_view payload) {
  constexpr std::uint8_t protocol = 10;
  cursor in(payload);
  greeting_view m;
  if (in.u8("protocol version") != protocol) in.fail_at(0, decode_errc::unsupported, "protocol version");
  m.server_version = in.cstring("server version");
  m.connection_id = in.le<std::uint32_t>("connection id");
  m.salt_begin = in.bytes(8, "salt");
  in.u8("filler");
  m.capabilities = in.le<std::uint16_t>("capabilities");
  if (in.ok() && !in.remaining()) return in.finish(m);
  m.collation = in.u8("collation");
  m.status = in.le<std::uint16_t>("status");
  m.capabilities |= std::uint32_t{in.le<std::uint16_t>("capabilities")} << 16;
  std::size_t salt_size = in.u8("salt length");
  in.bytes(6, "reserved");
  auto own = in.le<std::uint32_t>("MariaDB's capabilities");
  if (!(m.capabilities & capability::long_password)) m.mariadb_capabilities = own;
  if (m.capabilities & capability::secure_connection) {
    // At least 13 bytes, the last of them NUL.
    std::size_t rest = salt_size > 8 + 13 ? salt_size - 8 : 13;
    m.salt_rest = in.bytes(rest, "salt");
    if (in.ok()) m.salt_rest = m.salt_rest.first(rest - 1);
  }
  if (m.capabilities & capability::plugin_auth) {
    // Old servers forgot the NUL.
    byte_view left = in.rest();
    std::string_view name = as_text(left);
    m.plugin = name.substr(0, name.find('\0'));
  }
  if (in.ok()) in.rest();
  return in.finish(m);
}

inline void encode_greeting(encoder& out, const greeting_view& m) {
  out.u8(10);
  out.cstring(m.server_version, "server version");
  out.le(m.connection_id);
  out.bytes(m.salt_begin);
  out.u8(0);
  out.le(static_cast<std::uint16_t>(m.capabilities));
  out.u8(m.collation);
  out.le(m.status);
  out.le(static_cast<std::uint16_t>(m.capabilities >> 16));
  out.u8(static_cast<std::uint8_t>(m.salt_begin.size() + m.salt_rest.size() + 1));
  for (int i = 0; i < 6; ++i) out.u8(0);
  out.le(m.mariadb_capabilities);
  out.bytes(m.salt_rest);
  out.u8(0);
  if (m.capabilities & capability::plugin_auth) out.cstring(m.plugin, "plugin");
}

/// What we answer. Borrows.
struct login_view {
  std::uint32_t capabilities = 0;
  std::uint32_t mariadb_capabilities = 0;
  std::uint32_t max_packet_bytes = 1u << 30;
  std::uint8_t collation = 45;  // utf8mb4_general_ci, which every server has
  std::string_view user;
  byte_view response;
  std::string_view database;
  std::string_view plugin;
};

/// The request for TLS: the first 32 bytes of the answer, before the handshake.
inline void encode_ssl_request(encoder& out, const login_view& m) {
  out.le(m.capabilities);
  out.le(m.max_packet_bytes);
  out.u8(m.collation);
  for (int i = 0; i < 19; ++i) out.u8(0);
  out.le(m.mariadb_capabilities);
}

inline void encode_login(encoder& out, const login_view& m) {
  encode_ssl_request(out, m);
  out.cstring(m.user, "user");
  if (m.capabilities & capability::plugin_auth_lenenc) {
    detail::put_lenenc_bytes(out, m.response);
  } else {
    if (m.response.size() > 255) out.fail(decode_errc::limit_exceeded, "authentication");
    out.u8(static_cast<std::uint8_t>(m.response.size()));
    out.bytes(m.response);
  }
  if (m.capabilities & capability::connect_with_db) out.cstring(m.database, "database");
  if (m.capabilities & capability::plugin_auth) out.cstring(m.plugin, "plugin");
  if (m.capabilities & capability::connect_attributes) {
    std::vector<std::uint8_t> attributes;
    encoder to(attributes);
    for (std::string_view each : {"_client_name", "tidewire", "program_name", "tidewire"})
      detail::put_lenenc_bytes(to, as_bytes(each));
    detail::put_lenenc_bytes(out, attributes);
  }
  constexpr std::uint8_t level = 3;
  if (m.capabilities & capability::zstd) out.u8(level);
}

/// Another plugin than the one that was tried. Borrows.
struct auth_switch_view {
  std::string_view plugin;
  byte_view data;  // the salt, without the NUL behind it
};

inline constexpr std::uint8_t auth_switch_head = 0xfe;
inline constexpr std::uint8_t auth_more_head = 0x01;

inline decoded<auth_switch_view> decode_auth_switch(byte_view payload) {
  cursor in(payload);
  auth_switch_view m;
  if (in.u8("head") != auth_switch_head) in.fail_at(0, decode_errc::unknown_tag, "head");
  if (in.ok() && !in.remaining()) {
    m.plugin = "mysql_old_password";
    return in.finish(m);
  }
  m.plugin = in.cstring("plugin");
  if (in.ok()) m.data = in.rest();
  if (!m.data.empty() && m.data.back() == 0) m.data = m.data.first(m.data.size() - 1);
  return in.finish(m);
}

inline void encode_auth_switch(encoder& out, const auth_switch_view& m) {
  out.u8(auth_switch_head);
  out.cstring(m.plugin, "plugin");
  out.bytes(m.data);
  out.u8(0);
}

}  // namespace tidewire::binlog
