// Copying tables from a scripted server: what it is asked, what becomes of its rows, and a fault at each
// wait.
#include "binlog/copy.hpp"

#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "binlog/dump_request.hpp"
#include "binlog/response.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/core/script.hpp"
#include "tests/core/scripted_sink.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::testing;

namespace {

/// Packets of one answer, counted.
class answer {
 public:
  answer& packet(const bytes& payload) {
    encoder to(data);
    encode_packet(to, ++sequence_, payload);
    return *this;
  }
  answer& columns(int count) {
    packet({static_cast<std::uint8_t>(count)});
    for (int i = 0; i < count; ++i) packet({3, 'd', 'e', 'f', 0, 0, 0, 1, 'k', 0, 12});
    return end();
  }
  answer& row(const std::vector<std::string>& cells) {
    bytes payload;
    for (const std::string& each : cells) {
      payload.push_back(static_cast<std::uint8_t>(each.size()));
      payload.insert(payload.end(), each.begin(), each.end());
    }
    return packet(payload);
  }
  answer& end() { return packet({eof_head, 0, 0, 2, 0}); }
  answer& error(std::uint16_t number) {
    bytes payload;
    encoder to(payload);
    encode_error_packet(to, {number, "HY000", "scripted"});
    return packet(payload);
  }
  bytes data;

 private:
  std::uint8_t sequence_ = 0;
};

void expect(script& steps, const std::string& sql, const answer& then) {
  steps.answers([sql, then](byte_view sent) {
    std::string_view text = as_text(sent.subspan(5));
    if (sent[4] != command::query || text != sql)
      throw script_mismatch("it asks " + std::string(text) + "\ninstead of " + sql);
    return then.data;
  });
}

copy_table table_of(const std::string& type, bool keyed, std::uint64_t rows) {
  copy_table made;
  made.schema = "d";
  made.name = "t";
  made.columns = {{"k", type, "", keyed}};
  made.rows = rows;
  made.bytes = rows * 100;
  if (keyed)
    made.key = copy_key_of(definition_of("d", "t", made.columns, false), made.columns, {"PRIMARY", {{"k"}}});
  return made;
}

conversation<std::string> copied(tidewire::link& to, copy_table table, std::size_t workers, bool stop) {
  scripted_sink sink;
  pipeline lines(sink, nullptr, {}, {}, [] {});
  copy_control control;
  std::vector<copy_table> tables{std::move(table)};
  copy_round::settings how{workers, 1, false};
  copy_progress before{"log:4", false, {}};
  copy_round round(std::move(tables), before, false, "log:4", lines, checkpoint{"gtid:", 0, 0, 0}, how,
                   [&control, stop] { control.stop = stop; });
  round.begin();
  copy_round::worker into(round, "log:4");
  session with(to);
  bool over = co_await copy_tables(with, round, into, control);
  if (over) CHECK(round.complete());
  while (over && !round.end()) std::this_thread::yield();
  if (!over) round.pause();
  lines.finish();
  std::string text = sink.data();
  co_return text;
}

std::string played(const script& steps, const copy_table& table, std::size_t workers, bool stop = false) {
  return play(steps, packet_size, [&](tidewire::link& to) { return copied(to, table, workers, stop); });
}

std::string copied_by(const script& steps, const copy_table& table, std::size_t workers = 1) {
  auto make = [&](tidewire::link& to) { return copied(to, table, workers, false); };
  CHECK(for_each_failure(steps, packet_size, make) > 0);
  return played(steps, table, workers);
}

failure failed_by(const script& steps, const copy_table& table, std::size_t workers = 1) {
  return failure_of([&] { played(steps, table, workers); });
}

const std::string whole = "SELECT `k` FROM `d`.`t` FORCE INDEX (`PRIMARY`) ORDER BY `k`";

}  // namespace

TEST_CASE("A copy reads a table in the order of its key", "[copy]") {
  script steps;
  expect(steps, whole, answer().columns(1).row({"-5"}).row({"7"}).end());
  std::string text = copied_by(steps, table_of("int", true, 2));
  CHECK(text ==
        R"({"v":1,"op":"snapshot","stage":"begin","pos":"log:4","position":"gtid:","exact":false,"tables":1}
{"v":1,"op":"snapshot","stage":"begin","schema":"d","table":"t","pos":"log:4"}
{"v":1,"op":"schema","schema":"d","table":"t","columns":[{"name":"k","type":"int","key":true}]}
{"v":1,"op":"read","schema":"d","table":"t","pos":"log:4","after":{"k":-5}}
{"v":1,"op":"read","schema":"d","table":"t","pos":"log:4","after":{"k":7}}
{"v":1,"op":"snapshot","stage":"end","schema":"d","table":"t","pos":"log:4","rows":2}
{"v":1,"op":"snapshot","stage":"end","pos":"log:4","position":"gtid:","exact":false,"tables":1,"rows":2}
)");
}

TEST_CASE("A copy of several workers looks where a piece ends", "[copy]") {
  std::string bound = " LIMIT 1 OFFSET 99";
  script steps;
  expect(steps, whole + bound, answer().columns(1).row({"7"}).end());
  expect(steps, "SELECT `k` FROM `d`.`t` FORCE INDEX (`PRIMARY`) WHERE (`k`<=7) ORDER BY `k`",
         answer().columns(1).row({"1"}).row({"7"}).end());
  std::string rest = "SELECT `k` FROM `d`.`t` FORCE INDEX (`PRIMARY`) WHERE (`k`>7) ORDER BY `k`";
  expect(steps, rest + bound, answer().columns(1).end());
  expect(steps, rest, answer().columns(1).row({"8"}).end());
  CHECK(copied_by(steps, table_of("int", true, 500), 2)
            .contains(R"("stage":"end","schema":"d","table":"t","pos":"log:4","rows":3)"));

  script again;
  expect(again, whole + bound, answer().columns(1).row({"7"}).end());
  expect(again, "SELECT `k` FROM `d`.`t` FORCE INDEX (`PRIMARY`) WHERE (`k`<=7) ORDER BY `k`",
         answer().columns(1).end());
  expect(again, rest + bound, answer().columns(1).row({"7"}).end());
  CHECK(failed_by(again, table_of("int", true, 500), 2).code == "TW-MY-MALFORMED");
}

TEST_CASE("A copy that is stopped leaves what was complete", "[copy]") {
  script steps;
  expect(steps, whole + " LIMIT 1 OFFSET 99", answer().columns(1).end());
  expect(steps, whole, answer().columns(1).row({"1"}));
  std::string text = played(steps, table_of("int", true, 500), 2, true);  // when the piece is known
  CHECK(text.contains(R"("stage":"begin","schema":"d")"));
  CHECK_FALSE(text.contains(R"("op":"read")"));
}

TEST_CASE("What a copy is told that makes no sense ends it", "[copy]") {
  copy_table table = table_of("int", true, 2), number = table_of("double", false, 2);
  auto code = [](const copy_table& of, const answer& then) {
    script steps;
    expect(steps, of.key ? whole : "SELECT `k`+0e0 FROM `d`.`t`", then);
    return failed_by(steps, of).code;
  };
  CHECK(code(table, answer().columns(2).end()) == "TW-MY-MALFORMED");
  CHECK(code(table, answer().columns(1).row({"1", "2"})) == "TW-MY-MALFORMED");
  CHECK(code(table, answer().columns(1).packet({5, '1'})) == "TW-MY-MALFORMED");
  CHECK(code(number, answer().columns(1).row({"1e5x"})) == "TW-MY-MALFORMED");
  CHECK(code(table, answer().error(1142)) != "TW-MY-TABLE-CHANGED");
  for (std::uint16_t changed : {1054, 1146, 1176, 1412}) {
    CHECK(code(table, answer().error(changed)) == "TW-MY-TABLE-CHANGED");
    CHECK(code(table, answer().columns(1).row({"1"}).error(changed)) == "TW-MY-TABLE-CHANGED");
  }
}
