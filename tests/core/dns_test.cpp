#include "core/dns.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>

#include "core/dns_records.hpp"
#include "core/failure.hpp"
#include "tests/core/test_name_server.hpp"

using namespace std::chrono_literals;
using namespace tidewire::testing;
using tidewire::dns_options;
using tidewire::failure;
using tidewire::resolve;
using tidewire::resolve_srv;
using tidewire::resolve_txt;
using tidewire::socket_address;

namespace {

std::chrono::steady_clock::time_point in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

std::vector<std::string> texts(const std::vector<socket_address>& addresses) {
  std::vector<std::string> found;
  for (const socket_address& each : addresses) found.push_back(each.text);
  return found;
}

std::string why_not(const std::string& host, const dns_options& options, std::chrono::milliseconds time = 5s,
                    const std::stop_token& stop = {}) {
  try {
    resolve(host, 1, in(time), stop, options);
  } catch (const failure& error) {
    CHECK(error.code == "TW-NET-DNS");
    CHECK(error.kind == tidewire::failure_kind::transient);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("Literals and localhost ask nobody", "[dns]") {
  test_name_server server{{}};
  dns_options options;
  options.servers = server.text();
  auto get = [&](const std::string& host) { return texts(resolve(host, 5432, in(1s), {}, options)); };
  CHECK(get("127.0.0.1") == std::vector<std::string>{"127.0.0.1"});
  CHECK(get("::1") == std::vector<std::string>{"::1"});
  CHECK(get("[2001:db8::2]") == std::vector<std::string>{"2001:db8::2"});
  CHECK(get("fe80::1%1") == std::vector<std::string>{"fe80::1%1"});
  CHECK(get("localhost") == std::vector<std::string>{"::1", "127.0.0.1"});
  CHECK(get("LocalHost.") == std::vector<std::string>{"::1", "127.0.0.1"});
  CHECK(server.questions() == 0);
}

TEST_CASE("An address carries its port", "[dns]") {
  auto four = resolve("127.0.0.1", 5432, in(1s)).at(0);
  REQUIRE(four.family() == AF_INET);
  CHECK(ntohs(reinterpret_cast<const sockaddr_in&>(four.storage).sin_port) == 5432);
  auto six = resolve("fe80::1%7", 6543, in(1s)).at(0);
  REQUIRE(six.family() == AF_INET6);
  CHECK(ntohs(reinterpret_cast<const sockaddr_in6&>(six.storage).sin6_port) == 6543);
  CHECK(reinterpret_cast<const sockaddr_in6&>(six.storage).sin6_scope_id == 7);
}

TEST_CASE("What is no literal", "[dns]") {
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "[::1", "::1]", "::g", "fe80::1%", "fe80::1%nosuchlink", "db"})
    CHECK(!tidewire::literal_address(text, 1));
  CHECK(!tidewire::unix_address(""));
  CHECK(!tidewire::unix_address(std::string(108, 'x')));
  CHECK(tidewire::unix_address(std::string(107, 'x')));
  CHECK(tidewire::unix_address("@" + std::string(107, 'x')));
}

TEST_CASE("Names are asked for, both kinds of address", "[dns]") {
  test_name_server server{{
      {"both.test", {{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1"}, 0, false}},
      {"four.test", {{"192.0.2.3"}, {}, 0, false}},
      {"six.test", {{}, {"2001:db8::6"}, 0, false}},
      {"empty.test", {{}, {}, 0, false}},
      {"broken.test", {{}, {}, 2, false}},
      {"silent.test", {{}, {}, 0, true}},
  }};
  dns_options options;
  options.servers = server.text();
  options.first_try = 200ms;
  options.tries = 2;
  auto both = resolve("both.test", 99, in(5s), {}, options);
  auto sorted = texts(both);
  std::ranges::sort(sorted);
  CHECK(sorted == std::vector<std::string>{"192.0.2.1", "192.0.2.2", "2001:db8::1"});
  CHECK(texts(resolve("four.test", 99, in(5s), {}, options)) == std::vector<std::string>{"192.0.2.3"});
  auto six = resolve("six.test", 99, in(5s), {}, options);
  CHECK(texts(six) == std::vector<std::string>{"2001:db8::6"});
  CHECK(ntohs(reinterpret_cast<const sockaddr_in6&>(six[0].storage).sin6_port) == 99);

  CHECK(why_not("empty.test", options).find("no address") != std::string::npos);
  CHECK(why_not("nothing.test", options).find("there is no such name") != std::string::npos);
  CHECK(!why_not("broken.test", options).empty());
  CHECK(!why_not("silent.test", options).empty());
}

TEST_CASE("SRV and TXT records", "[dns]") {
  name_answer known;
  known.srv = {srv_data(27017, "a.db.test"), srv_data(27018, "b.db.test")};
  known.txt = {txt_data({"authSource=", "x&replicaSet=rs"}), txt_data({"second"})};
  name_answer broken;
  broken.code = 2;
  name_answer damaged;
  damaged.srv = {{0, 1, 2}};
  test_name_server server{
      {{"db.test", known}, {"empty.test", {}}, {"broken.test", broken}, {"bad.test", damaged}}};
  dns_options options;
  options.servers = server.text();
  options.first_try = 200ms;
  options.tries = 1;
  CHECK(resolve_srv("db.test", in(5s), {}, options) ==
        std::vector<tidewire::srv_record>{{"a.db.test", 27017, 0, 5}, {"b.db.test", 27018, 0, 5}});
  CHECK(resolve_txt("db.test", in(5s), {}, options) ==
        std::vector<std::string>{"authSource=x&replicaSet=rs", "second"});
  CHECK(resolve_srv("empty.test", in(5s), {}, options).empty());
  CHECK(resolve_txt("nothing.test", in(5s), {}, options).empty());
  CHECK_THROWS_AS(resolve_srv("broken.test", in(5s), {}, options), tidewire::failure);
  CHECK_THROWS_AS(resolve_srv("bad.test", in(5s), {}, options), tidewire::failure);
}

TEST_CASE("A lookup ends at its deadline, or when it is told to stop", "[dns]") {
  test_name_server server{{{"silent.test", {{}, {}, 0, true}}}};
  dns_options options;
  options.servers = server.text();
  CHECK(why_not("silent.test", options, 100ms).find("no answer in time") != std::string::npos);
  std::stop_source stop;
  stop.request_stop();
  CHECK(why_not("silent.test", options, 60s, stop.get_token()).find("interrupted") != std::string::npos);
}

TEST_CASE("What is no host name", "[dns]") {
  for (const std::string& name : {std::string(), std::string(300, 'a'), std::string("a\0b", 3)})
    CHECK(why_not(name, {}).find("no host name") != std::string::npos);
}

TEST_CASE("The hosts file comes first", "[dns]") {
  // c-ares has the path built in, so this takes what this machine has.
  std::ifstream hosts("/etc/hosts");
  std::string line, name, address;
  while (name.empty() && std::getline(hosts, line)) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string first, second;
    if (!(words >> first >> second) || second.starts_with("local")) continue;
    if (tidewire::literal_address(first, 1)) name = second, address = first;
  }
  if (name.empty()) SKIP("no name besides localhost in /etc/hosts");
  test_name_server server{{}};
  dns_options options;
  options.servers = server.text();
  auto found = texts(resolve(name, 1, in(5s), {}, options));
  CHECK(std::ranges::find(found, address) != found.end());
}
