// The judgement of the server: version, replica set, members, scope, reads by majority.
#include <algorithm>
#include <array>

#include "mongo_wire/change_stream.hpp"
#include "mongo_wire/check_ask.hpp"
#include "mongo_wire/check_judging.hpp"

namespace tidewire::mongo_wire {
namespace {

using kind = check_fix::kind;

constexpr int oldest_major = 6;
constexpr int oldest_maintained_major = 7;
// A majority that is behind holds up a stream: it has only what can't be rolled back.
constexpr double majority_lag_limit_s = 10;

void judge_version(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-VERSION";
  if (j.facts.version.empty()) {
    j.unknown(code, "version", "the server does not report its version", {});
    return;
  }
  if (j.facts.major() < oldest_major) {
    j.add(code, "version", check_status::fail, j.facts.version_name, "tidewire reads MongoDB 6.0 and newer",
          {{kind::console, "upgrade the server", false}});
    return;
  }
  std::string note;
  server_facts server;
  server.version = j.facts.version;
  if (!server.can_split())
    note = "an event over 16 MB ends the stream: servers from 6.0.9 on send it in parts";
  if (j.facts.major() < oldest_maintained_major)
    note +=
        std::string(note.empty() ? "" : "; ") + "this major version gets no fixes from its makers any more";
  j.ok(code, "version", j.facts.version_name, note);
}

void judge_feature_version(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-FCV";
  constexpr const char* title = "feature compatibility version";
  if (!j.facts.feature_version) {
    j.unknown(code, title, j.facts.feature_version.missing, {{resource::of_cluster(), {"getParameter"}}});
    return;
  }
  const std::string& version = *j.facts.feature_version;
  std::string own = j.facts.version.size() < 2
                        ? "6.0"
                        : std::to_string(j.facts.version[0]) + '.' + std::to_string(j.facts.version[1]);
  bool old = version.size() == 3 && version < "6.0";
  if (!old) {
    j.ok(code, title, version);
    return;
  }
  std::string confirm = j.facts.major() >= 7 ? ", confirm: true" : "";
  j.add(code, title, check_status::fail, version,
        "the server behaves like that version: it keeps no images and leaves out events of collections and "
        "indexes",
        {{kind::sql, "db.adminCommand({setFeatureCompatibilityVersion: " + shell_text(own) + confirm + "});",
          false}});
}

void judge_replica_set(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-REPLICA-SET";
  constexpr const char* title = "replica set";
  const hello_reply& server = j.facts.hello;
  if (server.kind == server_kind::mongos) {
    j.ok(code, title, "sharded cluster, through mongos",
         "an idle shard holds up the others' events for up to 10 s");
    return;
  }
  if (server.kind == server_kind::standalone ||
      j.facts.trial.value.value_or(stream_trial{}).number == 40573) {
    j.add(code, title, check_status::fail, "a standalone server",
          "change streams need a replica set, of one member at least",
          {{kind::shell, "mongod --replSet rs0 (replication.replSetName in mongod.conf), and restart", false},
           {kind::sql, "rs.initiate();", false}});
    return;
  }
  if (server.kind == server_kind::ghost) {
    j.add(code, title, check_status::fail, "a member of a set that does not exist yet", "",
          {{kind::sql, "rs.initiate();", false}});
    return;
  }
  j.ok(code, title, server.set_name + ", " + counted(server.hosts.size(), "member", "members"));
}

void judge_primary(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-PRIMARY";
  const connection_info& how = j.facts.connection;
  switch (j.facts.hello.kind) {
    case server_kind::mongos:
    case server_kind::standalone:
    case server_kind::ghost: return;
    case server_kind::primary: j.ok(code, "primary", how.host); return;
    default: break;
  }
  if (how.direct) {
    j.ok(code, "primary", "not asked: directConnection stays with " + how.host,
         "a stream ends when this one member does; users and images are made on the primary");
    return;
  }
  std::string said;
  for (const seen_server& each : how.seen)
    if (!each.said.empty()) said += "; " + each.host + ": " + each.said;
  if (!j.facts.hello.primary.empty()) {
    j.add(code, "primary", check_status::fail,
          j.facts.hello.primary + " is not reached from here" + said + " (asked " + how.host + " instead)",
          "the hosts that the set itself names must be reachable under those names",
          {{kind::setting, "make these names lead there, or directConnection=true for one member", false},
           {kind::setting, "readPreference=secondaryPreferred, if a secondary will do", false}});
    return;
  }
  j.add(code, "primary", check_status::fail, "none, says " + how.host + said,
        "the set is electing one, or most of its members are down",
        {{kind::shell, "start the members that are down; rs.status() tells which", false}});
}

void judge_members(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-MEMBERS";
  server_kind server = j.facts.hello.kind;
  if (server == server_kind::standalone || server == server_kind::ghost) return;
  if (!j.facts.set) {
    j.unknown(code, "members", j.facts.set.missing, {{resource::of_cluster(), {"replSetGetStatus"}}});
    return;
  }
  std::string all;
  std::vector<std::string> bad;
  for (const member_info& each : j.facts.set->members) {
    all += (all.empty() ? "" : ", ") + each.name + ' ' + each.state;
    constexpr std::array good{"PRIMARY", "SECONDARY", "ARBITER"};
    if (!each.healthy || std::ranges::find(good, each.state) == good.end()) bad.push_back(each.name);
  }
  if (bad.empty()) {
    j.ok(code, "members", all);
    return;
  }
  check_finding& finding =
      j.add(code, "members", check_status::warn, all,
            "a stream has what a majority has written: with too few members it stands still",
            {{kind::shell, "start what is down, and look at the log of what does not come back", false}});
  finding.object_count = bad.size();
  bad.resize(std::min(bad.size(), max_named_objects));
  finding.objects = std::move(bad);
}

void judge_majority(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-MAJORITY";
  constexpr const char* title = "reads by majority";
  const auto& trial = j.facts.trial;
  if (j.facts.hello.kind == server_kind::standalone) return;
  bool off = (j.facts.majority_reads && !*j.facts.majority_reads) || (trial && trial->number == 148);
  if (off) {
    j.add(code, title, check_status::fail, "the storage engine has none",
          "change streams read what a majority has written",
          {{kind::shell, "leave out enableMajorityReadConcern: false, use wiredTiger, and restart", false}});
    return;
  }
  if (j.facts.set && j.facts.set->majority_lag_s.value_or(0) > majority_lag_limit_s) {
    j.add(code, title, check_status::warn,
          "the majority is " + hours_text(*j.facts.set->majority_lag_s) + " behind",
          "a stream has what a majority has written: so far it is behind too",
          {{kind::shell, "start members that are down; rs.printSecondaryReplicationInfo() tells who lags",
            false}});
    return;
  }
  if (trial && trial->works) {
    j.ok(code, title, "a change stream opens with it");
    return;
  }
  if (j.facts.majority_reads)
    j.ok(code, title, "the storage engine has them");
  else
    j.unknown(code, title, j.facts.majority_reads.missing, {{resource::of_cluster(), {"serverStatus"}}});
}

void judge_scope(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-SCOPE";
  if (is_internal_database(j.database())) {
    j.add(
        code, "what is streamed", check_status::fail, "the database " + j.database(),
        "it is the server's own, and has no change stream; a user that is kept there is named by authSource",
        {{kind::setting,
          "/DATABASE in the connection string, or / for all databases, with ?authSource=" + j.database(),
          false}});
    return;
  }
  j.ok(code, "what is streamed", j.whole_cluster() ? "all databases" : "the database " + j.database());
}

}  // namespace

void judge_server(const judging& j) {
  judge_version(j);
  judge_feature_version(j);
  judge_replica_set(j);
  judge_primary(j);
  judge_members(j);
  judge_majority(j);
  judge_scope(j);
}

}  // namespace tidewire::mongo_wire
