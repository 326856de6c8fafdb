#include "wire/service_file.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace tidewire::wire {
namespace {

constexpr std::string_view blanks = " \t\n\v\f\r";

std::string_view trimmed(std::string_view line) {
  auto first = line.find_first_not_of(blanks);
  if (first == line.npos) return {};
  return line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

/// No blanks around the = here, in contrast to the connection string: they would be part of name and value.
void add_line(connection_settings& settings, std::string_view line, const std::string& origin) {
  if (line.starts_with("ldap"))
    connection_string_failure(origin + ": services from LDAP are not supported",
                              "Write the parameters into the service file.");
  auto equals = line.find('=');
  if (equals == line.npos) connection_string_failure(origin + ": expected name=value");
  std::string_view name = line.substr(0, equals);
  if (name == "service" || name == "servicefile")
    connection_string_failure(fmt::format("{}: \"{}\" inside of a service", origin, name));
  auto which = find_parameter(name);
  if (!which) unknown_parameter_failure(origin, name, false);
  settings.set_if_absent(*which, {secret(line.substr(equals + 1)), origin});
}

}  // namespace

bool add_service(connection_settings& settings, std::string_view file_text, std::string_view service,
                 const std::string& path) {
  bool found = false;
  for (std::size_t number = 1; !file_text.empty(); ++number) {
    std::size_t end = std::min(file_text.find('\n'), file_text.size());
    std::string_view line = trimmed(file_text.substr(0, end));
    file_text.remove_prefix(std::min(end + 1, file_text.size()));
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') {
      if (found) return true;
      std::string_view rest = line.substr(1);
      found = rest.starts_with(service) && rest.substr(service.size()).starts_with(']');
    } else if (found) {
      add_line(settings, line, fmt::format("{}, line {}", path, number));
    }
  }
  return found;
}

void add_service_files(connection_settings& settings, const environment& env,
                       const std::function<std::optional<std::string>(const std::string&)>& read_file,
                       const std::string& sysconfdir) {
  auto named = [&](parameter which, const char* variable) {
    std::string value(settings.text(which));
    if (!settings[which]) value = env(variable).value_or("");
    return value;
  };
  std::string service = named(parameter::service, "PGSERVICE");
  if (service.empty()) return;

  auto add_file = [&](const std::string& path, bool must_exist) {
    auto text = read_file(path);
    if (!text && must_exist) connection_string_failure("service file " + path + " cannot be read");
    if (!text) return false;
    secret kept = secret::take(std::move(*text));  // it may hold passwords
    return add_service(settings, kept.reveal(), service, path);
  };
  std::string file = named(parameter::servicefile, "PGSERVICEFILE");
  std::string home = env("HOME").value_or("");
  if (!file.empty()) {
    if (add_file(file, true)) return;
  } else if (!home.empty()) {
    if (add_file(home + "/.pg_service.conf", false)) return;
  }
  if (add_file(env("PGSYSCONFDIR").value_or(sysconfdir) + "/pg_service.conf", false)) return;
  connection_string_failure(fmt::format("no service \"{}\" in any service file", service),
                            "Looked for in PGSERVICEFILE or ~/.pg_service.conf, then in pg_service.conf of "
                            "PGSYSCONFDIR.");
}

}  // namespace tidewire::wire
