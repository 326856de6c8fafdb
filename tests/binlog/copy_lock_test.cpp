// What is asked of the server while tables are locked for an exact copy, and what becomes of its refusals.
#include "binlog/copy_lock.hpp"

#include <catch2/catch_test_macros.hpp>

#include "binlog/dump_request.hpp"
#include "binlog/response.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/core/script.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::testing;

namespace {

void expect(script& steps, const std::string& sql, std::vector<bytes> packets) {
  steps.answers([sql, packets](byte_view sent) {
    std::string_view text = as_text(sent.subspan(5));
    if (sent[4] != command::query || !text.contains(sql))
      throw script_mismatch("it asks " + std::string(text) + "\ninstead of " + sql);
    bytes data;
    encoder to(data);
    std::uint8_t sequence = 0;
    for (const bytes& each : packets) encode_packet(to, ++sequence, each);
    return data;
  });
}

const bytes done{0, 0, 0, 2, 0, 0, 0}, last{eof_head, 0, 0, 2, 0};

std::vector<bytes> rows(std::uint8_t columns, const std::vector<std::vector<std::string>>& cells) {
  std::vector<bytes> packets{{columns}};
  for (int i = 0; i < columns; ++i) packets.push_back({3, 'd', 'e', 'f', 0, 0, 0, 1, 'k', 0, 12});
  packets.push_back(last);
  for (const auto& row : cells) {
    bytes& packet = packets.emplace_back();
    for (const std::string& each : row) {
      packet.push_back(static_cast<std::uint8_t>(each.size()));
      packet.insert(packet.end(), each.begin(), each.end());
    }
  }
  packets.push_back(last);
  return packets;
}

std::vector<bytes> error(std::uint16_t number, const std::string& text = "scripted") {
  bytes payload;
  encoder to(payload);
  encode_error_packet(to, {number, "HY000", text});
  return {payload};
}

std::vector<copy_table> tables(std::initializer_list<const char*> schemas) {
  std::vector<copy_table> made;
  for (const char* each : schemas) {
    made.emplace_back();
    made.back().schema = each;
    made.back().name = "t`";
  }
  return made;
}

template <class T>
conversation<T> with_session(tidewire::link& to, auto what) {
  session with(to);
  T result = co_await what(with);
  co_return result;
}

bool locked(const script& steps, const std::vector<copy_table>& of) {
  return play(steps, packet_size, [&](tidewire::link& to) {
    return with_session<bool>(to, [&](session& with) { return lock_tables(with, of); });
  });
}

std::string writers(const script& steps) {
  std::vector<copy_table> of = tables({"d"});
  return play(steps, packet_size, [&](tidewire::link& to) {
    return with_session<std::string>(to, [&](session& with) { return who_writes(with, of); });
  });
}

}  // namespace

TEST_CASE("An exact copy locks its tables, or says what is in the way", "[copy]") {
  auto answered = [](std::vector<bytes> packets) {
    script steps;
    expect(steps, "LOCK TABLES `a`.`t``` READ,`b_`.`t``` READ", std::move(packets));
    return steps;
  };
  std::vector<copy_table> two = tables({"a", "b_"});
  CHECK(locked(answered({done}), two));
  for (std::uint16_t number : {1205, 1213, 1317}) CHECK_FALSE(locked(answered(error(number)), two));
  CHECK(locked({}, {}));  // nothing to lock
  auto refused = [&](std::uint16_t number, const std::string& text) {
    script steps = answered(error(number, text));
    expect(steps, "SELECT CURRENT_USER()", rows(1, {{"tw@%"}}));
    return failure_of([&] { locked(steps, two); });
  };
  for (const failure& why : {refused(1044, "Access denied"), refused(1142, "SELECT, LOCK TABLES denied")}) {
    CHECK(why.code == "TW-MY-PRIVILEGE");
    CHECK(why.hint.starts_with("GRANT LOCK TABLES ON `a`.* TO `tw`@`%`; GRANT LOCK TABLES ON `b\\_`.* TO"));
  }
  // It is SELECT that is missing, or a table.
  CHECK(failure_of([&] { locked(answered(error(1142, "SELECT denied")), two); }).code == "TW-MY-PRIVILEGE");
  CHECK(failure_of([&] { locked(answered(error(1146)), two); }).code == "TW-MY-TABLE-CHANGED");
}

TEST_CASE("Who is in an exact copy's way is named as far as the account may see", "[copy]") {
  const std::string locks = "performance_schema.metadata_locks", all = "information_schema.innodb_trx";
  script seen;
  expect(seen, locks, rows(5, {{"7", "app", "10.0.0.5:1\x1b", "d.t", "17"}}));
  CHECK(writers(seen) == "that of connection 7 (app@10.0.0.5:1 , d.t, for 17 s)");
  script others;
  expect(others, locks, rows(5, {}));
  expect(others, all,
         rows(5, {{"0", "", "", "", "9"},
                  {"1", "a", "b", "", "2"},
                  {"2", "a", "b", "", "1"},
                  {"3", "a", "b", "", "0"}}));
  CHECK(writers(others).starts_with("a prepared one (XA RECOVER lists it), that of connection 1 (a@b, "));
  CHECK(writers(others).ends_with(" and 1 more"));
  script blind;
  expect(blind, locks, error(1142));
  expect(blind, all, error(1227));
  CHECK(writers(blind).contains("PROCESS"));
}

TEST_CASE("What can't be exact is refused", "[copy]") {
  server_facts server;
  server.number = 80033;
  std::vector<copy_table> of = tables({"d"});
  check_can_be_exact(server, of);
  server.number = 50744;
  CHECK(failure_of([&] { check_can_be_exact(server, of); }).code == "TW-MY-SNAPSHOT");
  server.mariadb = true;
  check_can_be_exact(server, of);
  of[0].has_snapshots = false;
  CHECK(failure_of([&] { check_can_be_exact(server, of); }).code == "TW-MY-SNAPSHOT");
}
