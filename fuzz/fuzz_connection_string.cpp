// A connection string is read or refused; what was read and written without its secrets reads the same again.
#include <string_view>

#include "core/failure.hpp"
#include "wire/connection_string.hpp"
#include "wire/pgpass.hpp"

using namespace tidewire;
using namespace tidewire::wire;

namespace {

/// A machine with a user and nothing else: no other variable and no file.
connection_sources empty_machine() {
  connection_sources from;
  from.variable = [](std::string_view name) -> std::optional<std::string> {
    if (name == "USER") return "fuzz";
    return std::nullopt;
  };
  from.read_file = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  from.file_exists = [](const std::string&) { return false; };
  return from;
}

void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const connection_sources from = empty_machine();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    connection_options first = parse_connection_string(text, from);
    require(!first.hosts.empty() && !first.user.empty() && !first.dbname.empty());
    // Service names are not repeated: what they stand for is.
    first.service.clear();
    first.servicefile.clear();
    std::string uri = redacted(first);
    // Longer than it came in, by its escapes: only then may the second reading refuse it.
    if (uri.size() <= 64 * 1024) {
      connection_options second = parse_connection_string(uri, from);
      require(!second.password_in_string && second.password.empty() && second.sslpassword.empty());
      require(redacted(second) == uri);
      first.password = first.sslpassword = {};
      first.ignored.clear();
      first.password_in_string = false;
      require(first == second);
    }
    for (const auto& host : first.hosts) {
      auto mode = effective_sslmode(first, host, size & 1);
      asm volatile("" ::"g"(&mode) : "memory");
    }
    auto match = match_password(text, {first.hosts[0].host, "5432", first.dbname, first.user});
    asm volatile("" ::"g"(&match) : "memory");
  } catch (const failure& f) {
    require(f.kind == failure_kind::usage && f.code == "TW-USAGE-CONNECTION-STRING" && *f.what());
    asm volatile("" ::"g"(&f) : "memory");
  }
  return 0;
}
