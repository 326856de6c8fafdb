// Everything that `check` and `setup` know of a server, as plain data: asked by check_ask, judged by check.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "binlog/grants.hpp"
#include "binlog/hoster.hpp"
#include "binlog/sql_text.hpp"
#include "core/asked.hpp"

namespace tidewire::binlog {

/// How we are connected.
struct connection_fact {
  std::string host;
  bool is_socket = false;
  bool is_loopback = false;
  std::string tls_version;  // empty: not encrypted
  std::string tls_mode;     // the ssl-mode that holds
  std::string ca;           // the file or folder of authorities, and who chose it
  std::string auth_plugin;  // that let us in
};

struct account_fact {
  account_name name;        // as the server knows it
  bool id_differs = false;  // the connection is not the one that the greeting named
};

/// Of SHOW MASTER STATUS.
struct log_fact {
  std::vector<std::string> do_schemas;
  std::vector<std::string> ignored_schemas;
};

/// The binlogs that the server still has.
struct kept_fact {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
};

struct table_fact {
  std::string schema;
  std::string name;
  std::string engine;
  bool is_table = true;  // not a view or a sequence
  bool keyed = false;    // has a primary key, or a unique one without NULL
  bool old_times = false;
  bool old_fractions = false;  // times of the old form with a fraction of seconds

  std::string full_name() const { return schema + '.' + name; }
};

/// A foreign key by which the server changes rows of `child` by itself.
struct cascade_fact {
  std::string schema;
  std::string child;
  std::string name;
  std::string rules;  // "ON DELETE CASCADE"
};

/// Of the account whose rights are looked at.
struct rights_fact {
  bool exists = true;
  grant_list grants;
};

struct check_facts {
  bool mariadb = false;
  std::uint32_t version = 0;  // 80033
  std::string version_name;
  connection_fact connection;
  asked<std::map<std::string, std::string, std::less<>>> settings;
  asked<account_fact> account;
  asked<rights_fact> rights;
  asked<bool> account_needs_tls;
  asked<log_fact> log;
  asked<kept_fact> kept;
  asked<bool> is_replica;
  asked<std::vector<std::string>> replicas;  // ids of those that are connected
  asked<std::string> hoster_hours;           // RDS: binlog retention hours; empty: NULL
  asked<std::vector<table_fact>> tables;
  asked<std::vector<cascade_fact>> cascades;
  asked<bool> registers;                     // it takes us as a replica
  asked<std::vector<std::string>> prepared;  // XA transactions

  /// Null where it is not known or does not exist.
  const std::string* setting(std::string_view name) const {
    if (!settings) return nullptr;
    auto at = settings->find(name);
    return at == settings->end() ? nullptr : &at->second;
  }
  bool is(std::string_view name, std::string_view value) const {
    const std::string* found = setting(name);
    return found && *found == value;
  }
  bool has_log() const { return is("log_bin", "ON"); }
  hoster_evidence evidence() const;
};

}  // namespace tidewire::binlog
