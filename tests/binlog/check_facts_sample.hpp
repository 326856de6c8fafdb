// A server where everything is as it should be, for tests that change one thing each.
#pragma once

#include "binlog/check.hpp"

namespace tidewire::testing {

inline binlog::table_fact good_binlog_table(std::string schema, std::string name) {
  binlog::table_fact table;
  table.schema = std::move(schema);
  table.name = std::move(name);
  table.engine = "InnoDB";
  table.keyed = true;
  return table;
}

inline binlog::check_facts good_binlog_facts(bool mariadb = false) {
  binlog::check_facts facts;
  facts.mariadb = mariadb;
  facts.version = mariadb ? 110809 : 80033;
  facts.version_name = mariadb ? "11.8.9-MariaDB-log" : "8.0.33";
  facts.connection.host = "db.example";
  facts.connection.tls_version = "TLSv1.3";
  facts.connection.tls_mode = "verify-identity";
  facts.connection.ca = "/etc/ca.pem (found here)";
  facts.connection.auth_plugin = "caching_sha2_password";
  facts.settings.value = {{"log_bin", "ON"},
                          {"server_id", "1"},
                          {"binlog_format", "ROW"},
                          {"binlog_row_image", "FULL"},
                          {"binlog_row_metadata", "FULL"},
                          {"binlog_expire_logs_seconds", "2592000"},
                          {"expire_logs_days", "0"},
                          {"read_only", "OFF"},
                          {"lower_case_table_names", "0"}};
  if (mariadb) {
    facts.settings.value->insert(
        {{"gtid_strict_mode", "ON"}, {"gtid_domain_id", "0"}, {"log_slave_updates", "OFF"}});
  } else {
    facts.settings.value->insert({{"gtid_mode", "ON"},
                                  {"enforce_gtid_consistency", "ON"},
                                  {"gtid_purged", ""},
                                  {"binlog_row_value_options", ""},
                                  {"log_replica_updates", "ON"}});
  }
  facts.account.value = {{"reader", "%"}, false};
  facts.rights.value.emplace();
  std::string monitor = mariadb ? "BINLOG MONITOR, SLAVE MONITOR" : "REPLICATION CLIENT";
  facts.rights.value->grants.add("GRANT REPLICATION SLAVE, " + monitor + " ON *.* TO `reader`@`%`");
  if (!mariadb) facts.rights.value->grants.add("GRANT XA_RECOVER_ADMIN ON *.* TO `reader`@`%`");
  facts.rights.value->grants.add("GRANT SELECT ON `shop`.* TO `reader`@`%`");
  facts.account_needs_tls.value = false;
  facts.log.value.emplace();
  facts.kept.value = {3, 4096};
  facts.is_replica.value = false;
  facts.replicas.value.emplace();
  facts.hoster_hours.missing = "no such table";
  facts.tables.value = {good_binlog_table("shop", "items"), good_binlog_table("shop", "orders")};
  facts.cascades.value.emplace();
  facts.registers.value = true;
  facts.prepared.value.emplace();
  return facts;
}

}  // namespace tidewire::testing
