// The two grammars of a connection string, without what the values mean.
#include "wire/connection_settings.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/core.h>

#include "core/failure.hpp"

using namespace tidewire;
using namespace tidewire::wire;

namespace {

/// "name=value" of all that the string gives, in the order of the parameter table.
std::string dump(std::string_view text) {
  connection_settings settings = read_connection_string(text);
  std::string out;
  for (std::size_t i = 0; i < parameter_count; ++i)
    if (const auto& given = settings[static_cast<parameter>(i)])
      out += fmt::format("{}{}={}", out.empty() ? "" : " ", parameter_table()[i].name, given->value.reveal());
  return out;
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

}  // namespace

TEST_CASE("URIs as libpq reads them", "[connection_string]") {
  const text_case cases[] = {
      {"postgresql://ann:pw@db.example:6000/shop",
       "user=ann password=pw dbname=shop host=db.example port=6000"},
      {"postgresql://ann@db:6000/shop", "user=ann dbname=shop host=db port=6000"},
      {"postgresql://ann@db/shop", "user=ann dbname=shop host=db"},
      {"postgresql://db:6000/shop", "dbname=shop host=db port=6000"},
      {"postgresql://db/shop", "dbname=shop host=db"},
      {"postgresql://ann@db:6000/", "user=ann host=db port=6000"},
      {"postgresql://ann@db/", "user=ann host=db"},
      {"postgresql://ann@", "user=ann"},
      {"postgresql://ann:@db", "user=ann host=db"},
      {"postgresql://:pw@db", "password=pw host=db"},
      {"postgresql://db:6000/", "host=db port=6000"},
      {"postgresql://db:6000", "host=db port=6000"},
      {"postgresql://db", "host=db"},
      {"postgresql://", ""},
      {"postgres://", ""},
      {"postgres:///", ""},
      {"postgres:///shop", "dbname=shop"},
      {"postgres://ann@/shop", "user=ann dbname=shop"},
      {"postgres://@db", "host=db"},
      {"postgres://db:/", "host=db"},
      {"postgres://:6000/", "port=6000"},
      {"postgres://db?", "host=db"},
      // Percent encoding, everywhere.
      {"postgresql://%64b/", "host=db"},
      {"postgresql://a%6En:p%40%3a%2F@db/sh%6Fp%3F", "user=ann password=p@:/ dbname=shop? host=db"},
      {"postgresql://db/shop?u%73er=bob&port=1", "user=bob dbname=shop host=db port=1"},
      {"postgresql://db?user=%C3%A9", "user=\xC3\xA9 host=db"},
      {"postgres://%2Frun%2Fpg/shop", "dbname=shop host=/run/pg"},
      {"postgres://%40abstract", "host=@abstract"},
      {"postgres://a%2Cb", "host=a,b"},
      // IPv6; what stands between the brackets is not looked at.
      {"postgresql://[::1]:6000/shop", "dbname=shop host=::1 port=6000"},
      {"postgresql://[::1]/shop", "dbname=shop host=::1"},
      {"postgresql://[2001:db8::5]/", "host=2001:db8::5"},
      {"postgresql://[20zz:db8::5]/", "host=20zz:db8::5"},
      {"postgresql://[fe80::1%25eth0]", "host=fe80::1%eth0"},
      {"postgresql://[::1]", "host=::1"},
      {"postgresql://[::1]?user=ann", "user=ann host=::1"},
      // Queries.
      {"postgresql://?hostaddr=127.0.0.1", "hostaddr=127.0.0.1"},
      {"postgresql://db.example?hostaddr=192.0.2.4", "host=db.example hostaddr=192.0.2.4"},
      {"postgresql://db/shop?user=ann&port=6000", "user=ann dbname=shop host=db port=6000"},
      {"postgresql://db:6000?user=ann", "user=ann host=db port=6000"},
      {"postgresql://db?user=ann&", "user=ann host=db"},
      {"postgresql://db?options=", "host=db options="},
      {"postgres://?host=/run/pg", "host=/run/pg"},
      {"postgres://ann@?host=/run/pg", "user=ann host=/run/pg"},
      {"postgres://ann@/?host=/run/pg", "user=ann host=/run/pg"},
      {"postgres://ann@:6000?host=/run/pg", "user=ann host=/run/pg port=6000"},
      {"postgres://ann@:6000/shop?host=/run/pg", "user=ann dbname=shop host=/run/pg port=6000"},
      {"postgres://:6000/shop?host=/run/pg", "dbname=shop host=/run/pg port=6000"},
      {"postgres://:6000?host=/run/pg", "host=/run/pg port=6000"},
      {"postgresql://db?sslmode=disable", "host=db sslmode=disable"},
      {"postgresql://a/x?host=b&dbname=y", "dbname=y host=b"},
      {"postgresql://a?dbname=x&dbname=y", "dbname=y host=a"},
      {"postgresql://db?dbname=a%3Db%26c", "dbname=a=b&c host=db"},
      {"postgresql://db/a/b?user=c?d", "user=c?d dbname=a/b host=db"},
      {"postgresql://db?ssl=true", "host=db sslmode=require"},
      {"postgresql://db?requiressl=1", "host=db sslmode=require"},
      {"postgresql://db?requiressl=0", "host=db sslmode=prefer"},
      {"postgresql://db? user = ann & port = 6000 ", "user=ann host=db port=6000"},
      // Several hosts.
      {"postgresql://a,b/shop", "dbname=shop host=a,b port=,"},
      {"postgresql://a:1,b:2/shop", "dbname=shop host=a,b port=1,2"},
      {"postgresql://a:1,b,c:3", "host=a,b,c port=1,,3"},
      {"postgresql://[::1]:1,[::2]:2,c", "host=::1,::2,c port=1,2,"},
      {"postgresql://,", "host=, port=,"},
      {"postgresql://:1,:2?target_session_attrs=standby", "host=, port=1,2 target_session_attrs=standby"},
      // Where user and password end: at the first @ before the first /, and at the first colon before that.
      {"postgresql://ann:p:w@db", "user=ann password=p:w host=db"},
      {"postgresql://ann:p?w#x@db", "user=ann password=p?w#x host=db"},
      {"postgresql://db/x@y", "dbname=x@y host=db"},
  };
  for (const auto& c : cases) {
    INFO(c.input);
    CHECK(dump(c.input) == c.wanted);
  }
}

TEST_CASE("URIs that libpq refuses too", "[connection_string]") {
  const text_case cases[] = {
      {"postgres://[::1", "connection string, position 12: the [ of an IPv6 address has no ]"},
      {"postgres://[]", "connection string, position 12: the IPv6 address is empty"},
      {"postgres://[::1]z", "connection string, position 17: expected : or / after an IPv6 address"},
      {"postgresql://db?zzz", "connection string, position 17: this query parameter has no \"=\""},
      {"postgresql://db?a&b", "connection string, position 17: this query parameter has no \"=\""},
      {"postgresql://db?user=a&&port=1", "connection string, position 24: this query parameter has no \"=\""},
      {"postgresql://db?user=k=v",
       "connection string, position 23: a second \"=\" in a query parameter | Write an = that belongs to the "
       "value as %3D."},
      {"postgres://db?dbname=%XXfoo",
       "connection string, position 22: % without two hexadecimal digits | Write a % that stands for itself "
       "as "
       "%25."},
      {"postgresql://a%00b", "connection string, position 15: %00 is not allowed"},
      {"postgresql://db?options=-c x",
       "connection string, position 27: a space inside a URI | Write a space as %20."},
      {"postgresql://db?uzer=x",
       "connection string, position 17: unknown parameter \"uzer\" | Did you mean \"user\"?"},
      {"postgresql://db?u%7aer=x",
       "connection string, position 17: unknown parameter \"uzer\" | Did you mean \"user\"?"},
      {"postgresql://db?ssl=false",
       "connection string, position 17: \"ssl\" is known only as ssl=true in a URI | Use sslmode."},
      {"postgresql://db?SSLMODE=x",
       "connection string, position 17: unknown parameter \"SSLMODE\" | docs/connection.md lists every "
       "parameter."},
      {"postgre://",
       "connection string, position 1: no \"=\" after this word | Write name=value pairs, or a URI that "
       "begins "
       "with postgresql:// or postgres://."},
  };
  for (const auto& c : cases) {
    INFO(c.input);
    CHECK(failure_of([&] { dump(c.input); }) == c.wanted);
  }
  for (std::string_view bad : {"postgresql://%zz", "postgresql://%1", "postgresql://%", "postgresql://a%2"})
    CHECK(failure_of([&] { dump(bad); }).contains("% without two hexadecimal digits"));
  CHECK(failure_of([&] { dump(std::string_view("host=a\0b", 8)); }) ==
        "connection string, position 7: a NUL byte");
  CHECK(failure_of([&] { dump(std::string(max_connection_string_bytes + 1, ' ')); }).contains("longer than"));
  CHECK(dump(std::string(max_connection_string_bytes, ' ')).empty());
}

TEST_CASE("key=value pairs as libpq reads them", "[connection_string]") {
  const text_case cases[] = {
      {"", ""},
      {" \t\n ", ""},
      {"host=db port=6000", "host=db port=6000"},
      {"  host  =  db\n\tport\v=\f6000\r\n", "host=db port=6000"},
      {"host=a host=b", "host=b"},
      {"host=", "host="},
      {"host='' port=1", "host= port=1"},
      // A blank after = is skipped, so that what looks like the next pair is the value.
      {"host= port=1", "host=port=1"},
      {"password='two words'", "password=two words"},
      {"password='it\\'s'", "password=it's"},
      {"password='a\\\\b'", "password=a\\b"},
      {"password=it\\'s\\ fine\\\\", "password=it's fine\\"},
      {"password=mid'quote", "password=mid'quote"},
      {"user=a\\", "user=a"},
      {"user=a\\\nb", "user=a\nb"},
      {"user='a'port=1", "user=a port=1"},
      {"dbname=a=b", "dbname=a=b"},
      {"dbname=postgresql://x", "dbname=postgresql://x"},
      {"password=%41", "password=%41"},
      {"options='-c geqo=off -c x=\\'y\\''", "options=-c geqo=off -c x='y'"},
      {"requiressl=1", "sslmode=require"},
  };
  for (const auto& c : cases) {
    INFO(c.input);
    CHECK(dump(c.input) == c.wanted);
  }
  const text_case bad[] = {
      {"shop", "position 1: no \"=\""},
      {"host db", "position 1: no \"=\""},
      {"host=a shop", "position 8: no \"=\""},
      {"=x", "position 1: a parameter's name was expected"},
      {"host='a", "position 6: this single quote is not closed"},
      {"host='a\\'", "position 6: this single quote is not closed"},
      {"host='a\\", "position 6: this single quote is not closed"},
      {"hots=a", "unknown parameter \"hots\" | Did you mean \"host\"?"},
      {"ssl=true", "\"ssl\" is known only as ssl=true"},
      {"user=a conect_timeout=1",
       "position 8: unknown parameter \"conect_timeout\" | Did you mean "
       "\"connect_timeout\"?"},
  };
  for (const auto& c : bad) {
    INFO(c.input);
    CHECK(failure_of([&] { dump(c.input); }).contains(c.wanted));
  }
}

TEST_CASE("Every variable of the table reaches its parameter", "[connection_string]") {
  for (const auto& info : parameter_table()) {
    if (info.variable.empty()) continue;
    INFO(info.name);
    connection_settings settings;
    add_environment(settings, [&](std::string_view name) {
      return name == info.variable ? std::optional<std::string>("x") : std::nullopt;
    });
    CHECK(settings.text(*find_parameter(info.name)) == "x");
  }
}
