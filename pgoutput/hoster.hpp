// Who runs the server, found out from settings, roles and host name, and how things are done there. No I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/check_report.hpp"

namespace tidewire::pgoutput {

enum class hoster : std::uint8_t {
  self_hosted,
  supabase,
  rds,
  aurora,
  azure,
  cloud_sql,
  neon,
  fly,
  planetscale,
};

/// For people ("Amazon RDS"), and the word that --hoster takes ("rds").
std::string_view display_name(hoster at);
std::string_view option_name(hoster at);
std::optional<hoster> hoster_of_option(std::string_view word);
const std::vector<hoster>& all_hosters();

/// What tells a hoster. Everything may be empty.
struct hoster_evidence {
  std::string host;  // as it was given; empty for a socket
  std::uint16_t port = 5432;
  std::string user;
  std::string version;                                       // version()
  std::set<std::string, std::less<>> roles;                  // of special_roles, those that exist
  std::map<std::string, std::string, std::less<>> settings;  // of special_settings, those that exist
  bool aurora_functions = false;
};

/// Roles and settings that are asked for to tell hosters apart.
const std::vector<std::string_view>& special_roles();
const std::vector<std::string_view>& special_settings();

struct detected_hoster {
  hoster at = hoster::self_hosted;
  std::string because;
};
detected_hoster detect_hoster(const hoster_evidence& from);

/// Not empty for a product that has no logical replication: what it is.
std::string without_logical_replication(const hoster_evidence& from);

/// A pooler or another endpoint that is not the server itself, told by its name or port.
struct endpoint_kind {
  std::string what;     // "Neon's connection pooler"; empty: nothing is wrong with it
  std::string instead;  // what to connect to
  bool certain = false;
};
endpoint_kind kind_of_endpoint(const hoster_evidence& from);

/// The hoster's own switch for logical replication: rds.logical_replication, cloudsql.logical_decoding.
/// Empty where wal_level itself is set.
std::string_view logical_switch(hoster at);

/// How a server's setting is changed there, with the restart that it takes.
std::vector<check_fix> setting_fixes(hoster at, std::string_view name, std::string_view value, bool restart);
std::vector<check_fix> wal_level_fixes(hoster at);
std::vector<check_fix> restart_fixes(hoster at);

/// The role that stands for the REPLICATION attribute there (rds_replication), or empty.
std::string_view replication_role(hoster at);
/// Gives the right to replicate to the role.
std::vector<check_fix> replication_fixes(hoster at, std::string_view role);

/// False where a publication FOR ALL TABLES can't be made.
bool takes_all_tables(hoster at);

/// What a person should know about the place, for people; empty where there is nothing.
std::string_view note_about(hoster at);

}  // namespace tidewire::pgoutput
