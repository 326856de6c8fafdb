// The password file: lines of host:port:database:user:password (Postgres manual, "The Password File").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/secret.hpp"
#include "wire/connection_string.hpp"

namespace tidewire::wire {

/// What a line of the file is compared with.
struct password_key {
  std::string_view host;
  std::string_view port;
  std::string_view dbname;
  std::string_view user;
};

/// The password of the first line that fits. In each field a lone * fits everything, and a backslash makes
/// the next character an ordinary one; so it is in the password, which ends at the next colon.
std::optional<secret> match_password(std::string_view file_text, const password_key& key);

/// `warning` is for the person who waits for a password to be found: the file is open to others, or no plain
/// file, and was not used. A file that does not exist is no reason to warn.
struct password_lookup {
  std::optional<secret> password;
  std::string warning;
};

/// The password for one host from options.passfile. The default socket directory and an empty host are looked
/// up as `localhost`, and the address stands in where no host name was given, as in libpq. Never throws.
password_lookup find_password(const connection_options& options, const host_port& host);

}  // namespace tidewire::wire
