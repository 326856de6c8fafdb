// The judgement of the connection: who is at the other end, and how it is reached.
#include <algorithm>

#include "binlog/check_judging.hpp"

namespace tidewire::binlog {
namespace {

using kind = check_fix::kind;

void judge_hoster(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-HOSTER";
  std::string product = without_binlog(j.facts.evidence());
  if (!product.empty()) {
    j.add(code, "hoster", check_status::fail, product + " hands out no binlog",
          "it speaks MySQL's protocol, and there is nothing that tidewire could read here",
          {{kind::console, "use a hoster that has it: docs/checks_mysql.md lists them", false}});
    return;
  }
  detected_hoster found = hoster_of(j.facts, j.wishes);
  j.ok(code, "hoster", std::string(display_name(found.at)) + " (" + found.because + ")",
       std::string(note_about(found.at)));
}

void judge_version(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-VERSION";
  if (j.facts.version == 0) {
    j.unknown(code, "version", "the server does not report its version");
    return;
  }
  if (!version_supported(j.facts)) {
    j.add(code, "version", check_status::fail, version_text(j.facts),
          "changes are read from MySQL 5.7 and MariaDB 10.5 on",
          {{kind::console, "upgrade the server", false}});
    return;
  }
  bool old = j.facts.mariadb ? j.facts.version < 100600 : j.facts.version < 80400;
  j.ok(code, "version", version_text(j.facts),
       old ? "this version gets no fixes from its makers any more" : "");
}

/// What the account or the server demands.
std::string tls_duty(const check_facts& facts) {
  if (facts.is("require_secure_transport", "ON")) return "the server takes no other connections";
  bool by_grant = facts.rights && facts.rights->grants.requires_tls();
  if (by_grant || (facts.account_needs_tls && *facts.account_needs_tls)) return "the account needs it";
  return {};
}

void judge_tls(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-TLS";
  const connection_fact& how = j.facts.connection;
  bool local = how.is_socket || how.is_loopback;
  std::string note = tls_duty(j.facts);
  if (how.tls_version.empty()) {
    if (local) {
      j.ok(code, "TLS", how.is_socket ? "not needed (a Unix socket)" : "not used (this machine)", note);
      return;
    }
    j.add(code, "TLS", check_status::warn, "not encrypted (ssl-mode=" + how.tls_mode + ")",
          "everybody on the way can read the rows, and change them",
          {{kind::setting, "ssl-mode=verify-identity in the URL", false}});
    return;
  }
  std::string found = how.tls_version + ", ssl-mode=" + how.tls_mode;
  if (how.tls_mode == "verify-identity" || how.tls_mode == "verify-ca") {
    if (how.tls_mode == "verify-ca")
      note += std::string(note.empty() ? "" : "; ") + "the host's name is not compared with the certificate";
    j.ok(code, "TLS", found + ", authorities: " + (how.ca.empty() ? "none" : how.ca), note);
    return;
  }
  if (local) {
    j.ok(code, "TLS", found + ", not verified (this machine)", note);
    return;
  }
  std::string file = "ssl-ca=FILE";
  if (j.server.at == hoster::rds || j.server.at == hoster::aurora)
    file = "ssl-ca=global-bundle.pem (Amazon's)";
  bool google = j.server.at == hoster::cloud_sql;
  j.add(code, "TLS", check_status::warn, found + ": encrypted, but anybody may be at the other end", "",
        {{kind::setting,
          google ? "ssl-mode=verify-ca and ssl-ca=server-ca.pem (the instance's Connections page)"
                 : "ssl-mode=verify-identity, with " + file + " unless a public authority signed it",
          false}});
}

void judge_auth(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-AUTH";
  const std::string& plugin = j.facts.connection.auth_plugin;
  if (plugin.empty()) {
    j.unknown(code, "way to log in", "the server did not name it");
    return;
  }
  bool going = !j.facts.mariadb && plugin == "mysql_native_password";
  j.ok(code, "way to log in", plugin,
       going ? "MySQL 9 has it no more: caching_sha2_password before an upgrade" : "");
}

void judge_proxy(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-PROXY";
  std::string proxy = proxy_of(j.facts.evidence());
  bool differs = j.facts.account && j.facts.account->id_differs;
  if (proxy.empty() && !differs) {
    j.ok(code, "endpoint", "the server itself");
    return;
  }
  bool works = j.facts.registers && *j.facts.registers;
  j.add(code, "endpoint", works ? check_status::warn : check_status::fail,
        proxy.empty() ? "the connection that answers is not the one that the greeting named: a proxy" : proxy,
        "a proxy hands statements to whichever server it likes: the binlog is one server's own",
        {{kind::setting, "connect to the server's own host and port", false}});
}

void judge_replica(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-REPLICA";
  constexpr const char* title = "primary or replica";
  bool read_only = j.facts.is("read_only", "ON") || j.facts.is("read_only", "1");
  if (!j.facts.is_replica) {
    std::string right = !j.facts.mariadb            ? "REPLICATION CLIENT"
                        : j.facts.version >= 100509 ? "REPLICA MONITOR"
                                                    : "REPLICATION SLAVE ADMIN";
    j.unknown(code, title, j.facts.is_replica.missing,
              {{kind::sql, "GRANT " + right + " ON *.* TO " + j.account_sql() + ";", true}});
    return;
  }
  if (!*j.facts.is_replica) {
    if (!read_only) return void(j.ok(code, title, "primary"));
    j.add(code, title, check_status::warn, "read_only, and no replica of anything",
          "nothing changes here until it is switched off",
          {{kind::setting, "connect to the server that applications write to", false}});
    return;
  }
  check_fix instead{kind::setting, "connect to the primary", false};
  bool logs = j.facts.is("log_replica_updates", "ON") || j.facts.is("log_slave_updates", "ON");
  if (!logs) {
    std::string name = j.facts.setting("log_replica_updates") ? "log_replica_updates" : "log_slave_updates";
    std::vector<check_fix> fixes = j.set(name, "ON", true);
    fixes.insert(fixes.begin(), instead);
    j.add(code, title, check_status::fail, "a replica without " + name,
          "what it takes over from its source is not in its own binlog: such changes would never arrive",
          std::move(fixes));
    return;
  }
  bool gtids = j.facts.mariadb || j.facts.is("gtid_mode", "ON");
  j.add(code, title, check_status::warn, std::string("replica") + (read_only ? ", read_only" : ""),
        gtids ? "changes come as late as it is behind its source"
              : "changes come as late as it is behind its source, and without GTIDs positions are its own",
        {instead});
}

}  // namespace

void judge_connection(const judging& j) {
  judge_hoster(j);
  judge_version(j);
  judge_tls(j);
  judge_auth(j);
  judge_proxy(j);
  judge_replica(j);
}

std::vector<check_finding> judge_no_connection(const failure& why, const check_facts& facts,
                                               const check_wishes& wishes) {
  std::vector<check_finding> out;
  judging j{{out}, facts, wishes, kind_of(facts, wishes)};
  judge_hoster(j);
  std::vector<check_fix> fixes;
  if (!why.hint.empty()) fixes.push_back({kind::setting, why.hint, false});
  bool unencrypted = facts.connection.tls_mode == "disabled" || facts.connection.tls_mode == "preferred";
  if (why.code == "TW-AUTH-PASSWORD" && unencrypted && !facts.connection.is_socket)
    fixes.push_back({kind::setting, "ssl-mode=required in the URL, if the account takes TLS only", false});
  bool net = why.code.starts_with("TW-NET-");
  if (net && (j.server.at == hoster::rds || j.server.at == hoster::aurora))
    fixes.push_back({kind::console,
                     "the instance must be publicly accessible, or be reached from within its VPC; its "
                     "security group must let this address in",
                     false});
  if (net && j.server.at == hoster::azure)
    fixes.push_back(
        {kind::console, "the server's page, Networking: allow public access from this address", false});
  if (net && j.server.at == hoster::cloud_sql)
    fixes.push_back(
        {kind::console, "the instance's Connections page, Networking: authorise this address", false});
  j.add("TW-CHECK-MY-CONNECT", "connection", check_status::fail, why.what(),
        "nothing else can be looked at (" + why.code + ")", std::move(fixes));
  return out;
}

}  // namespace tidewire::binlog
