// The looks at what is prepared, around the reading of a place: what is asked in which order, and when it is
// asked again.
#include "binlog/xa_prepared.hpp"

#include <catch2/catch_test_macros.hpp>

#include "binlog/copy.hpp"
#include "binlog/dump_request.hpp"
#include "binlog/response.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/core/script.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::testing;

namespace {

using cells = std::vector<std::vector<std::string>>;

bytes packets_of(const std::vector<bytes>& packets) {
  bytes data;
  encoder to(data);
  std::uint8_t sequence = 0;
  for (const bytes& each : packets) encode_packet(to, ++sequence, each);
  return data;
}

void expect(script& steps, const std::string& sql, bytes answer) {
  steps.answers([sql, answer](byte_view sent) {
    std::string_view text = as_text(sent.subspan(5));
    if (sent[4] != command::query || !text.starts_with(sql))
      throw script_mismatch("it asks " + std::string(text) + "\ninstead of " + sql);
    return answer;
  });
}

bytes rows(const cells& of, std::uint8_t columns) {
  const bytes last{eof_head, 0, 0, 2, 0};
  std::vector<bytes> packets{{columns}};
  for (int i = 0; i < columns; ++i) packets.push_back({3, 'd', 'e', 'f', 0, 0, 0, 1, 'k', 0, 12});
  packets.push_back(last);
  for (const auto& row : of) {
    bytes& packet = packets.emplace_back();
    for (const std::string& each : row) {
      packet.push_back(static_cast<std::uint8_t>(each.size()));
      packet.insert(packet.end(), each.begin(), each.end());
    }
  }
  packets.push_back(last);
  return packets_of(packets);
}

bytes done() {
  return packets_of({{0, 0, 0, 2, 0, 0, 0}});
}

bytes error(std::uint16_t number) {
  bytes payload;
  encoder to(payload);
  encode_error_packet(to, {number, "HY000", "scripted"});
  return packets_of({payload});
}

const cells nothing, one{{"1", "1", "0", "a"}};

struct looking : script {
  looking& commits(const char* count) {
    expect(*this, "SHOW GLOBAL STATUS LIKE 'Com_xa_commit'", rows({{"Com_xa_commit", count}}, 2));
    return *this;
  }
  looking& prepared(const cells& ids) {
    expect(*this, "XA RECOVER", rows(ids, 4));
    return *this;
  }
  looking& place(const char* at) {
    expect(*this, "SELECT @@GLOBAL.gtid_binlog_pos", rows({{at}}, 1));
    return *this;
  }
  looking& waits() {
    expect(*this, "DO SLEEP", done());
    return *this;
  }
};

conversation<std::vector<std::string>> listed(tidewire::link& to) {
  session with(to);
  auto found = co_await prepared_transactions(with);
  co_return found.value.value_or(std::vector<std::string>{"unseen"});
}

std::vector<std::string> ids(const cells& of) {
  looking steps;
  steps.prepared(of);
  return play(steps, packet_size, [](tidewire::link& to) { return listed(to); });
}

conversation<std::string> fresh(tidewire::link& to) {
  session with(to);
  server_facts server;
  server.mariadb = true;
  server.kind = position_kind::domains;
  fresh_start start = co_await begin_fresh(with, std::move(server));
  co_return to_string(start.server.now) + (start.saw_prepared ? "" : " unseen");
}

std::string began(const script& steps) {
  return play(steps, packet_size, [](tidewire::link& to) { return fresh(to); });
}

conversation<std::string> copied(tidewire::link& to, xa_care care) {
  session with(to);
  server_facts server;
  server.number = 80033;
  copy_start start = co_await begin_copy(with, std::move(server), care);
  co_return start.place;
}

}  // namespace

TEST_CASE("The ids of what is prepared", "[xa]") {
  using strings = std::vector<std::string>;
  CHECK(ids(nothing).empty());
  CHECK(ids({{"7", "2", "3", "abxyz"}, {"-1", "1", "0", "'"}}) ==
        strings{"X'6162',X'78797a',7", "X'27',X'',4294967295"});
  for (const cells& bad : {cells{{"1", "1", "1", "a"}}, cells{{"1", "0", "65", std::string(65, 'x')}},
                           cells{{"x", "1", "0", "a"}}, cells{{"1", "", "1", "a"}},
                           cells{{"4294967296", "1", "0", "a"}}, cells{{"1", "-1", "2", "a"}}})
    CHECK(failure_of([&] { ids(bad); }).code == "TW-MY-MALFORMED");
  CHECK(prepared_text({"a"}) == "1: a");
  CHECK(prepared_text({"a", "b", "c", "d"}) == "4: a and b and c and more");
}

TEST_CASE("A new stream begins where nothing is prepared", "[xa]") {
  looking quiet;
  quiet.commits("5").prepared(nothing).place("0-1-7").prepared(nothing).commits("5");
  CHECK(began(quiet) == "domains:0-1-7");
  CHECK(for_each_failure(quiet, packet_size, [](tidewire::link& to) { return fresh(to); }) > 0);

  looking later;
  later.commits("5").prepared(one).waits().commits("6").prepared(nothing);
  later.place("0-1-8").prepared(nothing).commits("6");
  CHECK(began(later) == "domains:0-1-8");

  // Between the looks one was committed, or prepared.
  looking again;
  again.commits("5").prepared(nothing).place("0-1-7").prepared(nothing).commits("6");
  again.commits("6").prepared(nothing).place("0-1-8").prepared(one).commits("6");
  again.commits("7").prepared(nothing).place("0-1-9").prepared(nothing).commits("7");
  CHECK(began(again) == "domains:0-1-9");

  looking never;
  for (int i = 0; i < 26; ++i) {
    never.commits("5").prepared({{"1", "1", "0", "a"}, {"1", "1", "0", "b"}});
    if (i < 25) never.waits();
  }
  failure why = failure_of([&] { began(never); });
  CHECK((why.code == "TW-MY-XA-PREPARED" && why.kind == failure_kind::transient));
  CHECK(std::string_view(why.what()).contains("2: X'61',X'',1 and X'62',X'',1"));
}

TEST_CASE("Where commits never cease the lists are enough", "[xa]") {
  looking busy;
  for (int i = 0; i < 11; ++i)
    busy.commits("5").prepared(nothing).place("0-1-7").prepared(nothing).commits("6");
  CHECK(began(busy) == "domains:0-1-7");
  looking always;
  for (int i = 0; i < 30; ++i)
    always.commits("5").prepared(nothing).place("0-1-7").prepared(one).commits("5");
  CHECK(failure_of([&] { began(always); }).code == "TW-MY-XA-PREPARED");
}

TEST_CASE("Who may not look is not held up", "[xa]") {
  for (std::uint16_t number : {1401, 1227}) {
    looking blind;
    blind.commits("5");
    expect(blind, "XA RECOVER", error(number));
    blind.place("0-1-7");
    CHECK(began(blind) == "domains:0-1-7 unseen");
  }
  looking broken;
  broken.commits("5");
  expect(broken, "XA RECOVER", error(1064));
  CHECK(failure_of([&] { began(broken); }).code == "TW-MY-ERROR");
}

TEST_CASE("A copy looks around its place, unless its stream begins earlier", "[xa]") {
  auto begun = [](const script& steps, xa_care care) {
    return play(steps, packet_size, [care](tidewire::link& to) { return copied(to, care); });
  };
  auto place = [](looking& steps, const char* offset) {
    expect(steps, "SELECT @@GLOBAL.gtid_executed", rows({{""}}, 1));
    expect(steps, "SHOW MASTER STATUS", rows({{"b.1", offset}}, 2));
  };
  looking waits;
  waits.commits("1").prepared(nothing);
  place(waits, "4");
  waits.prepared(one).commits("1").commits("2").prepared(nothing);
  place(waits, "9");
  waits.prepared(nothing).commits("2");
  expect(waits, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", done());
  CHECK(begun(waits, xa_care::waits) == "b.1:9");
  looking no_care;
  place(no_care, "4");
  expect(no_care, "START TRANSACTION", done());
  CHECK(begun(no_care, xa_care::none) == "b.1:4");
  looking at_once;  // it asks again, but waits for nobody
  at_once.commits("1").prepared(one);
  place(at_once, "4");
  at_once.prepared(nothing).commits("2").commits("2").prepared(nothing);
  place(at_once, "9");
  at_once.prepared(nothing).commits("2");
  expect(at_once, "START TRANSACTION", done());
  CHECK(begun(at_once, xa_care::at_once) == "b.1:9");
}
