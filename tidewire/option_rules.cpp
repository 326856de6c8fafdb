// Which options mean nothing for a source, and what follows from several of them.
#include <algorithm>
#include <cstdlib>

#include "tidewire/options.hpp"

namespace tidewire {

std::string position_path(const stream_options& of) {
  if (!of.position_file.empty()) return of.position_file;
  constexpr std::string_view file = "file:";
  return of.to.starts_with(file) ? of.to.substr(file.size()) + ".position" : "";
}

std::string spill_folder(const std::string& asked) {
  if (!asked.empty()) return asked;
  const char* temporary = std::getenv("TMPDIR");
  return temporary && *temporary ? temporary : "/tmp";
}

void refuse_options(const std::vector<std::string>& given, std::initializer_list<const char*> foreign,
                    const char* source) {
  for (const char* each : foreign)
    if (std::ranges::find(given, each) != given.end())
      throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                    std::string(each) + " means nothing for " + source, "leave it out"};
}

void refuse_options_of_others(const stream_options& of, source_kind is) {
  auto refuse_postgres = [&](const char* source) {
    refuse_options(
        of.given,
        {"--slot", "--publication", "--create-slot", "--temporary-slot", "--drop-slot-on-exit", "--failover",
         "--two-phase", "--binary", "--messages", "--streaming", "--origin", "--protocol", "--heartbeat",
         "--watch-interval", "--status-interval", "--stall-limit", "--slot-wait"},
        source);
    if (!of.exact) refuse_options(of.given, {"--lock-timeout"}, source);
  };
  auto refuse_mysql = [&](const char* source) {
    refuse_options(of.given, {"--server-id", "--schema", "--exact"}, source);
  };
  auto refuse_mongo = [&](const char* source) {
    refuse_options(of.given,
                   {"--post-images", "--full-document", "--before-image", "--no-expanded-events",
                    "--start-at", "--canonical", "--await"},
                   source);
  };
  switch (is) {
    case source_kind::postgres:
      refuse_mysql("Postgres");
      refuse_mongo("Postgres");
      break;
    case source_kind::mysql:
      refuse_postgres("MySQL and MariaDB");
      refuse_mongo("MySQL and MariaDB");
      break;
    case source_kind::mongodb:
      refuse_postgres("MongoDB");
      refuse_mysql("MongoDB");
      refuse_options(of.given, {"--spill-dir", "--spill-memory"}, "MongoDB");
      break;
  }
}

}  // namespace tidewire
