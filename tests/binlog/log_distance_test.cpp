// What lies between a position and a server's binlogs, from scripted answers.
#include "binlog/log_distance.hpp"

#include <catch2/catch_test_macros.hpp>

#include "binlog/response.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/core/script.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::testing;

namespace {

using rows = std::vector<std::vector<std::string>>;
const std::string a = "aaaaaaaa-0000-0000-0000-000000000001";

void put_packet(bytes& out, const bytes& payload) {
  encoder to(out);
  encode_packet(to, 1, payload);
}

void put_text(bytes& out, std::string_view text) {
  REQUIRE(text.size() < 251);
  out.push_back(static_cast<std::uint8_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
}

bytes result(const rows& of) {
  const bytes eof{0xfe, 0, 0, 2, 0};
  std::size_t columns = of.empty() ? 1 : of[0].size();
  bytes out;
  put_packet(out, {static_cast<std::uint8_t>(columns)});
  for (std::size_t i = 0; i < columns; ++i) {
    bytes column;
    for (const char* each : {"def", "", "", "", "c", ""}) put_text(column, each);
    put_packet(out, column);
  }
  put_packet(out, eof);
  for (const auto& row : of) {
    bytes packet;
    for (const std::string& value : row) put_text(packet, value);
    put_packet(out, packet);
  }
  put_packet(out, eof);
  return out;
}

void expect(script& steps, const std::string& sql, const bytes& answer) {
  steps.answers([sql, answer](byte_view sent) {
    std::string text(as_text(sent.subspan(packet_head_bytes + 1)));
    if (text != sql) throw script_mismatch(text + "\ninstead of " + sql);
    return answer;
  });
}

/// The first events of a file.
void expect_start(script& steps, const std::string& file, const char* type, const std::string& info) {
  expect(
      steps, "SHOW BINLOG EVENTS IN '" + file + "' LIMIT 4",
      result({{file, "4", "Format_desc", "1", "256", "Server ver"}, {file, "256", type, "1", "300", info}}));
}

log_distance measured(const script& steps, const server_facts& server, const std::optional<position>& from) {
  tidewire::link over(packet_size);
  session with(over);
  player other(steps, over);
  return other.play(measure(with, server, from));
}

server_facts server_at(const std::string& now) {
  server_facts server;
  server.now = parse_position(now).value();
  server.kind = server.now.kind;
  return server;
}

script files(int count) {
  script steps;
  rows listed;
  for (int i = 1; i <= count; ++i) listed.push_back({"b." + std::to_string(i), std::to_string(100 * i)});
  expect(steps, "SHOW BINARY LOGS", result(listed));
  return steps;
}

}  // namespace

TEST_CASE("log distance: GTIDs, by the first events of a few files", "[mystatus]") {
  server_facts server = server_at("gtid:" + a + ":1-90");
  script steps = files(8);
  expect_start(steps, "b.1", "Previous_gtids", "");
  expect_start(steps, "b.5", "Previous_gtids", a + ":1-50");
  expect_start(steps, "b.3", "Previous_gtids", a + ":1-30");
  expect_start(steps, "b.4", "Previous_gtids", a + ":1-40");
  position from = parse_position("gtid:" + a + ":1-44").value();
  log_distance distance = measured(steps, server, from);
  CHECK(distance.kept_bytes() == 3600);
  CHECK(distance.transactions.value == 46);
  CHECK(distance.bytes.value == 400 + 500 + 600 + 700 + 800);
  check_distance(server, from, distance);

  script gone = files(3);
  expect_start(gone, "b.1", "Previous_gtids", a + ":1-50");
  distance = measured(gone, server, from);
  CHECK_FALSE(distance.bytes);
  server.purged = gtid_set::parse(a + ":1-50").value();
  CHECK(failure_of([&] { check_distance(server, from, distance); }).code == "TW-MY-PURGED");

  script up_to_date = files(1);
  expect_start(up_to_date, "b.1", "Previous_gtids", a + ":1-2");
  server.purged.clear();
  distance = measured(up_to_date, server, server.now);
  CHECK(distance.transactions.value == 0);
  CHECK(distance.bytes.value == 0);

  // Of another kind than the server's, or none: only the files are looked at.
  position file = parse_position("file:b.1:4").value();
  CHECK_FALSE(measured(files(1), server, file).bytes);
  CHECK(failure_of([&] { check_distance(server, file, {}); }).code == "TW-MY-HISTORY");
  CHECK_FALSE(measured(files(1), server, {}).transactions);
}

TEST_CASE("log distance: MariaDB's domains", "[mystatus]") {
  server_facts server = server_at("domains:0-1-100,7-1-5");
  server.mariadb = true;
  script steps = files(2);
  expect_start(steps, "b.1", "Gtid_list", "[]");
  // Of each domain the last entry counts.
  expect_start(steps, "b.2", "Gtid_list", "[0-2-9,0-1-60]");
  position from = parse_position("domains:0-1-60").value();
  log_distance distance = measured(steps, server, from);
  CHECK(distance.transactions.value == 45);
  CHECK(distance.bytes.value == 200);
  check_distance(server, from, distance);

  script purged = files(2);
  expect_start(purged, "b.1", "Gtid_list", "[0-1-60,7-1-2]");
  distance = measured(purged, server, from);
  CHECK_FALSE(distance.bytes);
  failure why = failure_of([&] { check_distance(server, from, distance); });
  CHECK(why.code == "TW-MY-PURGED");
  CHECK(std::string(why.what()).ends_with("up to 7-1-2"));

  for (const char* bad : {"[0-1]", "0-1-1,", "[0-1-1,x]"}) {
    CAPTURE(bad);
    script broken = files(1);
    expect_start(broken, "b.1", "Gtid_list", bad);
    if (std::string_view(bad).ends_with(','))
      CHECK(measured(broken, server, from).bytes);
    else
      CHECK(failure_of([&] { measured(broken, server, from); }).code == "TW-MY-MALFORMED");
  }
}

TEST_CASE("log distance: what the account may not see, and files that say nothing", "[mystatus]") {
  server_facts server = server_at("gtid:" + a + ":1-90");
  position from = parse_position("gtid:" + a + ":1-44").value();
  script denied = files(1);
  bytes error;
  encoder payload(error);
  encode_error_packet(payload, {1227, "42000", "Access denied"});
  bytes packet;
  put_packet(packet, error);
  expect(denied, "SHOW BINLOG EVENTS IN 'b.1' LIMIT 4", packet);
  log_distance distance = measured(denied, server, from);
  CHECK_FALSE(distance.bytes);
  CHECK(distance.bytes.missing.find("Access denied") != std::string::npos);
  CHECK(distance.transactions.value == 46);
  check_distance(server, from, distance);

  script silent = files(1);
  expect(silent, "SHOW BINLOG EVENTS IN 'b.1' LIMIT 4",
         result({{"b.1", "4", "Format_desc", "1", "256", ""}}));
  CHECK(measured(silent, server, from).bytes.missing == "b.1 does not say what is before it");
}

TEST_CASE("log distance: a file and an offset", "[mystatus]") {
  server_facts server = server_at("file:b.3:300");
  auto of = [&](const char* text) {
    position from = parse_position(text).value();
    log_distance distance = measured(files(3), server, from);
    std::string code;
    try {
      check_distance(server, from, distance);
    } catch (const failure& why) {
      code = why.code;
    }
    return std::pair(distance.bytes.value, code);
  };
  CHECK(of("file:b.2:150") == std::pair(std::optional<std::uint64_t>{350}, std::string()));
  CHECK(of("file:b.3:300") == std::pair(std::optional<std::uint64_t>{0}, std::string()));
  CHECK(of("file:b.2:201").second == "TW-MY-POSITION");
  CHECK(of("file:b.0:4") == std::pair(std::optional<std::uint64_t>{}, std::string("TW-MY-PURGED")));
}
