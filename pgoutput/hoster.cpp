#include "pgoutput/hoster.hpp"

#include <algorithm>
#include <array>

#include "core/hoster_fixes.hpp"
#include "pgoutput/sql_text.hpp"

namespace tidewire::pgoutput {
namespace {

using namespace fixes;
using kind = check_fix::kind;

using names = hoster_names<hoster>;
constexpr std::array all_names{
    names{hoster::self_hosted, "self-hosted", "self-hosted"},
    names{hoster::supabase, "Supabase", "supabase"},
    names{hoster::rds, "Amazon RDS", "rds"},
    names{hoster::aurora, "Amazon Aurora", "aurora"},
    names{hoster::azure, "Azure Database for PostgreSQL", "azure"},
    names{hoster::cloud_sql, "Google Cloud SQL", "cloud-sql"},
    names{hoster::neon, "Neon", "neon"},
    names{hoster::fly, "Fly Postgres", "fly"},
    names{hoster::planetscale, "PlanetScale", "planetscale"},
};

constexpr std::array host_endings{
    host_ending{".supabase.co", hoster::supabase},
    host_ending{".supabase.com", hoster::supabase},
    host_ending{".rds.amazonaws.com", hoster::rds},
    host_ending{".rds.amazonaws.com.cn", hoster::rds},
    host_ending{".postgres.database.azure.com", hoster::azure},
    host_ending{".postgres.database.chinacloudapi.cn", hoster::azure},
    host_ending{".postgres.database.usgovcloudapi.net", hoster::azure},
    host_ending{".neon.tech", hoster::neon},
    host_ending{".neon.build", hoster::neon},
    host_ending{".fly.dev", hoster::fly},
    host_ending{".flycast", hoster::fly},
    host_ending{".flympg.net", hoster::fly},
    host_ending{".psdb.cloud", hoster::planetscale},
};

struct telling_role {
  std::string_view role;
  hoster at;
};
constexpr std::array telling_roles{
    telling_role{"supabase_admin", hoster::supabase},
    telling_role{"rdsadmin", hoster::rds},
    telling_role{"rds_superuser", hoster::rds},
    telling_role{"azure_pg_admin", hoster::azure},
    telling_role{"cloudsqladmin", hoster::cloud_sql},
    telling_role{"cloudsqlsuperuser", hoster::cloud_sql},
    telling_role{"neon_superuser", hoster::neon},
    telling_role{"flypgadmin", hoster::fly},
    telling_role{"pscale_superuser", hoster::planetscale},
    telling_role{"pscale_admin", hoster::planetscale},
};

struct telling_setting {
  std::string_view beginning;
  hoster at;
};
constexpr std::array telling_settings{
    telling_setting{"rds.", hoster::rds},
    telling_setting{"azure.", hoster::azure},
    telling_setting{"cloudsql.", hoster::cloud_sql},
    telling_setting{"neon.", hoster::neon},
};

bool is_aws(hoster at) {
  return at == hoster::rds || at == hoster::aurora;
}

/// A cluster's endpoint has a part that begins with cluster-.
bool aurora_host(std::string_view host) {
  return host.find(".cluster-") != host.npos;
}

std::string text_of(std::string_view before, std::string_view name, std::string_view between,
                    std::string_view value, std::string_view after = {}) {
  std::string text(before);
  text.append(name).append(between).append(value).append(after);
  return text;
}

/// In the setting's own unit: parameter groups and flags take bare numbers.
std::string bare_value(std::string_view name, std::string_view value) {
  if (name == "wal_sender_timeout" && value == "60s") return "60000";
  if (name == "max_slot_wal_keep_size" && value.ends_with("MB")) value.remove_suffix(2);
  if (name == "idle_replication_slot_timeout" && value == "7d") return "604800";
  return std::string(value);
}

/// What `fly pg config update` has an option for; for the rest one is superuser there.
bool fly_knows(std::string_view name) {
  return name == "wal_level" || name == "max_wal_senders" || name == "max_replication_slots";
}

std::string fly_option(std::string_view name) {
  std::string option = "--" + std::string(name);
  std::ranges::replace(option, '_', '-');
  return option;
}

}  // namespace

std::string_view display_name(hoster at) {
  return std::ranges::find(all_names, at, &names::at)->display;
}

std::string_view option_name(hoster at) {
  return std::ranges::find(all_names, at, &names::at)->option;
}

std::optional<hoster> hoster_of_option(std::string_view word) {
  auto found = std::ranges::find(all_names, word, &names::option);
  if (found == all_names.end()) return std::nullopt;
  return found->at;
}

const std::vector<hoster>& all_hosters() {
  static const std::vector<hoster> all = [] {
    std::vector<hoster> made;
    for (const names& each : all_names) made.push_back(each.at);
    return made;
  }();
  return all;
}

const std::vector<std::string_view>& special_roles() {
  static const std::vector<std::string_view> all = [] {
    std::vector<std::string_view> made{"rds_replication", "pg_read_all_stats", "pg_monitor",
                                       "pg_read_all_data"};
    for (const telling_role& each : telling_roles) made.push_back(each.role);
    return made;
  }();
  return all;
}

const std::vector<std::string_view>& special_settings() {
  static const std::vector<std::string_view> all{"rds.logical_replication",
                                                 "rds.extensions",
                                                 "cloudsql.logical_decoding",
                                                 "cloudsql.enable_pglogical",
                                                 "azure.extensions",
                                                 "neon.timeline_id",
                                                 "neon.tenant_id"};
  return all;
}

detected_hoster detect_hoster(const hoster_evidence& from) {
  auto refined = [&](hoster at) {
    bool aurora = at == hoster::rds && (from.aurora_functions || aurora_host(from.host));
    return aurora ? hoster::aurora : at;
  };
  for (const auto& each : host_endings)
    if (from.host.ends_with(each.ending)) return {refined(each.at), "the host's name"};
  for (const telling_setting& each : telling_settings)
    for (const auto& [name, value] : from.settings)
      if (name.starts_with(each.beginning)) return {refined(each.at), "the setting " + name};
  for (const telling_role& each : telling_roles)
    if (from.roles.contains(each.role)) return {refined(each.at), "the role " + std::string(each.role)};
  // fly's private network; other machines there have such names too, so the roles come first.
  if (from.host.ends_with(".internal") && from.roles.contains("repmgr"))
    return {hoster::fly, "the host's name"};
  return {hoster::self_hosted, "nothing tells another"};
}

std::string without_logical_replication(const hoster_evidence& from) {
  if (from.host.find(".dsql.") != from.host.npos && from.host.ends_with(".on.aws"))
    return "Amazon Aurora DSQL";
  for (auto [mark, name] : {std::pair{"CockroachDB", "CockroachDB"}, std::pair{"Redshift", "Amazon Redshift"},
                            std::pair{"Materialize", "Materialize"}, std::pair{"RisingWave", "RisingWave"},
                            std::pair{"QuestDB", "QuestDB"}, std::pair{"CrateDB", "CrateDB"}})
    if (from.version.find(mark) != from.version.npos) return name;
  if (from.host.ends_with(".cockroachlabs.cloud")) return "CockroachDB";
  if (from.host.find(".redshift") != from.host.npos && from.host.ends_with(".amazonaws.com"))
    return "Amazon Redshift";
  return "";
}

endpoint_kind kind_of_endpoint(const hoster_evidence& from) {
  std::string_view host = from.host;
  std::string_view label = host.substr(0, host.find('.'));
  auto ends = [host](std::string_view ending) { return host.ends_with(ending); };
  if ((ends(".neon.tech") || ends(".neon.build")) && label.ends_with("-pooler")) {
    std::string direct(label.substr(0, label.size() - std::string_view("-pooler").size()));
    return {"Neon's connection pooler", direct + std::string(host.substr(label.size())), true};
  }
  if (ends(".pooler.supabase.com")) {
    std::string_view user = from.user;
    std::size_t dot = user.find('.');
    std::string project = dot == user.npos ? "PROJECT" : std::string(user.substr(dot + 1));
    return {"Supabase's connection pooler",
            "db." + project + ".supabase.co, port 5432, user postgres (IPv6, or the IPv4 add-on)", true};
  }
  if (ends(".supabase.co") && from.port == 6543)
    return {"Supabase's connection pooler (port 6543)", "port 5432 of the same host", true};
  if (host.find(".proxy-") != host.npos && ends(".rds.amazonaws.com"))
    return {"an RDS Proxy", "the endpoint of the instance or cluster itself", true};
  if (ends(".flympg.net") && host.find("pgbouncer.") != host.npos)
    return {"Fly's PgBouncer", "the cluster's direct. endpoint", true};
  if (from.port == 6432) return {"port 6432, usually PgBouncer's", "port 5432 of the server itself", false};
  if (from.port == 6543) return {"port 6543, usually a pooler's", "port 5432 of the server itself", false};
  return {};
}

std::string_view logical_switch(hoster at) {
  if (is_aws(at)) return "rds.logical_replication";
  if (at == hoster::cloud_sql) return "cloudsql.logical_decoding";
  return "";
}

std::vector<check_fix> setting_fixes(hoster at, std::string_view name, std::string_view value, bool restart) {
  if (at == hoster::fly && !fly_knows(name)) {
    std::vector<check_fix> fixes = setting_fixes(hoster::self_hosted, name, value, false);
    if (restart) fixes.back() = restart_fixes(at)[0];
    return fixes;
  }
  std::string bare = bare_value(name, value);
  switch (at) {
    case hoster::self_hosted: {
      std::vector<check_fix> fixes{
          {kind::sql, text_of("ALTER SYSTEM SET ", name, " = ", sql_text(value), ";"), true}};
      if (restart)
        fixes.push_back(restart_fixes(at)[0]);
      else
        fixes.push_back({kind::sql, "SELECT pg_reload_conf();", true});
      return fixes;
    }
    case hoster::supabase:
      return {shell(text_of("supabase --experimental --project-ref PROJECT postgres-config update --config ",
                            name, "=", value))};
    case hoster::rds:
    case hoster::aurora: return aws_setting(at == hoster::aurora, name, bare, restart);
    case hoster::azure: return azure_setting("postgres", name, bare, restart);
    case hoster::cloud_sql:
      return {shell(text_of("gcloud sql instances patch INSTANCE --database-flags=", name, "=", bare,
                            "   (with all flags that are set already: the list is replaced; it restarts)"))};
    case hoster::neon:
      return {console(text_of("Neon sets ", name, " itself (wanted: ", value, "): ask its support"))};
    case hoster::fly: {
      std::vector<check_fix> fixes{
          shell(text_of("fly pg config update ", fly_option(name), "=", value, " --app APP"))};
      if (restart) fixes.push_back(restart_fixes(at)[0]);
      return fixes;
    }
    case hoster::planetscale:
      return {console(text_of("the branch's page, Clusters, Parameters: ", name, " = ", value,
                              ", then queue and apply the change"))};
  }
  return {};
}

std::vector<check_fix> wal_level_fixes(hoster at) {
  switch (at) {
    case hoster::supabase:
      return {
          console("it is logical on every new project: Project Settings, General, Restart project; if it "
                  "stays, ask Supabase's support")};
    case hoster::rds:
    case hoster::aurora: return setting_fixes(at, logical_switch(at), "1", true);
    case hoster::cloud_sql: return setting_fixes(at, logical_switch(at), "on", true);
    case hoster::neon:
      return {console("the project's Settings, Logical Replication, Enable (its computes restart)")};
    default: return setting_fixes(at, "wal_level", "logical", true);
  }
}

std::vector<check_fix> restart_fixes(hoster at) {
  switch (at) {
    case hoster::self_hosted:
      return {shell("restart the server: systemctl restart postgresql, or pg_ctl restart -D DATA")};
    case hoster::supabase: return {console("Project Settings, General, Restart project")};
    case hoster::rds:
    case hoster::aurora: return {shell("aws rds reboot-db-instance --db-instance-identifier INSTANCE")};
    case hoster::azure:
      return {shell("az postgres flexible-server restart --resource-group GROUP --name SERVER")};
    case hoster::cloud_sql: return {shell("gcloud sql instances restart INSTANCE")};
    case hoster::neon: return {console("the branch's page, Computes, Restart")};
    case hoster::fly: return {shell("fly apps restart APP")};
    case hoster::planetscale: return {console("the branch's page, Clusters: apply the queued changes")};
  }
  return {};
}

std::string_view replication_role(hoster at) {
  return is_aws(at) ? "rds_replication" : "";
}

std::vector<check_fix> replication_fixes(hoster at, std::string_view role) {
  std::string name = sql_name(role);
  std::vector<check_fix> fixes;
  if (is_aws(at)) {
    fixes.push_back({kind::sql, "GRANT rds_replication TO " + name + ";", true});
  } else if (at == hoster::planetscale) {
    fixes.push_back({kind::sql, "ALTER ROLE " + name + " WITH REPLICATION;", true});
    fixes.push_back(console("the branch's page, Roles: or use the default postgres role, which has it"));
  } else {
    fixes.push_back({kind::sql, "ALTER ROLE " + name + " WITH REPLICATION;", true});
  }
  if (at == hoster::azure)
    fixes.push_back(
        console("run it as the server's admin, which must have REPLICATION itself: ALTER ROLE ADMIN "
                "WITH REPLICATION;"));
  if (at == hoster::cloud_sql)
    fixes.push_back(console("run it as postgres, or another member of cloudsqlsuperuser"));
  if (at == hoster::neon)
    fixes.push_back(console("roles made in Neon's console have it already: the branch's page, Roles"));
  return fixes;
}

bool takes_all_tables(hoster at) {
  return at != hoster::planetscale;
}

std::string_view note_about(hoster at) {
  switch (at) {
    case hoster::supabase:
      return "the direct host is IPv6 only without the IPv4 add-on; the pooler can't replicate; 4 GB of WAL "
             "are "
             "kept for a slot unless max_slot_wal_keep_size says otherwise";
    case hoster::aurora:
      return "connect to the cluster's writer endpoint; verify TLS with Amazon's global bundle";
    case hoster::rds: return "TLS is verified with Amazon's global bundle (sslrootcert)";
    case hoster::azure: return "max_worker_processes of 16 or more is recommended there";
    case hoster::cloud_sql:
      return "each instance has a certificate authority of its own: sslmode=verify-ca with its server-ca.pem";
    case hoster::neon:
      return "a slot that nobody reads is removed after about 40 hours while another one is read; a stream "
             "keeps "
             "the compute from scaling to zero; restoring a branch drops its slots";
    case hoster::fly:
      return "its certificate is signed by itself: sslmode=require, or verify-ca with a copy of it";
    case hoster::planetscale:
      return "only slots made with --failover live through a failover (17+, sync_replication_slots = on)";
    case hoster::self_hosted: return "";
  }
  return "";
}

}  // namespace tidewire::pgoutput
