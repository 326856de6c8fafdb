// From a connected socket to a session that takes commands: greeting, TLS, authentication.
#pragma once

#include <functional>
#include <string>

#include "binlog/compressed_packets.hpp"
#include "binlog/session.hpp"
#include "core/secret.hpp"
#include "core/tls_options.hpp"

namespace tidewire::binlog {

enum class tls_wanted : std::uint8_t { no, if_offered, yes };

struct login_options {
  std::string user;
  secret password;
  std::string database;  // may be empty
  tls_wanted encrypt = tls_wanted::if_offered;
  tls_options tls;
  bool local_socket = false;  // as good as TLS for a password
  /// What may be used, the best first; none stands for no compression. Empty: no compression.
  std::vector<compression_algorithm> compression;
  /// A password may be encrypted with a public key that the server sends unauthenticated.
  bool trust_server_key = false;
  /// Random bytes.
  std::function<std::vector<std::uint8_t>(std::size_t)> random;
};

/// Throws server_failure for what the server refuses; failures TW-TLS-NOT-OFFERED, TW-AUTH-NOT-SUPPORTED,
/// TW-AUTH-RSA, TW-MY-COMPRESSION, TW-MY-MALFORMED. `options` must outlive the conversation.
conversation<> log_in(session& with, const login_options& options);

}  // namespace tidewire::binlog
