#include "binlog/gtid_set.hpp"

#include "binlog/mariadb_gtid_position.hpp"
#include "tests/binlog/event_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

const std::string a = "aaaaaaaa-1111-2222-3333-444444444444";
const std::string b = "bbbbbbbb-1111-2222-3333-444444444444";

gtid_set set_of(std::string_view text) {
  auto set = gtid_set::parse(text);
  REQUIRE(set.has_value());
  return *set;
}

decode_error parse_error(std::string_view text) {
  auto set = gtid_set::parse(text);
  REQUIRE(!set.has_value());
  CHECK(set.error().code == decode_errc::bad_value);
  CHECK(set.error().offset <= text.size());
  return set.error();
}

}  // namespace

TEST_CASE("binlog: gtid sets print as the server prints them") {
  struct {
    std::string given, printed;
  } cases[] = {
      {"", ""},
      {" , ,", ""},
      {a, ""},
      {a + ":5-3", ""},
      {a + ":1", a + ":1"},
      {a + ":01", a + ":1"},
      {a + ":1-5:tag_b:3:tag_a:1-2:7", a + ":1-5:tag_a:1-2:7:tag_b:3"},
      {b + ":1," + a + ":1-2", a + ":1-2,\n" + b + ":1"},
      {",," + a + ":1,", a + ":1"},
      {" " + a + " : 1 - 5 : TAG : 3 ", a + ":1-5:tag:3"},
      {"aaaaaaaa111122223333444444444444:1", a + ":1"},
      {"{AAAAAAAA-1111-2222-3333-444444444444}:1", a + ":1"},
      {a + ":1:tag", a + ":1"},
      {a + ":1," + a + ":2", a + ":1-2"},
      {a + ":9-10:1-2:4-5:3:7", a + ":1-5:7:9-10"},
      {a + ":1-100:50-60", a + ":1-100"},
      {a + ":50-60:1-100", a + ":1-100"},
      {a + ":1-9223372036854775806", a + ":1-9223372036854775806"},
      {a + ":" + std::string(32, 'a') + ":2", a + ":" + std::string(32, 'a') + ":2"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.given);
    gtid_set set = set_of(each.given);
    CHECK(set.text() == each.printed);
    CHECK(set_of(set.text()) == set);
    CHECK(set.empty() == each.printed.empty());
  }
  CHECK(set_of(a + ":1," + b + ":2").text(",") == a + ":1," + b + ":2");
}

TEST_CASE("binlog: gtid sets that the server refuses") {
  for (const std::string& each :
       {a + ":", a + ":0", a + ":1-9223372036854775807", a + ":9223372036854775807", a + ":tag:", a + ":1::2",
        a + ":1-2-3", a + ":1 2", a + ":1tag:2", a + ":t-a:2", a + ":" + std::string(33, 'a') + ":2",
        a + ":3-5:0-2", std::string("x"), a + "x:1", a.substr(1) + ":1", a + ":1-", a + ":-1",
        a + ":1-99999999999999999999", std::string("{" + a + ":1")}) {
    CAPTURE(each);
    parse_error(each);
  }
  CHECK(parse_error(a + ":1,x:1").offset == 39);
  CHECK(std::string_view(parse_error(a + ":1 2").field) == "separator");
}

TEST_CASE("binlog: gtid sets, arithmetic") {
  gtid_set set = set_of(a + ":1-10:20-30:t:5");
  gtid id{*parse_uuid(a), {}, 15};
  CHECK(!set.contains(id));
  set.add(id);
  CHECK(set.contains(id));
  CHECK(set.text() == a + ":1-10:15:20-30:t:5");
  CHECK(set.count() == 10 + 1 + 11 + 1);
  id.number = 11;
  set.add(id);
  set.add(id);
  CHECK(set.text() == a + ":1-11:15:20-30:t:5");
  id.tag = *gtid_tag::parse("t");
  CHECK(!set.contains(id));
  id.number = 5;
  CHECK(set.contains(id));
  id.uuid = *parse_uuid(b);
  CHECK(!set.contains(id));
  CHECK(set.has_tags());

  CHECK(set.contains(set));
  CHECK(set.contains(gtid_set{}));
  CHECK(!gtid_set{}.contains(set));
  CHECK(set.contains(set_of(a + ":2-3:21")));
  CHECK(!set.contains(set_of(a + ":2-3:19")));
  CHECK(!set.contains(set_of(a + ":10-12")));
  CHECK(set.intersects(set_of(a + ":12-16")));
  CHECK(!set.intersects(set_of(a + ":12-14:16-19")));
  CHECK(!set.intersects(set_of(b + ":1-100")));

  set.subtract(set_of(a + ":3-4:11-20:t:1-9," + b + ":1"));
  CHECK(set.text() == a + ":1-2:5-10:21-30");
  set.subtract(set_of(a + ":1-100"));
  CHECK(set.empty());
  set.add(set_of(b + ":1-2"));
  set.add(set_of(a + ":1-3:t:1," + b + ":3-4:9"));
  CHECK(set.text(",") == a + ":1-3:t:1," + b + ":1-4:9");
  set.add(set);
  CHECK(set.text(",") == a + ":1-3:t:1," + b + ":1-4:9");
  set.subtract(set);
  CHECK(set.empty());

  gtid_set most = set_of(a + ":1-9223372036854775806," + b + ":1-9223372036854775806");
  most.add(*parse_uuid(b), *gtid_tag::parse("x"), {1, max_gtid_number});
  CHECK(most.count() == UINT64_MAX);
  most.subtract(set_of(a + ":1-9223372036854775806"));
  CHECK(most.count() == 2 * static_cast<std::uint64_t>(max_gtid_number));
}

TEST_CASE("binlog: gtid sets against a plain list of numbers") {
  std::uint32_t state = 7;
  auto random = [&](std::uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
  };
  server_uuid uuid = *parse_uuid(a);
  auto numbers = [](const gtid_set& set) {
    std::vector<bool> out(70);
    for (const auto& group : set.groups())
      for (const auto& each : group.intervals)
        for (auto n = each.first; n <= each.last; ++n) out[static_cast<std::size_t>(n)] = true;
    return out;
  };
  for (int round = 0; round < 2000; ++round) {
    gtid_set sets[2];
    std::vector<bool> plain[2] = {std::vector<bool>(70), std::vector<bool>(70)};
    for (int which = 0; which < 2; ++which)
      for (std::uint32_t i = random(6); i > 0; --i) {
        std::int64_t first = 1 + random(60), last = first + random(8);
        sets[which].add(uuid, {}, {first, last});
        for (auto n = first; n <= last; ++n) plain[which][static_cast<std::size_t>(n)] = true;
      }
    REQUIRE(numbers(sets[0]) == plain[0]);
    bool all = true, any = false;
    std::vector<bool> both(70), less(70);
    for (std::size_t n = 0; n < 70; ++n) {
      all &= plain[0][n] || !plain[1][n];
      any |= plain[0][n] && plain[1][n];
      both[n] = plain[0][n] || plain[1][n];
      less[n] = plain[0][n] && !plain[1][n];
    }
    REQUIRE(sets[0].contains(sets[1]) == all);
    REQUIRE(sets[0].intersects(sets[1]) == any);
    gtid_set sum = sets[0], rest = sets[0];
    sum.add(sets[1]);
    rest.subtract(sets[1]);
    REQUIRE(numbers(sum) == both);
    REQUIRE(numbers(rest) == less);
    REQUIRE(set_of(sum.text()) == sum);
    REQUIRE(set_of(rest.text()) == rest);
  }
}

TEST_CASE("binlog: gtid sets in both binary forms") {
  for (const std::string& text : {std::string(), a + ":1-5:7", a + ":1," + b + ":3-9:11-12:20"}) {
    gtid_set set = set_of(text);
    for (bool tagged : {false, true}) {
      bytes coded;
      set.encode(coded, tagged);
      auto decoded = gtid_set::decode(coded);
      REQUIRE(decoded.has_value());
      CHECK(*decoded == set);
      owned_event event = make_event(event_type::previous_gtids, coded);
      CHECK(decode_previous_gtids(event.view()).value() == set);
      for (std::size_t size = 0; size < coded.size(); ++size) {
        auto cut = gtid_set::decode(copy_of(byte_view(coded).first(size)));
        REQUIRE(!cut.has_value());
        CHECK(cut.error().code == decode_errc::truncated);
      }
      coded.push_back(0);
      CHECK(gtid_set::decode(coded).error().code == decode_errc::trailing_bytes);
    }
  }
  bytes plain;
  set_of(a + ":1-5").encode(plain);
  CHECK(plain == hex("0100000000000000 aaaaaaaa111122223333444444444444 0100000000000000 0100000000000000 "
                     "0600000000000000"));
  bytes tagged;
  set_of(a + ":1-5:tag_a:2").encode(tagged);
  CHECK(tagged ==
        hex("01 020000000000 01 aaaaaaaa111122223333444444444444 00 0100000000000000 0100000000000000 "
            "0600000000000000 aaaaaaaa111122223333444444444444 0a 'tag_a' 0100000000000000 "
            "0200000000000000 0300000000000000"));
  CHECK(gtid_set::decode(tagged)->text() == a + ":1-5:tag_a:2");

  auto error = [](std::string_view text) {
    auto set = gtid_set::decode(hex(text));
    REQUIRE(!set.has_value());
    return set.error();
  };
  std::string head = "0100000000000000 aaaaaaaa111122223333444444444444 0100000000000000 ";
  CHECK(error("ffffffffffffff00").code == decode_errc::truncated);
  CHECK(error("0000000000000002").code == decode_errc::unsupported);
  CHECK(error("0200000000000001").code == decode_errc::unsupported);
  CHECK(error(head + "0000000000000000 0600000000000000").code == decode_errc::bad_value);
  CHECK(error(head + "0500000000000000 0500000000000000").code == decode_errc::bad_value);
  CHECK(error(head + "0100000000000000 ffffffffffffffff").code == decode_errc::bad_value);
  CHECK(error("0100000000000000 aaaaaaaa111122223333444444444444 ffffffffffffff0f").code ==
        decode_errc::truncated);
  // Adjacent, and overlapping intervals.
  CHECK(error("0100000000000000 aaaaaaaa111122223333444444444444 0200000000000000 0100000000000000 "
              "0300000000000000"
              "0300000000000000 0400000000000000")
            .code == decode_errc::bad_value);
  // One UUID twice.
  CHECK(error("0200000000000000 aaaaaaaa111122223333444444444444 0100000000000000 0100000000000000 "
              "0300000000000000"
              "aaaaaaaa111122223333444444444444 0100000000000000 0700000000000000 0900000000000000") ==
        decode_error{decode_errc::bad_value, 0, "uuid"});
  // UUIDs in another order than ours.
  CHECK(gtid_set::decode(
            hex("0200000000000000 bbbbbbbb111122223333444444444444 0100000000000000 0100000000000000 "
                "0300000000000000 aaaaaaaa111122223333444444444444 0100000000000000 0100000000000000 "
                "0300000000000000"))
            ->text(",") == a + ":1-2," + b + ":1-2");
}

TEST_CASE("binlog: MariaDB's positions") {
  auto position = [](std::string_view text) {
    auto parsed = mariadb_gtid_position::parse(text);
    REQUIRE(parsed.has_value());
    return *parsed;
  };
  CHECK(position("").empty());
  CHECK(position("3-1-2,0-1-5").text() == "0-1-5,3-1-2");
  CHECK(position(" 0-1-5 , 3-1-2 ").text() == "0-1-5,3-1-2");
  CHECK(position("4294967295-4294967295-18446744073709551615").text() ==
        "4294967295-4294967295-18446744073709551615");
  for (const char* bad : {"0-1-5,0-2-7", "0-1-5,", ",", "x", "0-1", "0-1-", "0--1", "-1-1-1",
                          "4294967296-1-1", "0-1-18446744073709551616", "0-1-5 3-1-2", "0-1-5;"}) {
    CAPTURE(bad);
    auto parsed = mariadb_gtid_position::parse(bad);
    REQUIRE(!parsed.has_value());
    CHECK(parsed.error().code == decode_errc::bad_value);
  }
  mariadb_gtid_position p = position("0-1-5");
  CHECK(p.contains(mariadb_gtid{0, 9, 5}));
  CHECK(!p.contains(mariadb_gtid{0, 1, 6}));
  CHECK(!p.contains(mariadb_gtid{1, 1, 1}));
  CHECK(!p.advance({0, 1, 4}));
  CHECK(p.advance({0, 2, 6}));
  CHECK(p.advance({7, 1, 1}));
  CHECK(p.text() == "0-2-6,7-1-1");
  p.set({0, 1, 3});
  CHECK(p.text() == "0-1-3,7-1-1");
  p.add(position("0-4-9,1-1-1,7-1-1"));
  CHECK(p.text() == "0-4-9,1-1-1,7-1-1");
  CHECK(p.contains(position("0-1-9,7-1-0")));
  CHECK(!p.contains(position("0-1-10")));
  p.subtract(position("0-1-9,1-1-0"));
  CHECK(p.text() == "1-1-1,7-1-1");

  std::vector<mariadb_gtid> gtids{{0, 1, 100}, {0, 2, 101}, {7, 1, 1}};
  bytes body = encoded([&](encoder& out) { encode_gtid_list(out, 0, gtids); });
  owned_event event = make_event(event_type::gtid_list, body);
  CHECK(mariadb_gtid_position::behind(*decode_gtid_list(event.view())).text() == "0-2-101,7-1-1");
  CHECK(parse_mariadb_gtid("1-2-3").value() == mariadb_gtid{1, 2, 3});
  CHECK(!parse_mariadb_gtid("1-2-3x").has_value());
}
