#include "binlog/gtid_event.hpp"

#include "binlog/mariadb_gtid_event.hpp"
#include "tests/binlog/event_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

bytes untagged(const gtid_event& m) {
  return encoded([&](encoder& out) { encode_gtid(out, m); });
}

void check_same(const gtid_event& a, const gtid_event& b) {
  CHECK(a.flags == b.flags);
  CHECK(a.id == b.id);
  CHECK(a.last_committed == b.last_committed);
  CHECK(a.sequence_number == b.sequence_number);
  CHECK(a.immediate_commit_us == b.immediate_commit_us);
  CHECK(a.original_commit_us == b.original_commit_us);
  CHECK(a.transaction_length == b.transaction_length);
  CHECK(a.immediate_version == b.immediate_version);
  CHECK(a.original_version == b.original_version);
  CHECK(a.commit_ticket == b.commit_ticket);
}

}  // namespace

TEST_CASE("binlog: gtid events of every server version") {
  gtid_event m;
  m.flags = 1;
  m.id.uuid = *parse_uuid("80f547fc-e888-11f1-aaeb-02fc00000001");
  m.id.number = 5;
  auto check = [&](std::size_t size) {
    bytes body = untagged(m);
    CHECK(body.size() == size);
    auto decoded = decode_gtid(make_event(event_type::gtid, body).view());
    REQUIRE(decoded.has_value());
    check_same(*decoded, m);
    CHECK(untagged(*decoded) == body);
    return body;
  };
  bytes v56 = check(25);
  m.has_logical_time = true;
  m.last_committed = 3;
  m.sequence_number = 4;
  bytes v57 = check(42);
  m.has_commit_time = true;
  m.immediate_commit_us = m.original_commit_us = 1795580849000000;
  check(49);
  m.has_length = true;
  m.transaction_length = 244;
  check(50);
  m.has_version = true;
  m.immediate_version = m.original_version = 80033;
  check(54);
  m.original_version = 50719;
  m.original_commit_us -= 5;
  m.transaction_length = 70000;
  check(54 + 7 + 4 + 3);
  m.has_ticket = true;
  m.commit_ticket = 77;
  bytes whole = check(76);
  check_extent(event_type::gtid, whole, decode_gtid, {25, 42, 56, 60, 68});

  bytes anonymous = v57;
  std::fill(anonymous.begin() + 1, anonymous.begin() + 25, 0);
  auto decoded = decode_gtid(make_event(event_type::anonymous_gtid, anonymous).view());
  REQUIRE(decoded.has_value());
  CHECK(decoded->anonymous);
  CHECK(decoded->sequence_number == 4);
  CHECK(decode_gtid(make_event(event_type::anonymous_gtid, v57).view()).error() ==
        decode_error{decode_errc::bad_value, 36, "number"});
  CHECK(decode_gtid(make_event(event_type::gtid, anonymous).view()).error().code == decode_errc::bad_value);
  // 5.7.4 had another code, and fields that nobody knows any more.
  bytes old = v56;
  old.insert(old.end(), {1, 9, 9});
  decoded = decode_gtid(make_event(event_type::gtid, old).view());
  REQUIRE(decoded.has_value());
  CHECK(!decoded->has_logical_time);
  CHECK(!decode_gtid(make_event(event_type::xid, v56).view()).has_value());
}

TEST_CASE("binlog: a tagged gtid event as MySQL 9.7 writes it") {
  bytes body =
      hex("02 78 00 00 00 02 0102 d503 8e f103 a103 21 03 22 c503 a902 ad03 04 f103 00 00 00 02 04 04 06 0a "
          "'tag_x' 08 08"
          "0a 08 0c 7fd4e6b3721461 06");
  gtid_event m;
  m.id.uuid = *parse_uuid("80f547fc-e888-11f1-aaeb-02fc00000001");
  m.id.tag = *gtid_tag::parse("tag_a");
  m.id.number = 1;
  m.has_logical_time = true;
  m.last_committed = 4;
  m.sequence_number = 6;
  m.has_commit_time = true;
  m.immediate_commit_us = m.original_commit_us = 1795580849000000;
  m.has_length = true;
  m.transaction_length = 341;
  m.has_version = true;
  m.immediate_version = m.original_version = 90704;
  auto check = [&] {
    body = encoded([&](encoder& out) { encode_gtid_tagged(out, m); });
    auto decoded = decode_gtid(make_event(event_type::gtid_tagged, body).view());
    REQUIRE(decoded.has_value());
    check_same(*decoded, m);
    CHECK(encoded([&](encoder& out) { encode_gtid_tagged(out, *decoded); }) == body);
    // The size is told at the start, so every cut is found at once.
    check_extent(event_type::gtid_tagged, body, decode_gtid);
  };
  check();
  CHECK(body[0] == 2);
  CHECK(body[1] == body.size() * 2);
  m.original_version = 80400;
  m.original_commit_us = 1;
  m.has_ticket = true;
  m.commit_ticket = std::numeric_limits<std::uint64_t>::max();
  m.id.number = max_gtid_number;
  m.last_committed = -1;
  m.id.uuid = *parse_uuid("ffffffff-ffff-ffff-ffff-ffffffffffff");
  check();
}

TEST_CASE("binlog: varints of all sizes") {
  for (int bits = 0; bits <= 64; ++bits) {
    std::uint64_t value = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
    for (std::uint64_t each : {value, value + 1, value / 3}) {
      bytes coded = encoded([&](encoder& out) { detail::put_varint(out, each); });
      cursor in(coded);
      CHECK(detail::take_varint(in, "x") == each);
      CHECK(in.remaining() == 0);
      auto number = static_cast<std::int64_t>(each);
      coded = encoded([&](encoder& out) { detail::put_signed_varint(out, number); });
      cursor again(coded);
      CHECK(detail::take_signed_varint(again, "x") == number);
    }
  }
  CHECK(encoded([](encoder& out) { detail::put_varint(out, 127); }).size() == 1);
  CHECK(encoded([](encoder& out) { detail::put_varint(out, 128); }).size() == 2);
}

TEST_CASE("binlog: tagged gtid events that are malformed") {
  auto sized = [](std::string_view fields) {
    bytes rest = hex(fields);
    bytes body{2, static_cast<std::uint8_t>((rest.size() + 2) * 2)};
    body.insert(body.end(), rest.begin(), rest.end());
    return decode_gtid(make_event(event_type::gtid_tagged, body).view());
  };
  REQUIRE(sized("00 04 04").has_value());
  CHECK(sized("00 04 00").error().code == decode_errc::bad_value);
  CHECK(sized("00 04 01").error().code == decode_errc::truncated);
  CHECK(sized("00 04 04 04 04").error() == decode_error{decode_errc::bad_value, 24, "field id"});
  CHECK(sized("00 04 04 02 00").error() == decode_error{decode_errc::bad_value, 24, "field id"});
  CHECK(sized("00 04 04 06 44").error().code == decode_errc::limit_exceeded);
  CHECK(sized("00 04 04 06 04 '1x'").error() == decode_error{decode_errc::bad_value, 25, "tag"});
  CHECK(sized("00 02 0104").error().code == decode_errc::bad_value);
  // Fields of a newer server: skipped with all behind them if they may be, else refused.
  CHECK(sized("00 04 04 18 ffff").has_value());
  CHECK(sized("1a 04 04 18 ffff").error() == decode_error{decode_errc::unsupported, 24, "field id"});
  CHECK(decode_gtid(make_event(event_type::gtid_tagged, "04 0a 00 04 04").view()).error().code ==
        decode_errc::unsupported);
}

TEST_CASE("binlog: MariaDB's gtid events") {
  mariadb_gtid_view m;
  m.id = {3, 7, 100};
  m.flags = mariadb_gtid_flag::standalone | mariadb_gtid_flag::ddl;
  auto check = [&](std::size_t size) {
    bytes body = encoded([&](encoder& out) { encode_mariadb_gtid(out, m); });
    CHECK(body.size() == size);
    owned_event event = make_event(event_type::mariadb_gtid, body);
    auto decoded = decode_mariadb_gtid(event.view());
    REQUIRE(decoded.has_value());
    CHECK(decoded->id == m.id);
    CHECK(decoded->flags == m.flags);
    CHECK(decoded->commit_id == m.commit_id);
    CHECK(decoded->xa == m.xa);
    CHECK(decoded->extra == m.extra);
    CHECK(decoded->engines == m.engines);
    CHECK(decoded->alter_sequence == m.alter_sequence);
    CHECK(decoded->thread_id == m.thread_id);
    CHECK(encoded([&](encoder& out) { encode_mariadb_gtid(out, *decoded); }) == body);
    return body;
  };
  bytes plain = check(19);
  check_extent(event_type::mariadb_gtid, plain, decode_mariadb_gtid);
  m.extra = mariadb_gtid_extra::thread_id;
  m.thread_id = 34;
  check(19);
  m.flags |= mariadb_gtid_flag::group_commit;
  m.commit_id = 5;
  check(26);
  m.flags |= mariadb_gtid_flag::prepared_xa;
  bytes gtrid = hex("67"), bqual = hex("6262");
  m.xa = {7, gtrid, bqual};
  m.extra |= mariadb_gtid_extra::engines | mariadb_gtid_extra::commit_alter;
  m.engines = 1;
  m.alter_sequence = 99;
  bytes whole = check(26 + 9 + 9);
  check_extent(event_type::mariadb_gtid, whole, decode_mariadb_gtid, {21 + 9});

  check_malformed(
      event_type::mariadb_gtid,
      {{"0100000000000000 00000000 00 20 0000000000", {decode_errc::unsupported, 32, "extra flags"}},
       {"0100000000000000 00000000 00 00 0000000001", {decode_errc::bad_value, 37, "padding"}},
       {"0100000000000000 00000000 40 01000000 41 00", {decode_errc::limit_exceeded, 36, "XA id length"}}},
      [](const event_view& event) { return decode_mariadb_gtid(event); });
}

TEST_CASE("binlog: MariaDB's gtid lists") {
  std::vector<mariadb_gtid> gtids{{0, 1, 100}, {0, 2, 101}, {7, 1, 1}};
  bytes body = encoded([&](encoder& out) { encode_gtid_list(out, 1u << 28, gtids); });
  auto m = decode_gtid_list(make_event(event_type::gtid_list, body).view());
  REQUIRE(m.has_value());
  CHECK(m->flags == 1u << 28);
  REQUIRE(m->count == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(m->gtid(i) == gtids[i]);
  check_extent(event_type::gtid_list, body, decode_gtid_list);

  body = encoded([&](encoder& out) { encode_gtid_list(out, 0, {}); });
  CHECK(body == hex("00000000 0000"));
  m = decode_gtid_list(make_event(event_type::gtid_list, body).view());
  REQUIRE(m.has_value());
  CHECK(m->count == 0);
  CHECK(decode_gtid_list(make_event(event_type::gtid_list, "ffffff0f").view()).error() ==
        decode_error{decode_errc::truncated, 19, "count"});
}
