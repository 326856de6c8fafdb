// Who runs the server, found out from its variables and its name, and how things are done there. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/check_report.hpp"

namespace tidewire::binlog {

enum class hoster : std::uint8_t { self_hosted, rds, aurora, azure, cloud_sql, planetscale };

/// For people ("Amazon RDS"), and the word that --hoster takes ("rds").
std::string_view display_name(hoster at);
std::string_view option_name(hoster at);
std::optional<hoster> hoster_of_option(std::string_view word);
/// "self-hosted, rds, …"
std::string hoster_words();

/// What tells a hoster. Everything may be empty.
struct hoster_evidence {
  std::string host;  // as it was given; empty for a socket
  std::string version;
  std::string version_comment;
  std::string basedir;
  bool aurora = false;  // has aurora_version
  bool azure = false;   // has aad_auth_only
};

struct detected_hoster {
  hoster at = hoster::self_hosted;
  std::string because;
};
detected_hoster detect_hoster(const hoster_evidence& from);

/// Not empty for a product that speaks the protocol and has no binlog to read: what it is.
std::string without_binlog(const hoster_evidence& from);
/// Not empty for a proxy that was told by its name or version: what it is.
std::string proxy_of(const hoster_evidence& from);

/// What a setting's change depends on.
struct server_kind {
  hoster at = hoster::self_hosted;
  bool mariadb = false;
  std::uint32_t version = 0;

  /// Whether SET PERSIST exists.
  bool persists() const { return !mariadb && version >= 80000; }
};

/// How a server's setting is changed there, with the restart that it takes. `restart`: it can't be changed in
/// a running server.
std::vector<check_fix> setting_fixes(const server_kind& server, std::string_view name, std::string_view value,
                                     bool restart);
/// How the binlog is switched on.
std::vector<check_fix> log_bin_fixes(const server_kind& server);
/// How binlogs are kept for so many hours.
std::vector<check_fix> retention_fixes(const server_kind& server, int hours);

/// What a person should know about the place; empty where there is nothing.
std::string_view note_about(hoster at);

}  // namespace tidewire::binlog
