// From a connected socket to a session that is ready for queries: TLS, start-up and authentication (manual:
// "Message Flow: Start-up", "SSL Session Encryption", "SASL Authentication").
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/secret.hpp"
#include "core/tls_options.hpp"
#include "wire/connection_string.hpp"
#include "wire/session.hpp"

namespace tidewire::wire {

enum class encryption : std::uint8_t { none, negotiated, direct };

/// Asks the server for TLS and does the handshake. False: the server has none, and nothing was encrypted. For
/// `direct` there is no question. Offers ALPN "postgresql". `options` must outlive the conversation.
/// Throws TW-TLS-NO-ALPN if a direct handshake did not agree on it.
conversation<bool> start_encryption(link& to, encryption how, const tls_options& options);

struct login_options {
  std::string user;
  std::string database;
  bool replication = false;  // a walsender of this database
  std::string application_name;
  std::string options;  // server settings, "-c name=value …"; the pinned ones come after them
  protocol_version version = protocol_version::v3_0;
  std::optional<protocol_version> min_version;
  std::optional<auth_methods> require_auth;
  wire::channel_binding channel_binding = channel_binding::prefer;
  /// Asked when the server wants a password. Empty: there is none.
  std::function<secret()> password;
};

/// The settings that decide how values look, and what would let a database's own settings break a session.
/// They go into the start-up options, where they win over those of databases and roles.
inline constexpr std::string_view pinned_settings =
    "-c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c timezone=UTC -c extra_float_digits=3 "
    "-c lc_monetary=C -c standard_conforming_strings=on -c search_path=pg_catalog -c statement_timeout=0 "
    "-c lock_timeout=0 -c idle_in_transaction_session_timeout=0";

/// Up to ReadyForQuery. Throws server_failure for what the server refuses, and failures TW-AUTH-…: a method
/// that is not allowed or not supported, no password, a server that can't prove that it knows the password;
/// TW-PG-PROTOCOL-VERSION; TW-PG-SETTINGS if the pinned settings did not arrive.
conversation<> log_in(session& with, const login_options& options);

}  // namespace tidewire::wire
