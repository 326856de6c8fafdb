// The judgement of the connection: who is at the other end, and how it is reached.
#include "pgoutput/check_judging.hpp"
#include "pgoutput/source.hpp"

namespace tidewire::pgoutput {
namespace {

using kind = check_fix::kind;

constexpr int oldest_maintained_major = 14;

const char* const pooler_why =
    "a pooler hands a connection to whichever server process is free: replication, and the settings that "
    "values are read under, need the server itself";

void judge_hoster(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-HOSTER";
  detected_hoster found = hoster_of(j.facts, j.wishes);
  std::string product = without_logical_replication(j.facts.evidence());
  if (!product.empty()) {
    j.add(code, "hoster", check_status::fail, product + " has no logical replication of Postgres",
          "there is nothing that tidewire could read here",
          {{kind::console, "use a hoster that has it: docs/checks.md lists them", false}});
    return;
  }
  j.ok(code, "hoster", std::string(display_name(found.at)) + " (" + found.because + ")",
       std::string(note_about(found.at)));
}

void judge_version(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-VERSION";
  if (j.facts.version == 0) {
    j.unknown(code, "version", "the server does not report its version");
    return;
  }
  if (j.facts.version < oldest_server_version) {
    j.add(code, "version", check_status::fail, j.facts.version_name, "tidewire reads Postgres 11 and newer",
          {{kind::console, "upgrade the server", false}});
    return;
  }
  std::string note;
  if (j.major() < oldest_maintained_major) note = "this major version gets no fixes from its makers any more";
  j.ok(code, "version", j.facts.version_name, note);
}

void judge_tls(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-TLS";
  const connection_fact& how = j.facts.connection;
  bool local = how.is_unix || how.is_loopback;
  if (how.tls_version.empty()) {
    if (local) {
      j.ok(code, "TLS", how.is_unix ? "not needed (a Unix socket)" : "not used (this machine)");
      return;
    }
    j.add(code, "TLS", check_status::warn, "not encrypted (sslmode=" + how.tls_mode + ")",
          "everybody on the way can read the rows, and change them",
          {{kind::setting, "sslmode=verify-full in the connection string", false}});
    return;
  }
  std::string found = how.tls_version + ", sslmode=" + how.tls_mode;
  if (how.tls_mode == "verify-full" || how.tls_mode == "verify-ca") {
    j.ok(code, "TLS", found + ", authorities: " + how.ca,
         how.tls_mode == "verify-ca" ? "the host's name is not compared with the certificate" : "");
    return;
  }
  if (local) {
    j.ok(code, "TLS", found + ", not verified (this machine)");
    return;
  }
  std::string file = "sslrootcert=FILE";
  if (j.at == hoster::rds || j.at == hoster::aurora) file = "sslrootcert=global-bundle.pem (Amazon's)";
  if (j.at == hoster::supabase) file = "sslrootcert=prod-ca-2021.crt (Database Settings, SSL)";
  if (j.at == hoster::cloud_sql) {
    j.add(code, "TLS", check_status::warn, found + ": encrypted, but anybody may be at the other end", "",
          {{kind::setting,
            "sslmode=verify-ca and sslrootcert=server-ca.pem (the instance's Connections page)", false}});
    return;
  }
  j.add(
      code, "TLS", check_status::warn, found + ": encrypted, but anybody may be at the other end", "",
      {{kind::setting, "sslmode=verify-full, with " + file + " unless a public authority signed it", false}});
}

void judge_pooler(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-POOLER";
  endpoint_kind endpoint = kind_of_endpoint(j.facts.evidence());
  bool works = j.facts.probe && j.facts.probe->works;
  if (endpoint.what.empty() && !j.facts.connection.process_id_differs) {
    j.ok(code, "endpoint", "the server itself");
    return;
  }
  std::string found = endpoint.what.empty()
                          ? "the process that answers is not the one that the login named: a pooler"
                          : endpoint.what;
  std::string instead = endpoint.instead.empty() ? "the server's own host and port" : endpoint.instead;
  bool sure = endpoint.certain || j.facts.connection.process_id_differs;
  j.add(code, "endpoint", sure && !works ? check_status::fail : check_status::warn, found, pooler_why,
        {{kind::setting, "connect to " + instead, false}});
}

void judge_standby(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-STANDBY";
  if (!j.facts.server) {
    j.unknown(code, "primary or standby", j.facts.server.missing);
    return;
  }
  if (!j.facts.server->in_recovery) {
    j.ok(code, "primary or standby", "primary");
    return;
  }
  bool aws = j.at == hoster::rds || j.at == hoster::aurora;
  std::string instead = aws ? "connect to the instance's or cluster's writer endpoint"
                            : "connect to the primary: target_session_attrs=primary, with all hosts named";
  if (j.major() < 16) {
    j.add(code, "primary or standby", check_status::fail, "standby",
          "a standby hands out logical changes from Postgres 16 on", {{kind::setting, instead, false}});
    return;
  }
  const setting_fact* feedback = j.facts.setting("hot_standby_feedback");
  std::vector<check_fix> fixes{{kind::setting, instead, false}};
  std::string why = "publications and roles are made on the primary";
  if (feedback && feedback->value != "on") {
    why += "; without hot_standby_feedback a vacuum there can invalidate the slot";
    for (check_fix& fix : setting_fixes(j.at, "hot_standby_feedback", "on", false))
      fixes.push_back(std::move(fix));
  }
  j.add(code, "primary or standby", check_status::warn, "standby", why, std::move(fixes));
}

void judge_encoding(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-ENCODING";
  if (!j.facts.server) {
    j.unknown(code, "server_encoding", j.facts.server.missing);
    return;
  }
  const std::string& encoding = j.facts.server->encoding;
  if (encoding == "SQL_ASCII") {
    j.add(code, "server_encoding", check_status::warn, encoding,
          "such a database vouches for no encoding: texts that are not UTF-8 are written as {\"hex\":…}, and "
          "names of columns that are not end the stream",
          {{kind::console, "dump and restore into a database in UTF8", false}});
    return;
  }
  j.ok(code, "server_encoding", encoding);
}

}  // namespace

void judge_connection(const judging& j) {
  judge_hoster(j);
  judge_version(j);
  judge_tls(j);
  judge_pooler(j);
  judge_standby(j);
  judge_encoding(j);
}

std::vector<check_finding> judge_no_connection(const failure& why, const check_facts& facts,
                                               const check_wishes& wishes) {
  std::vector<check_finding> out;
  judging j{{out}, facts, wishes, hoster_of(facts, wishes).at};
  judge_hoster(j);
  endpoint_kind endpoint = kind_of_endpoint(facts.evidence());
  std::string text = why.what();
  // What PgBouncer, Supavisor and their like say to our start-up options.
  bool refused = text.find("unsupported startup parameter") != text.npos;
  if (why.code == "TW-PG-SETTINGS" || refused || endpoint.certain) {
    std::string found =
        endpoint.what.empty() ? "a pooler: it does not pass on our start-up settings" : endpoint.what;
    std::string instead = endpoint.instead.empty() ? "the server's own host and port" : endpoint.instead;
    j.add("TW-CHECK-PG-POOLER", "endpoint", check_status::fail, found, pooler_why,
          {{kind::setting, "connect to " + instead, false}});
  }
  std::vector<check_fix> fixes;
  if (!why.hint.empty()) fixes.push_back({kind::setting, why.hint, false});
  if (facts.connection.host.ends_with(".supabase.co") && why.code.starts_with("TW-NET-"))
    fixes.push_back(
        {kind::console, "Supabase's direct host is IPv6 only: use IPv6, or buy the IPv4 add-on", false});
  if (j.at == hoster::rds && why.code.starts_with("TW-NET-"))
    fixes.push_back(
        {kind::console,
         "the instance must be publicly accessible, or be reached from within its VPC; its security "
         "group must let this address in",
         false});
  if (j.at == hoster::azure && why.code.starts_with("TW-NET-"))
    fixes.push_back(
        {kind::console, "the server's page, Networking: allow public access from this address", false});
  j.add("TW-CHECK-PG-CONNECT", "connection", check_status::fail, text,
        "nothing else can be looked at (" + why.code + ")", std::move(fixes));
  return out;
}

}  // namespace tidewire::pgoutput
