// Where and how to connect, as the drivers' specification reads a connection string:
// https://github.com/mongodb/specifications/tree/master/source/connection-string and source/uri-options
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/secret.hpp"
#include "mongo_wire/op_compressed.hpp"

namespace tidewire::mongo_wire {

/// The last two are known and not spoken.
enum class auth_mechanism : std::uint8_t {
  negotiated,
  scram_sha_1,
  scram_sha_256,
  x509,
  plain,
  aws,
  oidc,
  gssapi
};

/// The name in the connection string; that of `negotiated` is empty.
std::string_view to_string(auth_mechanism of);

enum class read_mode : std::uint8_t { primary, primary_preferred, secondary, secondary_preferred, nearest };

/// A name, an address without brackets, or (is_unix) a socket's path.
struct host_port {
  std::string host;
  std::uint16_t port = 27017;
  bool is_unix = false;

  std::string text() const;
  friend auto operator<=>(const host_port&, const host_port&) = default;
};

using tag_set = std::map<std::string, std::string>;

/// What was given; texts are empty and optionals hold nothing where nothing was.
struct connection_options {
  std::vector<host_port> hosts;  // with `srv` one, the name to ask the DNS for
  bool srv = false;
  std::string srv_service = "mongodb";
  unsigned srv_max_hosts = 0;  // 0: all
  std::string database;

  std::string user;
  secret password;
  bool has_password = false;
  auth_mechanism mechanism = auth_mechanism::negotiated;
  std::optional<std::string> auth_source;                   // see source_of_user
  std::map<std::string, std::string> mechanism_properties;  // without the next
  secret aws_session_token;                                 // AWS_SESSION_TOKEN

  std::optional<bool> tls;  // see uses_tls
  std::string tls_ca_file;
  std::string tls_certificate_key_file;  // certificate and key in one PEM file
  secret tls_certificate_key_password;
  bool tls_any_certificate = false;
  bool tls_any_host_name = false;

  std::string replica_set;
  bool direct = false;
  bool load_balanced = false;
  read_mode read_from = read_mode::primary;
  std::vector<tag_set> read_tags;  // to be tried in this order
  std::optional<std::int64_t> max_staleness_s;

  std::string app_name;
  std::vector<compressor> compressors;
  int zlib_level = -1;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds socket_timeout{0};
  std::chrono::milliseconds selection_timeout{30'000};
  std::chrono::milliseconds heartbeat{10'000};
  std::chrono::milliseconds local_threshold{15};

  /// Of every option that counts: its name in lower case and its text. Secrets are not among them.
  std::map<std::string, std::string> given;
  /// What was ignored, and why; without secrets.
  std::vector<std::string> warnings;
};

/// Encryption is the default for mongodb+srv only.
inline bool uses_tls(const connection_options& of) {
  return of.tls.value_or(of.srv);
}

/// The database that knows the user: authSource, else what the mechanism and the string's database say.
std::string source_of_user(const connection_options& of);

inline constexpr std::size_t max_connection_string_bytes = 64 * 1024;

/// Throws failure TW-USAGE-CONNECTION-STRING (usage), which never shows a secret. What the specification says
/// is to be ignored with a warning is.
connection_options parse_connection_string(std::string_view text);

/// The options that a TXT record of the host gives ("authSource=…&replicaSet=…&loadBalanced=…", nothing else
/// is legal). What the string has given wins. Throws as above.
void add_txt_record(connection_options& to, std::string_view record);

/// The hosts of SRV records, which must lie in the domain of the name that was asked for. Throws as above.
void set_srv_hosts(connection_options& to, std::vector<host_port> found);

/// Whether the scheme is one of MongoDB's.
bool is_mongo_url(std::string_view text);

}  // namespace tidewire::mongo_wire
