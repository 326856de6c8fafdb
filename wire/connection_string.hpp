// Where and how to connect, as libpq of Postgres 18 reads it: a connection string, a service file, the PG*
// variables of the environment and defaults, in this order. docs/connection.md lists all of it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/environment.hpp"
#include "core/secret.hpp"

namespace tidewire::wire {

enum class sslmode : std::uint8_t { disable, allow, prefer, require, verify_ca, verify_full };
enum class sslnegotiation : std::uint8_t { postgres, direct };
enum class sslcertmode : std::uint8_t { disable, allow, require };
enum class tls_version : std::uint8_t { v1_0, v1_1, v1_2, v1_3 };
enum class channel_binding : std::uint8_t { disable, prefer, require };
enum class gssencmode : std::uint8_t { disable, prefer };
enum class target_session_attrs : std::uint8_t {
  any,
  read_write,
  read_only,
  primary,
  standby,
  prefer_standby
};
enum class load_balance_hosts : std::uint8_t { disable, random };
enum class auth_method : std::uint8_t { none, password, md5, gss, sspi, scram_sha_256, oauth };

/// The value is the one that a StartupMessage carries.
enum class protocol_version : std::uint32_t { v3_0 = 3 << 16, v3_2 = (3 << 16) | 2 };

// The words of the connection string, in the order of the enumerators.
inline constexpr std::array<std::string_view, 6> sslmode_names{"disable", "allow",     "prefer",
                                                               "require", "verify-ca", "verify-full"};
inline constexpr std::array<std::string_view, 2> sslnegotiation_names{"postgres", "direct"};
inline constexpr std::array<std::string_view, 3> sslcertmode_names{"disable", "allow", "require"};
inline constexpr std::array<std::string_view, 4> tls_version_names{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
inline constexpr std::array<std::string_view, 3> channel_binding_names{"disable", "prefer", "require"};
inline constexpr std::array<std::string_view, 2> gssencmode_names{"disable", "prefer"};
inline constexpr std::array<std::string_view, 6> target_session_attrs_names{
    "any", "read-write", "read-only", "primary", "standby", "prefer-standby"};
inline constexpr std::array<std::string_view, 2> load_balance_hosts_names{"disable", "random"};
inline constexpr std::array<std::string_view, 7> auth_method_names{"none", "password",      "md5",  "gss",
                                                                   "sspi", "scram-sha-256", "oauth"};

constexpr std::string_view to_string(sslmode mode) {
  return sslmode_names[static_cast<std::size_t>(mode)];
}

/// The methods that require_auth allows; `none` is a server that lets us in without asking.
struct auth_methods {
  std::uint8_t bits = 0;

  constexpr bool allows(auth_method method) const { return bits >> static_cast<unsigned>(method) & 1; }
  friend bool operator==(const auth_methods&, const auth_methods&) = default;
};

/// One server to try. Where `hostaddr` is given it is where we connect, and `host` is only the name that the
/// certificate and the password file know; else `host` is a name, an address or (is_unix) a socket directory,
/// or @name for an abstract one.
struct host_port {
  std::string host;
  std::string hostaddr;
  std::uint16_t port = 5432;
  bool is_unix = false;

  friend bool operator==(const host_port&, const host_port&) = default;
};

/// What an optional does not hold was given nowhere: the default is the user's of this struct to choose, and
/// docs/connection.md says which it is. Texts are empty where nothing was given.
struct connection_options {
  std::vector<host_port> hosts;  // never empty; to be tried in this order
  std::string user;              // never empty
  secret password;               // empty: ask find_password (wire/pgpass.hpp) for each host
  std::string dbname;            // never empty
  std::string passfile;          // empty only where there is no home directory
  wire::target_session_attrs target_session_attrs = target_session_attrs::any;
  wire::load_balance_hosts load_balance_hosts = load_balance_hosts::disable;

  std::optional<wire::sslmode> sslmode;  // see effective_sslmode
  wire::sslnegotiation sslnegotiation = sslnegotiation::postgres;
  std::string sslcert;
  std::string sslkey;
  secret sslpassword;
  std::optional<wire::sslcertmode> sslcertmode;
  std::string sslrootcert;  // a file, or "system"
  std::string sslcrl;
  std::string sslcrldir;
  bool sslsni = true;
  std::optional<tls_version> ssl_min_protocol_version;
  std::optional<tls_version> ssl_max_protocol_version;

  std::optional<wire::channel_binding> channel_binding;
  std::optional<auth_methods> require_auth;  // nothing: any method
  std::string requirepeer;                   // the OS user that a Unix socket's server must run as
  std::optional<wire::gssencmode> gssencmode;

  std::optional<int> connect_timeout_s;  // for each host; 0 waits for ever
  bool keepalives = true;
  std::optional<int> keepalives_idle_s;  // this and the next three: 0 is the system's own
  std::optional<int> keepalives_interval_s;
  std::optional<int> keepalives_count;
  std::optional<int> tcp_user_timeout_ms;

  std::string application_name;
  std::string fallback_application_name;
  std::string options;
  std::optional<protocol_version> min_protocol_version;
  std::optional<protocol_version> max_protocol_version;

  std::string service;  // its values are already in the other fields
  std::string servicefile;

  std::vector<std::string> ignored;  // parameters and variables that libpq knows and tidewire does not use
  bool password_in_string = false;   // the string itself holds a secret: overwrite it in argv

  friend bool operator==(const connection_options&, const connection_options&) = default;
};

/// What the string does not say is asked here. Tests and fuzz targets give their own.
struct connection_sources {
  environment variable;
  /// A small file's text, or nothing where it can't be read.
  std::function<std::optional<std::string>(const std::string& path)> read_file;
  std::function<bool(const std::string& path)> file_exists;
  std::uint32_t user_id = 0;
  /// Where pg_service.conf is looked for without PGSYSCONFDIR; as Debian builds libpq.
  std::string sysconfdir = "/etc/postgresql-common";
};

/// This process: its environment, its files, its effective user id.
connection_sources process_sources();

/// The directory of the server's socket where no host is given: as Debian builds libpq.
inline constexpr std::string_view default_socket_directory = "/var/run/postgresql";

inline constexpr std::size_t max_hosts = 1000;

/// Reads a connection string (either form; empty is legal) and completes it from `from`. Throws failure
/// TW-USAGE-CONNECTION-STRING for what is malformed, contradicts itself or is not supported; its text names
/// the parameter and the position, file or variable it came from, and never quotes a value.
connection_options parse_connection_string(std::string_view text,
                                           const connection_sources& from = process_sources());

/// The options as a URI without secrets, for logs and errors. It holds everything else and is complete: read
/// again without an environment it gives the same options, but for secrets, `ignored` and the service's name.
std::string redacted(const connection_options& of);

/// Whether the host is this machine: localhost, 127.0.0.0/8 or ::1. `hostaddr` decides where it is given.
bool is_loopback(const host_port& host);

/// How TLS is asked for at this host. In this order:
///  1. sslmode, where given, wins; as in libpq `require` with a root certificate means verify-ca;
///  2. a Unix socket: disable;
///  3. sslrootcert=system: verify-full;
///  4. a loopback address: prefer (require with sslnegotiation=direct, which cannot fall back);
///  5. any other host: verify-full where an authority is known, through sslrootcert or because
///     `system_ca_found` says that this machine has a bundle; else require, and sslmode_warning says so.
sslmode effective_sslmode(const connection_options& options, const host_port& host, bool system_ca_found);

/// What a person should know about the choice: not empty where TLS is used without knowing the server,
/// although nobody asked for that.
std::string sslmode_warning(const connection_options& options, const host_port& host, bool system_ca_found);

}  // namespace tidewire::wire
