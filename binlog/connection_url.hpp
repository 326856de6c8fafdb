// mysql://user:password@host:port/database?ssl-mode=required: where and how to connect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "binlog/compressed_packets.hpp"
#include "core/environment.hpp"
#include "core/secret.hpp"

namespace tidewire::binlog {

enum class ssl_mode : std::uint8_t { disabled, preferred, required, verify_ca, verify_identity };

struct connection_url {
  std::string user;
  secret password;  // of the URL, else of MYSQL_PWD
  std::string host = "localhost";
  std::uint16_t port = 3306;
  std::string socket;  // a path; then host and port count only in messages
  std::string database;
  std::optional<ssl_mode> mode;
  std::string ssl_ca, ssl_capath, ssl_cert, ssl_key, ssl_crl;
  std::optional<bool> get_server_public_key;
  std::optional<int> connect_timeout_s;
  std::vector<compression_algorithm> compression;  // the best first

  bool loopback() const;
  /// What was asked for; else none over a socket, what there is on this machine, and a verified certificate
  /// anywhere else.
  ssl_mode effective_mode() const;
  /// For messages, without secrets.
  std::string text() const;
};

/// Whether the text is one of these.
bool is_mysql_url(std::string_view text);

/// Throws failure TW-USAGE-CONNECTION-STRING, which never quotes a value.
connection_url parse_connection_url(std::string_view text,
                                    const environment& variables = process_environment());

}  // namespace tidewire::binlog
