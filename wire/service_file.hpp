// The connection service file: named groups of parameters (Postgres manual, "The Connection Service File").
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "wire/connection_settings.hpp"

namespace tidewire::wire {

/// Adds the parameters of group `service` that have not been given yet; within the group the first value of a
/// name counts. `path` is for errors only. Returns false where the text has no such group. Throws failure
/// TW-USAGE-CONNECTION-STRING with path and line for a line of the group that is not name=value, names an
/// unknown parameter, another service, or LDAP.
bool add_service(connection_settings& settings, std::string_view file_text, std::string_view service,
                 const std::string& path);

/// The places of libpq: `servicefile` or PGSERVICEFILE, which must exist, or else ~/.pg_service.conf; and if
/// the group is not there, pg_service.conf in PGSYSCONFDIR (or `sysconfdir`). The service is named by the
/// parameter or by PGSERVICE; without a name nothing happens, a name that is found nowhere is a failure.
void add_service_files(connection_settings& settings, const environment& env,
                       const std::function<std::optional<std::string>(const std::string&)>& read_file,
                       const std::string& sysconfdir);

}  // namespace tidewire::wire
