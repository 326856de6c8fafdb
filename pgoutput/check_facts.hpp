// Everything that `check` and `setup` know of a server, as plain data: asked by check_ask, judged by check.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/asked.hpp"
#include "pgoutput/hoster.hpp"
#include "pgoutput/open_transaction.hpp"
#include "pgoutput/slot_record.hpp"

namespace tidewire::pgoutput {

struct setting_fact {
  std::string value;  // in its unit
  std::string unit;   // "ms", "MB", "8kB"; empty: none
  std::string source;
  bool pending_restart = false;
};

/// How we are connected.
struct connection_fact {
  std::string host;  // as given; the directory of a socket
  std::uint16_t port = 5432;
  bool is_unix = false;
  bool is_loopback = false;
  std::string user;
  std::string database;
  std::string tls_version;          // empty: not encrypted
  std::string tls_mode;             // the sslmode that holds
  std::string ca;                   // the file or folder of authorities, and who chose it
  bool process_id_differs = false;  // the server process is not the one that the login named
};

struct server_fact {
  std::string version_text;
  bool in_recovery = false;
  bool aurora_functions = false;
  std::string encoding;
};

struct role_fact {
  std::string name;
  bool exists = false;
  bool superuser = false;
  bool replication = false;
  bool bypass_rls = false;
  bool can_login = false;
  bool may_connect = false;                      // to the database
  std::optional<double> password_ends_in_s;      // VALID UNTIL; negative: over
  std::set<std::string, std::less<>> member_of;  // of special_roles
};

struct publication_fact {
  std::string name;
  bool all_tables = false;
  bool inserts = false, updates = false, deletes = false, truncates = false;
  bool via_root = false;
  char generated = 'n';  // 18+: n(one), s(tored)
};

struct table_fact {
  std::uint32_t oid = 0;
  std::uint32_t parent = 0;  // the partitioned table it is a partition of
  std::string schema;
  std::string name;
  char kind = 'r';         // r, p(artitioned), f(oreign), v(iew), m(aterialized view)
  char persistence = 'p';  // p, u(nlogged)
  char identity = 'd';     // d, n, f(ull), i(ndex)
  bool row_security = false;
  bool rows_hidden = false;  // the role is subject to the policies
  bool schema_usage = false;
  bool select = false;
  bool owned = false;  // by the role that asks, or one it is a member of
  std::string owner;
  std::vector<int> identity_columns;   // of the primary key or the identity's index; empty: none
  std::vector<int> generated_columns;  // stored
  std::vector<int> virtual_columns;    // generated when read, 18+
  int column_count = 0;

  std::string full_name() const { return schema + '.' + name; }
};

/// A table that a publication publishes, in whichever way it came in.
struct published_fact {
  std::string publication;
  std::uint32_t table = 0;
};

/// A table that a publication names, with what narrows it (15+).
struct publication_entry {
  std::string publication;
  std::uint32_t table = 0;
  std::optional<std::vector<int>> columns;
  std::string filter;
};

struct published_facts {
  std::vector<published_fact> tables;
  std::vector<publication_entry> entries;
};

struct wal_fact {
  std::optional<double> average_bytes_s;  // since the statistics were reset
  double average_over_s = 0;
  std::optional<double> now_bytes_s;  // between the two times that we asked
  std::optional<double> mark_lsn;     // where the server was the first time, and when
  double mark_s = 0;
};

/// A privilege that ALTER DEFAULT PRIVILEGES gives the role on tables to come.
struct default_privilege {
  std::string schema;  // empty: every schema
  std::string owner;
};

/// Whether a replication connection of the role itself works.
struct replication_probe {
  bool works = false;
  std::string sqlstate;
  std::string text;
};

struct check_facts {
  int version = 0;  // 150018
  std::string version_name;
  connection_fact connection;
  asked<server_fact> server;
  asked<std::map<std::string, setting_fact, std::less<>>> settings;
  asked<std::map<std::string, std::string, std::less<>>> special_settings;  // that exist
  asked<std::set<std::string, std::less<>>> special_roles;
  asked<role_fact> role;
  asked<std::vector<publication_fact>> publications;
  asked<std::vector<table_fact>> tables;
  asked<published_facts> published;
  asked<std::vector<slot_record>> slots;
  asked<int> wal_senders;
  asked<std::vector<open_transaction>> transactions;
  asked<wal_fact> wal;
  asked<std::vector<default_privilege>> default_privileges;
  asked<replication_probe> probe;

  int major() const { return version / 10'000; }
  /// Null where it is not known or does not exist.
  const setting_fact* setting(std::string_view name) const {
    if (!settings) return nullptr;
    auto at = settings->find(name);
    return at == settings->end() ? nullptr : &at->second;
  }
  hoster_evidence evidence() const;
};

/// 150018 of "15.18 (Debian …)", 0 for what is no version.
int version_number(std::string_view text);

}  // namespace tidewire::pgoutput
