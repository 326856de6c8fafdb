// Everything that `check` and `setup` know of a MongoDB, as plain data: asked by check_ask, judged by check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/asked.hpp"
#include "mongo_wire/hello.hpp"
#include "mongo_wire/privilege.hpp"

namespace tidewire::mongo_wire {

/// A server that was looked at on the way, also when none would do.
struct seen_server {
  std::string host;
  server_kind kind = server_kind::unknown;
  std::string said;  // why it is of no use
};

/// How we are connected.
struct connection_info {
  std::string host;                // "name:port" of the server that answered, else the first that was named
  std::vector<std::string> named;  // the hosts of the string; of mongodb+srv the name itself
  bool srv = false;
  asked<std::vector<std::string>> srv_hosts;  // what the DNS has
  bool local = false;                         // a Unix socket, or this machine
  bool direct = false;
  std::string database;     // the scope of a stream; empty: all
  std::string replica_set;  // as given
  std::string user;         // as given
  std::string auth_source;  // which database was asked for it
  bool tls_wanted = false;
  std::string tls_version;  // empty: not encrypted
  bool any_certificate = false;
  bool any_host_name = false;
  std::string ca;  // the file or folder of authorities, and who chose it
  std::vector<seen_server> seen;
};

struct login_info {
  std::vector<known_name> users;  // empty: nobody logged in
  std::vector<known_name> roles;
  std::vector<privilege> privileges;
  bool told = false;  // whether the server lists privileges at all
};

/// What the server says to a change stream like the one that is wanted.
struct stream_trial {
  bool works = false;
  bool denied = false;  // for want of rights
  std::int32_t number = 0;
  std::string text;
};

struct collection_info {
  std::string database;
  std::string name;
  enum class kind : std::uint8_t { collection, view, time_series } is = kind::collection;
  bool images = false;  // changeStreamPreAndPostImages

  std::string full_name() const { return database + '.' + name; }
};

struct member_info {
  std::string name;
  std::string state;  // PRIMARY, SECONDARY, …
  bool healthy = false;
};

struct set_status {
  std::vector<member_info> members;
  std::optional<double> majority_lag_s;  // what is written but not yet by a majority
};

struct oplog_info {
  double first_s = 0, last_s = 0;  // since 1970
  bool never_cut = false;          // it reaches back to the set's beginning

  double window_s() const { return last_s - first_s; }
};

/// How long images are kept; nothing: as long as the oplog.
struct image_expiry {
  std::optional<std::int64_t> seconds;
};

/// A user of the name that setup is about, and the role that it makes.
struct target_user {
  bool exists = false;
  std::vector<known_name> roles;
  std::vector<privilege> privileges;
};
struct target_role {
  bool exists = false;
  std::vector<privilege> privileges;
};

struct check_facts {
  connection_info connection;
  hello_reply hello;
  bool reached = false;
  std::vector<std::int32_t> version;
  std::string version_name;  // "6.0.27"
  asked<std::string> feature_version;
  asked<login_info> login;
  asked<stream_trial> trial;
  asked<std::vector<std::string>> databases;  // without the server's own
  asked<std::vector<collection_info>> collections;
  bool collections_by_name_only = false;  // images are not known then
  bool collections_cut = false;           // there are more than were read
  asked<set_status> set;
  asked<oplog_info> oplog;
  asked<bool> majority_reads;
  asked<image_expiry> expiry;
  // For setup.
  asked<target_user> user;
  asked<target_role> role;

  int major() const { return version.empty() ? 0 : version[0]; }
};

}  // namespace tidewire::mongo_wire
