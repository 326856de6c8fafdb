#include "wire/connection_string.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <map>
#include <unistd.h>

#include "core/failure.hpp"

using namespace tidewire;
using namespace tidewire::wire;

namespace {

using variables = std::map<std::string, std::string, std::less<>>;

/// A machine with these variables and files and nothing else.
connection_sources machine(variables vars = {}, variables files = {}) {
  connection_sources from;
  from.variable = [vars = std::move(vars)](std::string_view name) -> std::optional<std::string> {
    auto found = vars.find(name);
    return found == vars.end() ? std::nullopt : std::optional(found->second);
  };
  from.file_exists = [files](const std::string& path) { return files.contains(path); };
  from.read_file = [files](const std::string& path) -> std::optional<std::string> {
    auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  from.user_id = 1000;
  from.sysconfdir = "/sys";
  return from;
}

connection_options parse(std::string_view text, variables vars = {}, variables files = {}) {
  vars.try_emplace("USER", "me");
  return parse_connection_string(text, machine(std::move(vars), std::move(files)));
}

/// The failure's text and hint, or "no failure".
template <class F>
std::string failure_of(F&& action) {
  try {
    action();
  } catch (const failure& f) {
    CHECK(f.code == "TW-USAGE-CONNECTION-STRING");
    CHECK(f.kind == failure_kind::usage);
    return f.hint.empty() ? std::string(f.what()) : fmt::format("{} | {}", f.what(), f.hint);
  }
  return "no failure";
}

struct text_case {
  std::string_view input;
  std::string_view wanted;
};

/// One line a host: host, address, port, u for a Unix socket.
std::string hosts_of(const connection_options& of) {
  std::string out;
  for (const auto& h : of.hosts)
    out +=
        fmt::format("{}{}/{}/{}{}", out.empty() ? "" : " ", h.host, h.hostaddr, h.port, h.is_unix ? "u" : "");
  return out;
}

}  // namespace

TEST_CASE("Every cut of a connection string is read or refused", "[connection_string]") {
  for (std::string_view whole :
       {std::string_view("postgresql://ann:p%40w@[::1]:6000,b:1/sh%20op?sslmode=require&hostaddr=::1,::2"),
        std::string_view("host = 'a b' port=6000 user=a\\'b password = '\\'x' require_auth=!md5,!none")})
    for (std::size_t n = 0; n < whole.size(); ++n) {
      INFO(whole.substr(0, n));
      try {
        parse(whole.substr(0, n));
      } catch (const failure& f) {
        CHECK(f.code == "TW-USAGE-CONNECTION-STRING");
      }
    }
}

TEST_CASE("No failure shows what may be a password", "[connection_string]") {
  for (std::string_view text : {"postgresql://ann:hunter2%zz@db",
                                "postgresql://ann:hunter2 x@db",
                                "postgresql://ann:a/hunter2?hunter2=b@db",
                                "postgresql://ann:a/hunter2?hunter2@db",
                                "postgresql://ann:hunter2/x@db",
                                "password=a hunter2=b",
                                "password=my hunter2",
                                "password='hunter2",
                                "password=hunter2 prot=1",
                                "passwort=hunter2",
                                "postgresql://db?passwort=hunter2",
                                "postgresql://db?password=x&port=hunter2",
                                "host=db sslmode=hunter2",
                                "host=db connect_timeout=hunter2",
                                "host=db require_auth=hunter2",
                                "hunter2",
                                "postgresql://[hunter2",

                                "password=hunter2 hostaddr=hunter2",
                                "password=hunter2 client_encoding=hunter2",
                                "password=hunter2 port=1,2"}) {
    INFO(text);
    std::string shown = failure_of([&] { parse(text); });
    CHECK(shown != "no failure");
    CHECK(!shown.contains("hunter2"));
  }
}

TEST_CASE("Hosts, addresses and ports", "[connection_string]") {
  const text_case cases[] = {
      {"", "/var/run/postgresql//5432u"},
      {"host=db", "db//5432"},
      {"host=/run/pg port=6000", "/run/pg//6000u"},
      {"host=@abstract", "@abstract//5432u"},
      {"hostaddr=192.0.2.1", "/192.0.2.1/5432"},
      {"host=/run/pg hostaddr=192.0.2.1", "/run/pg/192.0.2.1/5432"},
      {"host=a,b,c", "a//5432 b//5432 c//5432"},
      {"host=a,b,c port=6000", "a//6000 b//6000 c//6000"},
      {"host=a,b,c port=1,,3", "a//1 b//5432 c//3"},
      {"host=a,,c", "a//5432 /var/run/postgresql//5432u c//5432"},
      {"host=a,b hostaddr=,192.0.2.1", "a//5432 b/192.0.2.1/5432"},
      {"hostaddr=192.0.2.1,fe80::1%eth0", "/192.0.2.1/5432 /fe80::1%eth0/5432"},
      {"host='' hostaddr='' port=''", "/var/run/postgresql//5432u"},
      {"postgresql://a,b:6000", "a//5432 b//6000"},
      {"postgresql://:1,:2", "/var/run/postgresql//1u /var/run/postgresql//2u"},
      {"port=00001", "/var/run/postgresql//1u"},
  };
  for (const auto& c : cases) {
    INFO(c.input);
    CHECK(hosts_of(parse(c.input)) == c.wanted);
  }
  const text_case bad[] = {
      {"host=a,b,c port=1,2", "port has 2 entries for 3 hosts"},
      {"host=a port=1,2", "port has 2 entries for 1 hosts"},
      {"host=a,b hostaddr=::1", "hostaddr has 1 entries for the 2 of host"},
      {"hostaddr=localhost", "hostaddr must be an IP address (entry 1)"},
      {"hostaddr=::1,1.2.3", "hostaddr must be an IP address (entry 2)"},
      {"port=0", "position 1: port must be a number from 1 to 65535 (entry 1)"},
      {"port=65536", "port must be a number"},
      {"port=-1", "port must be a number"},
      {"port=1x", "port must be a number"},
      {"host=a,b port=1,x", "(entry 2)"},
  };
  for (const auto& c : bad) {
    INFO(c.input);
    CHECK(failure_of([&] { parse(c.input); }).contains(c.wanted));
  }
  CHECK(parse("host=" + std::string(max_hosts - 1, ',')).hosts.size() == max_hosts);
  CHECK(failure_of([] { parse("host=" + std::string(max_hosts, ',')); }).contains("too many hosts"));
}

TEST_CASE("Values of every kind", "[connection_string]") {
  auto o = parse(
      "user=ann password=pw dbname=shop passfile=/p sslmode=verify-ca sslnegotiation=direct sslcert=/c "
      "sslkey=/k "
      "sslpassword=kp sslcertmode=require sslrootcert=/r sslcrl=/l sslcrldir=/ld sslsni=0 "
      "ssl_min_protocol_version=tlsv1.2 ssl_max_protocol_version=TLSv1.3 channel_binding=require "
      "requirepeer=postgres gssencmode=prefer connect_timeout=' 10 ' keepalives=0 keepalives_idle=1 "
      "keepalives_interval=+2 keepalives_count=-3 tcp_user_timeout=4000 application_name=tw "
      "fallback_application_name=ftw options='-c a=b' client_encoding=utf8 min_protocol_version=3.0 "
      "max_protocol_version=latest replication=database target_session_attrs=prefer-standby "
      "load_balance_hosts=random require_auth=scram-sha-256,none");
  CHECK(o.user == "ann");
  CHECK(o.password.reveal() == "pw");
  CHECK(o.dbname == "shop");
  CHECK(o.passfile == "/p");
  CHECK(o.sslmode == sslmode::verify_ca);
  CHECK(o.sslnegotiation == sslnegotiation::direct);
  CHECK(o.sslpassword.reveal() == "kp");
  CHECK(o.sslcertmode == sslcertmode::require);
  CHECK((o.sslcert + o.sslkey + o.sslrootcert + o.sslcrl + o.sslcrldir) == "/c/k/r/l/ld");
  CHECK(!o.sslsni);
  CHECK(o.ssl_min_protocol_version == tls_version::v1_2);
  CHECK(o.ssl_max_protocol_version == tls_version::v1_3);
  CHECK(o.channel_binding == channel_binding::require);
  CHECK(o.requirepeer == "postgres");
  CHECK(o.gssencmode == gssencmode::prefer);
  CHECK(o.connect_timeout_s == 10);
  CHECK(!o.keepalives);
  CHECK(o.keepalives_idle_s == 1);
  CHECK(o.keepalives_interval_s == 2);
  CHECK(o.keepalives_count == 0);
  CHECK(o.tcp_user_timeout_ms == 4000);
  CHECK((o.application_name + o.fallback_application_name + o.options) == "twftw-c a=b");
  CHECK(o.min_protocol_version == protocol_version::v3_0);
  CHECK(o.max_protocol_version == protocol_version::v3_2);
  CHECK(o.target_session_attrs == target_session_attrs::prefer_standby);
  CHECK(o.load_balance_hosts == load_balance_hosts::random);
  CHECK(o.require_auth->allows(auth_method::scram_sha_256));
  CHECK(o.require_auth->allows(auth_method::none));
  CHECK(!o.require_auth->allows(auth_method::md5));
  CHECK(o.password_in_string);
  CHECK(o.ignored.empty());

  auto not_md5 = parse("require_auth=!md5,!password").require_auth.value();
  CHECK(!not_md5.allows(auth_method::md5));
  CHECK(!not_md5.allows(auth_method::password));
  CHECK(not_md5.allows(auth_method::none));
  CHECK(not_md5.allows(auth_method::scram_sha_256));
  CHECK(!parse("require_auth=''").require_auth);
}

TEST_CASE("Values that are refused", "[connection_string]") {
  const text_case cases[] = {
      {"sslmode=requre",
       "position 1: sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full"},
      {"sslmode=''", "sslmode must be one of"},
      {"sslmode=Require", "sslmode must be one of"},
      {"sslrootcert=system sslmode=require", "position 20: sslmode is too weak for sslrootcert=system"},
      {"sslnegotiation=direct sslmode=prefer", "sslmode is too weak for sslnegotiation=direct"},
      {"sslnegotiation=x", "must be one of postgres, direct"},
      {"sslcertmode=x", "must be one of disable, allow, require"},
      {"sslsni=2", "must be one of 0, 1"},
      {"ssl_min_protocol_version=TLSv2", "must be one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"},
      {"ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
       "is above ssl_max_protocol_version"},
      {"min_protocol_version=3.1", "must be 3.0, 3.2 or latest"},
      {"min_protocol_version=3.2 max_protocol_version=3.0", "is above max_protocol_version"},
      {"channel_binding=on", "must be one of disable, prefer, require"},
      {"require_auth=md5,!none", "mixes methods"},
      {"require_auth=!md5,none", "mixes methods"},
      {"require_auth=md5,md5", "names md5 twice"},
      {"require_auth=md5,", "must be a list of none, password"},
      {"require_auth=scram", "must be a list of none, password"},
      {"require_auth=gss,sspi,oauth", "leaves no method that tidewire has"},
      {"require_auth=!none,!password,!md5,!scram-sha-256", "leaves no method that tidewire has"},
      {"gssencmode=require", "gssencmode =require is not supported: tidewire has no GSSAPI"},
      {"gssencmode=x", "must be one of disable, prefer"},
      {"connect_timeout=''", "must be a whole number"},
      {"connect_timeout=1.5", "must be a whole number"},
      {"connect_timeout=+-1", "must be a whole number"},
      {"connect_timeout=99999999999", "must be a whole number"},
      {"keepalives=yes", "must be a whole number"},
      {"client_encoding=LATIN1", "must be UTF8 or auto"},
      {"replication=true", "replication is set by tidewire itself"},
      {"target_session_attrs=master", "must be one of any, read-write"},
      {"load_balance_hosts=yes", "must be one of disable, random"},
  };
  for (const auto& c : cases) {
    INFO(c.input);
    CHECK(failure_of([&] { parse(c.input); }).contains(c.wanted));
  }
}

TEST_CASE("The environment fills what the string leaves open", "[connection_string]") {
  auto o = parse("host=db port=1", {{"PGHOST", "other"},
                                    {"PGPORT", "2"},
                                    {"PGUSER", "ann"},
                                    {"PGPASSWORD", "pw"},
                                    {"PGDATABASE", "shop"},
                                    {"PGSSLMODE", "verify-full"},
                                    {"PGAPPNAME", "app"},
                                    {"PGCONNECT_TIMEOUT", "5"},
                                    {"PGREQUIREAUTH", "scram-sha-256"},
                                    {"PGTARGETSESSIONATTRS", "primary"},
                                    {"PGMAXPROTOCOLVERSION", "3.2"},
                                    {"PGKRBSRVNAME", "k"},
                                    {"PGTZ", "Mars"}});
  CHECK(hosts_of(o) == "db//1");
  CHECK(o.user == "ann");
  CHECK(o.password.reveal() == "pw");
  CHECK(o.dbname == "shop");
  CHECK(o.sslmode == sslmode::verify_full);
  CHECK(o.application_name == "app");
  CHECK(o.connect_timeout_s == 5);
  CHECK(o.require_auth->allows(auth_method::scram_sha_256));
  CHECK(o.target_session_attrs == target_session_attrs::primary);
  CHECK(o.max_protocol_version == protocol_version::v3_2);
  CHECK(o.ignored == std::vector<std::string>{"krbsrvname", "PGTZ"});
  CHECK(!o.password_in_string);

  // Given empty in the string is given; a URI without a host gives none.
  CHECK(hosts_of(parse("host=''", {{"PGHOST", "db"}})) == "/var/run/postgresql//5432u");
  CHECK(hosts_of(parse("postgresql://", {{"PGHOST", "db"}})) == "db//5432");
  CHECK(hosts_of(parse("postgresql://a", {{"PGPORT", "7"}, {"PGHOSTADDR", "::1"}})) == "a/::1/7");
  CHECK(parse("", {{"PGREQUIRESSL", "1"}}).sslmode == sslmode::require);
  CHECK(!parse("", {{"PGREQUIRESSL", "0"}}).sslmode);
  CHECK(parse("", {{"PGREQUIRESSL", "1"}, {"PGSSLMODE", "allow"}}).sslmode == sslmode::allow);

  CHECK(failure_of([] {
          parse("", {{"PGPORT", "hunter2"}});
        }).starts_with("environment variable PGPORT: port must be a number"));
  CHECK(failure_of([] { parse("sslmode=prefer", {{"PGSSLROOTCERT", "system"}}); }).contains("too weak"));
}

TEST_CASE("Defaults", "[connection_string]") {
  auto user = [](variables vars, variables files) {
    return parse_connection_string("", machine(std::move(vars), std::move(files)));
  };
  std::string passwd =
      "root:x:0:0::/:/bin/sh\n:x:1000::\nbroken\nx:1000\nana:x:1000:1000:Ana:/home/ana:/bin/sh\n";
  CHECK(user({{"USER", "env"}}, {{"/etc/passwd", passwd}}).user == "ana");
  CHECK(user({{"USER", "env"}, {"LOGNAME", "log"}}, {}).user == "env");
  CHECK(user({{"USER", ""}, {"LOGNAME", "log"}}, {{"/etc/passwd", "a:x:1:"}}).user == "log");
  CHECK(user({}, {{"/etc/passwd", "end:x:1000"}}).user == "end");
  CHECK(failure_of([&] { user({}, {}); }).contains("no user name"));

  CHECK(parse("").dbname == "me");
  CHECK(parse("user=ann").dbname == "ann");
  CHECK(parse("user='' dbname=''").dbname == "me");
  CHECK(parse("").passfile.empty());
  CHECK(parse("", {{"HOME", "/h"}}).passfile == "/h/.pgpass");
  CHECK(parse("", {{"HOME", "/h"}, {"PGPASSFILE", "/p"}}).passfile == "/p");

  variables pki{{"/h/.postgresql/postgresql.crt", ""},
                {"/h/.postgresql/postgresql.key", ""},
                {"/h/.postgresql/root.crt", ""},
                {"/h/.postgresql/root.crl", ""}};
  auto o = parse("", {{"HOME", "/h"}}, pki);
  CHECK(o.sslcert == "/h/.postgresql/postgresql.crt");
  CHECK(o.sslkey == "/h/.postgresql/postgresql.key");
  CHECK(o.sslrootcert == "/h/.postgresql/root.crt");
  CHECK(o.sslcrl == "/h/.postgresql/root.crl");
  o = parse("sslcrldir=/d sslrootcert=system sslcert=/c", {{"HOME", "/h"}}, pki);
  CHECK(o.sslcrl.empty());
  CHECK(o.sslrootcert == "system");
  CHECK(o.sslcert == "/c");
  CHECK(parse("", {{"HOME", "/h"}}).sslrootcert.empty());
}

TEST_CASE("A service stands between string and environment", "[connection_string]") {
  variables files{{"/h/.pg_service.conf", "[s]\nhost=service\nport=7\npassword=pw\nsslmode=requre\n"}};
  auto o = parse("host=string sslmode=allow",
                 {{"HOME", "/h"}, {"PGSERVICE", "s"}, {"PGPORT", "8"}, {"PGUSER", "env"}}, files);
  CHECK(hosts_of(o) == "string//7");
  CHECK(o.user == "env");
  CHECK(o.password.reveal() == "pw");
  CHECK(o.service == "s");
  CHECK(!o.password_in_string);
  CHECK(failure_of([&] {
          parse("service=s", {{"HOME", "/h"}}, files);
        }).starts_with("/h/.pg_service.conf, line 5: sslmode must be one of"));
}

TEST_CASE("This process's own sources", "[connection_string]") {
  auto from = process_sources();
  CHECK(from.user_id == ::geteuid());
  CHECK(!from.variable("TIDEWIRE_NO_SUCH_VARIABLE"));
  CHECK(!from.read_file("/"));
  CHECK(!from.read_file("/nonexistent"));
  CHECK(!from.read_file("/dev/zero"));
  CHECK(!from.file_exists("/nonexistent"));
  std::string name = (std::filesystem::temp_directory_path() / "tidewire-service-XXXXXX").string();
  int fd = ::mkstemp(name.data());
  REQUIRE(fd >= 0);
  ::close(fd);
  std::ofstream(name) << "[s]\nhost=filed\n";
  CHECK(from.file_exists(name));
  from.variable = [](std::string_view) { return std::optional<std::string>(); };
  CHECK(hosts_of(parse_connection_string("user=u service=s servicefile=" + name, from)) == "filed//5432");
  ::unlink(name.c_str());
}

TEST_CASE("Parameters without effect are reported", "[connection_string]") {
  auto o = parse(
      "krbsrvname=a gsslib=b gssdelegation=1 oauth_issuer=c oauth_client_id=d oauth_client_secret=e "
      "oauth_scope=f "
      "scram_client_key=g scram_server_key=h sslcompression=0 sslkeylogfile=i");
  CHECK(o.ignored.size() == 11);
  CHECK(o.password_in_string);
  CHECK(!parse("oauth_issuer=c").password_in_string);
  CHECK(parse("postgresql://u:p@h?password=").password_in_string);
  CHECK(!parse("postgresql://u:@h").password_in_string);
}

TEST_CASE("How TLS is asked for", "[connection_string]") {
  struct mode_case {
    std::string_view input;
    bool ca_found;
    sslmode wanted;
  };
  using enum sslmode;
  const mode_case cases[] = {
      {"host=db.example", true, verify_full},
      {"host=db.example", false, require},
      {"host=db.example sslrootcert=/r", false, verify_full},
      {"host=db.example sslrootcert=system", false, verify_full},
      {"host=db.example sslmode=prefer", true, prefer},
      {"host=db.example sslmode=require", true, require},
      {"host=db.example sslmode=require sslrootcert=/r", true, verify_ca},
      {"host=/run/pg", true, disable},
      {"host=/run/pg sslrootcert=system", true, disable},
      {"host=/run/pg sslmode=require", true, require},
      {"host=localhost", true, prefer},
      {"host=LOCALHOST", true, prefer},
      {"host=127.9.9.9", true, prefer},
      {"host=::1", true, prefer},
      {"hostaddr=127.0.0.1", true, prefer},
      {"host=localhost sslrootcert=system", true, verify_full},
      {"host=localhost sslnegotiation=direct", true, require},
      {"host=127.0.0.1.example", true, verify_full},
      {"host=localhost.example", true, verify_full},
      {"host=::2", true, verify_full},
      {"host=localhost hostaddr=192.0.2.1", true, verify_full},
      {"host=db.example hostaddr=::ffff:127.0.0.1", true, prefer},
  };
  for (const auto& c : cases) {
    INFO(c.input);
    auto o = parse(c.input);
    CHECK(to_string(effective_sslmode(o, o.hosts.front(), c.ca_found)) == to_string(c.wanted));
  }
  auto warning = [](std::string_view text, bool found) {
    auto o = parse(text);
    return sslmode_warning(o, o.hosts.front(), found);
  };
  CHECK(warning("host=db.example", false).contains("db.example"));
  CHECK(warning("host=db.example", true).empty());
  CHECK(warning("host=db.example sslmode=require", false).empty());
  CHECK(warning("host=localhost sslnegotiation=direct", false).empty());
  CHECK(warning("", false).empty());
}

TEST_CASE("The redacted form is complete but for secrets", "[connection_string]") {
  const text_case cases[] = {
      {"postgresql://ann:pw@db/shop?sslpassword=x", "postgresql://ann@db:5432/shop"},
      {"", "postgresql://me@%2Fvar%2Frun%2Fpostgresql:5432/me"},
      {"host=::1,b port=1,2 hostaddr=,192.0.2.1", "postgresql://me@[::1]:1,b:2/me?hostaddr=,192.0.2.1"},
      {"user='a@b:c/d' password=x dbname='x?y z'",
       "postgresql://a%40b%3Ac%2Fd@%2Fvar%2Frun%2Fpostgresql:5432/x%3Fy%20z"},
      {"hostaddr=fe80::1%eth0", "postgresql://me@:5432/me?hostaddr=fe80::1%25eth0"},
  };
  for (const auto& c : cases) {
    INFO(c.input);
    CHECK(redacted(parse(c.input)) == c.wanted);
  }
  auto o = parse(
      "host=a,/s,[x password=pw passfile='/p q' sslmode=verify-full sslnegotiation=direct sslcert=/c "
      "sslkey=/k "
      "sslpassword=kp sslcertmode=allow sslrootcert=system sslcrl=/l sslcrldir=/ld sslsni=0 "
      "ssl_min_protocol_version=TLSv1.2 ssl_max_protocol_version=TLSv1.3 channel_binding=disable "
      "require_auth=!md5 requirepeer=p gssencmode=disable connect_timeout=1 keepalives=0 keepalives_idle=1 "
      "keepalives_interval=2 keepalives_count=3 tcp_user_timeout=4 application_name=\xC3\xA9 "
      "fallback_application_name=f options='-c a=b&c' min_protocol_version=3.0 max_protocol_version=3.2 "
      "target_session_attrs=read-only load_balance_hosts=random krbsrvname=x");
  auto again = parse(redacted(o));
  CHECK(redacted(o) == redacted(again));
  CHECK(again.password.empty());
  o.password = o.sslpassword = {};
  o.ignored.clear();
  o.password_in_string = false;
  CHECK(o == again);
}
