// A connection string before it means anything: which parameter was given which text, and where. Both
// grammars of libpq and the table of its parameters; what the texts mean is in connection_string.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/environment.hpp"
#include "core/secret.hpp"

namespace tidewire::wire {

/// In the order of parameter_table().
enum class parameter : std::uint8_t {
  service,
  servicefile,
  user,
  password,
  passfile,
  dbname,
  host,
  hostaddr,
  port,
  target_session_attrs,
  load_balance_hosts,
  sslmode,
  sslnegotiation,
  sslcert,
  sslkey,
  sslpassword,
  sslcertmode,
  sslrootcert,
  sslcrl,
  sslcrldir,
  sslsni,
  ssl_min_protocol_version,
  ssl_max_protocol_version,
  channel_binding,
  require_auth,
  requirepeer,
  gssencmode,
  connect_timeout,
  keepalives,
  keepalives_idle,
  keepalives_interval,
  keepalives_count,
  tcp_user_timeout,
  application_name,
  fallback_application_name,
  options,
  client_encoding,
  min_protocol_version,
  max_protocol_version,
  replication,
  // Known to libpq, without effect here.
  krbsrvname,
  gsslib,
  gssdelegation,
  oauth_issuer,
  oauth_client_id,
  oauth_client_secret,
  oauth_scope,
  scram_client_key,
  scram_server_key,
  sslcompression,
  sslkeylogfile,
};

inline constexpr std::size_t parameter_count = static_cast<std::size_t>(parameter::sslkeylogfile) + 1;

enum class parameter_kind : std::uint8_t { plain, secret, ignored, ignored_secret };

struct parameter_info {
  std::string_view name;
  std::string_view variable;  // of the environment; empty where libpq has none
  parameter_kind kind = parameter_kind::plain;

  bool is_secret() const { return kind == parameter_kind::secret || kind == parameter_kind::ignored_secret; }
  bool is_ignored() const {
    return kind == parameter_kind::ignored || kind == parameter_kind::ignored_secret;
  }
};

const std::array<parameter_info, parameter_count>& parameter_table();
std::optional<parameter> find_parameter(std::string_view name);

/// What an error says about a name that is not in the table: the known name that is nearest, or nothing.
std::string nearest_parameter(std::string_view name);

/// The longest connection string that is read. Longer ones are a mistake, not a configuration.
inline constexpr std::size_t max_connection_string_bytes = 65'536;

/// Every value is held as a secret: until it is understood, any of them may be part of a password.
struct setting {
  secret value;
  std::string origin;  // for errors: "connection string, position 12", "PGPORT", "/path, line 3"
};

class connection_settings {
 public:
  const std::optional<setting>& operator[](parameter which) const {
    return given_[static_cast<std::size_t>(which)];
  }

  /// The text of a parameter, empty where it was not given. Borrows from this object.
  std::string_view text(parameter which) const {
    const auto& found = (*this)[which];
    return found ? found->value.reveal() : std::string_view{};
  }

  void set(parameter which, setting what) { given_[static_cast<std::size_t>(which)] = std::move(what); }

  /// For sources after the first: what has been given stays.
  void set_if_absent(parameter which, setting what) {
    if (!(*this)[which]) set(which, std::move(what));
  }

  bool secret_in_string = false;

 private:
  std::array<std::optional<setting>, parameter_count> given_;
};

/// Reads either form: a text that begins with postgresql:// or postgres:// is a URI, everything else is
/// key=value pairs. Later values replace earlier ones. Throws failure TW-USAGE-CONNECTION-STRING, which names
/// a position (counted in bytes from 1) and quotes neither a value nor what could be one.
connection_settings read_connection_string(std::string_view text);

/// Fills what has not been given from libpq's environment variables.
void add_environment(connection_settings& settings, const environment& env);

/// The failure that every part of the reader throws.
[[noreturn]] void connection_string_failure(const std::string& text, std::string hint = {});

/// Throws for a parameter that is not in the table. The name is quoted only if it looks like one and
/// `may_be_secret` is false.
[[noreturn]] void unknown_parameter_failure(const std::string& origin, std::string_view name,
                                            bool may_be_secret);

}  // namespace tidewire::wire
