// A server where everything is as it should be, for tests that change one thing each.
#pragma once

#include "pgoutput/check.hpp"

namespace tidewire::testing {

inline pgoutput::table_fact good_table(std::uint32_t oid, std::string name) {
  pgoutput::table_fact table;
  table.oid = oid;
  table.schema = "public";
  table.name = std::move(name);
  table.schema_usage = table.select = table.owned = true;
  table.owner = "app";
  table.identity_columns = {1};
  table.column_count = 2;
  return table;
}

inline pgoutput::check_facts good_facts(int version = 150'018) {
  pgoutput::check_facts facts;
  facts.version = version;
  facts.version_name = std::to_string(version / 10'000) + "." + std::to_string(version % 10'000);
  facts.connection.host = "db.example";
  facts.connection.user = "reader";
  facts.connection.database = "shop";
  facts.connection.tls_version = "TLSv1.3";
  facts.connection.tls_mode = "verify-full";
  facts.connection.ca = "/etc/ca.pem (found here)";
  facts.server.value = {"PostgreSQL 15.18", false, false, "UTF8"};
  facts.settings.value = {{"wal_level", {"logical", "", "default", false}},
                          {"max_replication_slots", {"10", "", "default", false}},
                          {"max_wal_senders", {"10", "", "default", false}},
                          {"max_slot_wal_keep_size", {"-1", "MB", "default", false}},
                          {"wal_sender_timeout", {"60000", "ms", "default", false}},
                          {"statement_timeout", {"0", "ms", "default", false}}};
  facts.special_settings.value.emplace();
  facts.special_roles.value.emplace();
  pgoutput::role_fact role;
  role.name = "reader";
  role.exists = role.replication = role.bypass_rls = role.can_login = role.may_connect = true;
  facts.role.value = role;
  facts.publications.value = {{"tidewire", true, true, true, true, true, false, 'n'}};
  facts.tables.value = {good_table(1, "items"), good_table(2, "orders")};
  pgoutput::published_facts published;
  published.tables = {{"tidewire", 1}, {"tidewire", 2}};
  facts.published.value = published;
  facts.slots.value.emplace();
  facts.wal_senders.value = 0;
  facts.transactions.value.emplace();
  pgoutput::wal_fact wal;
  wal.average_bytes_s = 1000;
  wal.average_over_s = 86'400;
  wal.now_bytes_s = 0;
  facts.wal.value = wal;
  facts.default_privileges.value.emplace();
  facts.probe.value = {true, "", ""};
  return facts;
}

}  // namespace tidewire::testing
