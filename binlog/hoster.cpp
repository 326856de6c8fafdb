#include "binlog/hoster.hpp"

#include <algorithm>
#include <array>

#include "core/hoster_fixes.hpp"

namespace tidewire::binlog {
namespace {

using namespace fixes;
using kind = check_fix::kind;

using names = hoster_names<hoster>;
constexpr std::array all_names{
    names{hoster::self_hosted, "self-hosted", "self-hosted"},
    names{hoster::rds, "Amazon RDS", "rds"},
    names{hoster::aurora, "Amazon Aurora", "aurora"},
    names{hoster::azure, "Azure Database for MySQL", "azure"},
    names{hoster::cloud_sql, "Google Cloud SQL", "cloud-sql"},
    names{hoster::planetscale, "PlanetScale", "planetscale"},
};

constexpr std::array host_endings{
    host_ending{".rds.amazonaws.com", hoster::rds},
    host_ending{".rds.amazonaws.com.cn", hoster::rds},
    host_ending{".mysql.database.azure.com", hoster::azure},
    host_ending{".mariadb.database.azure.com", hoster::azure},
    host_ending{".mysql.database.chinacloudapi.cn", hoster::azure},
    host_ending{".mysql.database.usgovcloudapi.net", hoster::azure},
    host_ending{".sql.goog", hoster::cloud_sql},
    host_ending{".psdb.cloud", hoster::planetscale},
};

struct telling_word {
  std::string_view word;
  std::string_view product;
};
// In the version or its comment.
constexpr std::array other_products{
    telling_word{"tidb", "TiDB"},
    telling_word{"vitess", "Vitess"},
    telling_word{"planetscale", "Vitess"},
    telling_word{"singlestore", "SingleStore"},
    telling_word{"memsql", "SingleStore"},
    telling_word{"oceanbase", "OceanBase"},
    telling_word{"starrocks", "StarRocks"},
    telling_word{"doris", "Apache Doris"},
    telling_word{"clickhouse", "ClickHouse"},
    telling_word{"readyset", "Readyset"},
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

check_fix option_file(const std::string& lines) {
  return {kind::setting, "option file, [mysqld]: " + lines, false};
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

std::string hoster_words() {
  std::string words;
  for (const names& each : all_names) words += (words.empty() ? "" : ", ") + std::string(each.option);
  return words;
}

detected_hoster detect_hoster(const hoster_evidence& from) {
  bool cluster = has(from.host, ".cluster-");
  for (const auto& each : host_endings)
    if (from.host.ends_with(each.ending)) {
      bool aurora = each.at == hoster::rds && (cluster || from.aurora);
      return {aurora ? hoster::aurora : each.at, "the host's name"};
    }
  if (from.aurora) return {hoster::aurora, "it has aurora_version"};
  if (from.basedir.starts_with("/rdsdbbin")) return {hoster::rds, "basedir is " + from.basedir};
  if (from.azure) return {hoster::azure, "it has aad_auth_only"};
  if (has(lower(from.version), "-google") || has(lower(from.version_comment), "(google)"))
    return {hoster::cloud_sql, "the version is Google's"};
  if (has(lower(from.version + from.version_comment), "planetscale"))
    return {hoster::planetscale, "the version says so"};
  return {hoster::self_hosted, "nothing tells of a hoster"};
}

std::string without_binlog(const hoster_evidence& from) {
  std::string text = lower(from.version + " " + from.version_comment);
  for (const telling_word& each : other_products)
    if (has(text, each.word)) return std::string(each.product);
  if (from.host.ends_with(".psdb.cloud")) return "Vitess";
  return {};
}

std::string proxy_of(const hoster_evidence& from) {
  std::string text = lower(from.version + " " + from.version_comment);
  if (has(text, "proxysql")) return "ProxySQL";
  if (has(text, "maxscale")) return "MaxScale";
  bool aws = has(from.host, ".rds.amazonaws.com");
  if (aws && has(from.host, ".proxy-")) return "RDS Proxy";
  return {};
}

std::vector<check_fix> setting_fixes(const server_kind& server, std::string_view name, std::string_view value,
                                     bool restart) {
  std::string setting(name), to(value);
  switch (server.at) {
    case hoster::rds:
    case hoster::aurora: return aws_setting(server.at == hoster::aurora, setting, to, restart);
    case hoster::azure: return azure_setting("mysql", setting, to, restart);
    case hoster::cloud_sql:
      return {shell("gcloud sql instances patch INSTANCE --database-flags=" + setting + "=" + to +
                    "   (with all other flags too)")};
    case hoster::planetscale: return {console("ask its support")};
    case hoster::self_hosted: break;
  }
  if (restart) return {option_file(setting + "=" + to + ", and restart")};
  if (server.persists()) return {{kind::sql, "SET PERSIST " + setting + " = " + to + ";", true}};
  return {{kind::sql, "SET GLOBAL " + setting + " = " + to + ";", true},
          option_file(setting + "=" + to + ", so that it outlives a restart")};
}

std::vector<check_fix> log_bin_fixes(const server_kind& server) {
  switch (server.at) {
    case hoster::rds:
      return {
          console("RDS, the instance, Modify: a backup retention period of 1 day or more; it switches the "
                  "binlog on"),
          shell("aws rds modify-db-instance --db-instance-identifier INSTANCE --backup-retention-period 7 "
                "--apply-immediately")};
    case hoster::aurora: return aws_setting(server.at == hoster::aurora, "binlog_format", "ROW", true);
    case hoster::azure: return azure_setting("mysql", "log_bin", "ON", true);
    case hoster::cloud_sql:
      return {
          shell("gcloud sql instances patch INSTANCE --enable-bin-log   (restarts it; backups must be on)")};
    default: return {option_file("log_bin=binlog and server_id=1 (any number that is unique), and restart")};
  }
}

std::vector<check_fix> retention_fixes(const server_kind& server, int hours) {
  std::string seconds = std::to_string(hours * 3600);
  switch (server.at) {
    case hoster::rds:
    case hoster::aurora:
      return {{kind::sql,
               "CALL mysql.rds_set_configuration('binlog retention hours', " + std::to_string(hours) + ");",
               false}};
    case hoster::cloud_sql:
      return {shell("gcloud sql instances patch INSTANCE --retained-transaction-log-days=" +
                    std::to_string((hours + 23) / 24))};
    default: break;
  }
  bool in_seconds = server.mariadb ? server.version >= 100601 : server.version >= 80001;
  return in_seconds ? setting_fixes(server, "binlog_expire_logs_seconds", seconds, false)
                    : setting_fixes(server, "expire_logs_days", std::to_string((hours + 23) / 24), false);
}

std::string_view note_about(hoster at) {
  switch (at) {
    case hoster::aurora: return "the binlog is the writer's: connect to the cluster endpoint";
    case hoster::azure: return "its default row image is MINIMAL";
    default: return {};
  }
}

}  // namespace tidewire::binlog
