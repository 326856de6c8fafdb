// The judgement of the connection: whose server it is, how it is reached, and why it is not.
#include <algorithm>
#include <array>

#include "mongo_wire/check_judging.hpp"

namespace tidewire::mongo_wire {
namespace {

using kind = check_fix::kind;

/// What speaks MongoDB's protocol and is something else, by its hosts' names.
std::string other_product(const check_facts& facts) {
  constexpr std::array products{
      std::pair{".docdb.amazonaws.com", "Amazon DocumentDB"},
      std::pair{".mongo.cosmos.azure.com", "Azure Cosmos DB"},
      std::pair{".mongocluster.cosmos.azure.com", "Azure DocumentDB"},
      std::pair{".firestore.goog", "Google Firestore"},
  };
  for (const std::vector<std::string>* hosts : {&facts.connection.named, &facts.hello.hosts})
    for (const std::string& each : *hosts) {
      std::string_view name = std::string_view(each).substr(0, each.rfind(':'));
      for (auto [ending, product] : products)
        if (name.ends_with(ending)) return product;
    }
  return "";
}

void judge_tls(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-TLS";
  const connection_info& how = j.facts.connection;
  if (how.tls_version.empty()) {
    if (how.local) {
      j.ok(code, "TLS", "not used (this machine)");
      return;
    }
    j.add(code, "TLS", check_status::warn, "not encrypted",
          "everybody on the way can read the documents, and change them",
          {{kind::setting, "tls=true in the connection string", false}});
    return;
  }
  std::string without = how.any_certificate ? "tlsAllowInvalidCertificates" : "tlsAllowInvalidHostnames";
  if (!how.any_certificate && !how.any_host_name) {
    j.ok(code, "TLS", how.tls_version + ", authorities: " + how.ca);
    return;
  }
  if (how.local) {
    j.ok(code, "TLS", how.tls_version + ", not fully verified (" + without + "; this machine)");
    return;
  }
  j.add(code, "TLS", check_status::warn,
        how.tls_version + ", " + without + ": encrypted, but anybody may be at the other end", "",
        {{kind::setting,
          "leave out tlsInsecure, tlsAllowInvalidCertificates and tlsAllowInvalidHostnames; tlsCAFile=FILE "
          "names the authority, unless a public one signed it",
          false}});
}

std::string hosts_text(const check_facts& facts) {
  std::string text;
  for (const seen_server& each : facts.connection.seen)
    text += (text.empty() ? "" : "; ") + each.host + ": " + each.said;
  return text;
}

bool saw(const check_facts& facts, server_kind kind) {
  return std::ranges::any_of(facts.connection.seen,
                             [&](const seen_server& each) { return each.kind == kind; });
}

/// What Atlas does to an address that is not on its list, seen from here: silence, or a handshake that ends.
bool looks_like_access_list(const failure& why, const check_facts& facts) {
  if (why.code.starts_with("TW-NET-") && why.code != "TW-NET-DNS") return true;
  if (why.code == "TW-TLS-BROKEN" || why.code == "TW-TLS-HANDSHAKE") return true;
  return why.code == "TW-MONGO-NO-HOST" && !saw(facts, server_kind::primary) &&
         !saw(facts, server_kind::secondary);
}

std::vector<check_fix> login_fixes(const judging& j) {
  const connection_info& how = j.facts.connection;
  std::vector<check_fix> fixes;
  if (j.at == hoster::atlas) {
    fixes.push_back({kind::console,
                     "Security, Database Access: the user must be there, under that name, with a password "
                     "(not the account of the Atlas pages)",
                     false});
    return fixes;
  }
  if (how.auth_source != "admin")
    fixes.push_back(
        {kind::setting, "authSource=admin, if the user was created in the database admin", false});
  fixes.push_back({kind::sql,
                   shell_database(how.auth_source) + ".changeUserPassword(" + shell_text(how.user) +
                       ", passwordPrompt());",
                   false});
  return fixes;
}

void judge_not_initiated(const judging& j) {
  j.add("TW-CHECK-MO-REPLICA-SET", "replica set", check_status::fail,
        "the server was started as a member of a set, and the set does not exist yet",
        "without it the server takes neither writes nor users", {{kind::sql, "rs.initiate();", false}});
}

/// The hosts answered, and said that they belong to something else.
void judge_wrong_set(const judging& j) {
  const std::string& name = j.facts.connection.replica_set;
  j.add("TW-CHECK-MO-REPLICA-SET", "replica set", check_status::fail,
        "none of the hosts that are named is a member of the replica set " + name, "",
        {{kind::setting, "replicaSet=NAME with the set's own name (rs.conf()._id), or without replicaSet",
          false},
         {kind::shell,
          "where the server belongs to none: mongod --replSet " + name +
              " (replication.replSetName in mongod.conf), restart, rs.initiate()",
          false}});
}

}  // namespace

bool srv_failed(const check_facts& facts) {
  return facts.connection.srv && !facts.connection.srv_hosts &&
         facts.connection.srv_hosts.missing != asked<bool>{}.missing;
}

void judge_hoster(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-HOSTER";
  std::string product = other_product(j.facts);
  if (!product.empty()) {
    j.add(code, "hoster", check_status::warn, product,
          "it speaks MongoDB's protocol and is another database: its change streams differ, and are not "
          "tested here",
          {{kind::console, "use MongoDB 6.0 or newer, or look closely at what you get", false}});
    return;
  }
  std::string because = j.wishes.at ? " (--hoster)" : j.at == hoster::atlas ? " (its hosts' names)" : "";
  j.ok(code, "hoster", std::string(display_name(j.at)) + because);
}

void judge_srv(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-SRV";
  const connection_info& how = j.facts.connection;
  if (!how.srv || (!how.srv_hosts && !srv_failed(j.facts))) return;
  if (how.srv_hosts) {
    j.ok(code, "SRV records", first_of(*how.srv_hosts, how.srv_hosts->size()));
    return;
  }
  std::vector<check_fix> fixes{
      {kind::setting, "check the name: it is the one that Connect, Drivers shows, without a port", false},
      {kind::setting,
       "mongodb:// with the hosts themselves, tls=true and replicaSet, where the DNS has no SRV records",
       false}};
  j.add(
      code, "SRV records", check_status::fail, how.srv_hosts.missing,
      "mongodb+srv:// asks the DNS for the hosts (SRV) and for options (TXT); nothing else can be looked at",
      std::move(fixes));
}

void judge_connection(const judging& j) {
  judge_hoster(j);
  judge_srv(j);
  judge_tls(j);
}

std::vector<check_finding> judge_no_connection(const failure& why, const check_facts& facts,
                                               const check_wishes& wishes) {
  std::vector<check_finding> out;
  judging j{{out}, facts, wishes, hoster_of(facts, wishes)};
  judge_hoster(j);
  judge_srv(j);
  if (srv_failed(facts)) return out;
  if (why.code == "TW-MONGO-VERSION") {
    j.add("TW-CHECK-MO-VERSION", "version", check_status::fail, why.what(),
          "tidewire reads MongoDB 6.0 and newer", {{kind::console, "upgrade the server", false}});
    return out;
  }
  if (saw(facts, server_kind::ghost))
    judge_not_initiated(j);
  else if (why.code == "TW-MONGO-NO-HOST" && facts.connection.seen.empty() &&
           !facts.connection.replica_set.empty())
    judge_wrong_set(j);
  std::vector<check_fix> fixes;
  if (!why.hint.empty()) fixes.push_back({kind::setting, why.hint, false});
  // "bad auth" is how Atlas' proxies say it, under a number of their own.
  if (why.code == "TW-AUTH-PASSWORD" ||
      std::string_view(why.what()).find("bad auth") != std::string_view::npos)
    for (check_fix& each : login_fixes(j)) fixes.push_back(std::move(each));
  if (j.at == hoster::atlas && looks_like_access_list(why, facts)) {
    fixes.insert(fixes.begin(),
                 {kind::console,
                  "Security, Network Access: add the address that this machine has in the internet to the IP "
                  "access list; Atlas drops or cuts off the connections of all others",
                  false});
    fixes.push_back({kind::console, "Clusters: a paused cluster does not answer either; Resume", false});
  } else if (j.at == hoster::self_hosted && why.code.starts_with("TW-NET-") && why.code != "TW-NET-DNS") {
    fixes.push_back({kind::shell,
                     "net.bindIp in mongod.conf must have an address that leads here; firewalls too", false});
  }
  if (!facts.connection.tls_wanted && why.code == "TW-NET-CLOSED")
    fixes.push_back({kind::setting, "tls=true, if the server takes encrypted connections only", false});
  std::string text = why.what();
  if (std::string hosts = hosts_text(facts); text.find("; ") == text.npos && facts.connection.seen.size() > 1)
    text += " (" + hosts + ")";
  j.add("TW-CHECK-MO-CONNECT", "connection", check_status::fail, text,
        "nothing else can be looked at (" + why.code + ")", std::move(fixes));
  return out;
}

}  // namespace tidewire::mongo_wire
