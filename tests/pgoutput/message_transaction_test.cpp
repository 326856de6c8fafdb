#include "pgoutput/message_transaction.hpp"

#include "pgoutput/message.hpp"
#include "tests/pgoutput/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {
constexpr auto bad = decode_errc::bad_value;

const bytes prepared_fields = hex(R"(
    0000000001750300   # prepare LSN
    0000000001750380   # end LSN
    0002d1a5b5c3e8f0   # prepare time
    800002e1           # xid
    'order-17' 00      # gid)");

bytes with_head(std::string_view head) {
  bytes message = hex(head);
  message.insert(message.end(), prepared_fields.begin(), prepared_fields.end());
  return message;
}

void check_prepare(const prepare_view& m) {
  CHECK(m.prepare_lsn.value == 0x1750300);
  CHECK(m.end_lsn.value == 0x1750380);
  CHECK(m.prepare_time_us == 0x0002d1a5b5c3e8f0);
  CHECK(m.xid == 0x800002e1);  // beyond 2^31: xids are unsigned
  CHECK(m.gid == "order-17");
}
}  // namespace

TEST_CASE("a message is split into its tag and its body") {
  for (char tag : std::string_view("BCORYIUDTMSEcAbPKrp")) {
    bytes message{static_cast<std::uint8_t>(tag), 7};
    auto split = split_message(message);
    REQUIRE(split.has_value());
    CHECK(static_cast<char>(split->tag) == tag);
    CHECK(split->body.size() == 1);
    CHECK(split->body.data() == message.data() + 1);
  }
  int known = 0;
  for (int tag = 0; tag < 256; ++tag) {
    bytes message{static_cast<std::uint8_t>(tag)};
    auto split = split_message(message);
    known += split.has_value();
    if (!split) CHECK(split.error() == decode_error{decode_errc::unknown_tag, 0, "message tag"});
  }
  CHECK(known == 19);
  CHECK(split_message({}).error() == decode_error{decode_errc::truncated, 0, "message tag"});
}

TEST_CASE("begin") {
  bytes message = hex("'B' 00000001 01750328  0002d1a5b5c3e8f0  ffffffff");
  auto m = decode_begin(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->final_lsn.value == 0x101750328);
  CHECK(m->commit_time_us == 0x0002d1a5b5c3e8f0);
  CHECK(m->xid == 0xffffffff);
  CHECK(encoded([&](encoder& out) { encode_begin(out, *m); }) == message);
  check_extent(message, decode_begin);
}

TEST_CASE("begin: each field names itself when it is cut") {
  check_malformed({{"", {decode_errc::truncated, 0, "final LSN"}},
                   {"0000000000000000 00", {decode_errc::truncated, 8, "commit time"}},
                   {"0000000000000000 0000000000000000 0000", {decode_errc::truncated, 16, "xid"}}},
                  [](const bytes& body) { return decode_begin(body); });
}

TEST_CASE("commit") {
  bytes message = hex(R"('C' 00  # flags
      0000000001750328 0000000001750358 ffffffffffffffff)");
  auto m = decode_commit(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->commit_lsn.value == 0x1750328);
  CHECK(m->end_lsn.value == 0x1750358);
  CHECK(m->commit_time_us == -1);
  CHECK(encoded([&](encoder& out) { encode_commit(out, *m); }) == message);
  check_extent(message, decode_commit);
  check_malformed({{"01 0000000001750328 0000000001750358 ffffffffffffffff", {bad, 0, "flags"}}},
                  [](const bytes& body) { return decode_commit(body); });
}

TEST_CASE("origin") {
  bytes message = hex("'O' 00000000015a0000 'pg_16389' 00");
  auto m = decode_origin(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->origin_lsn.value == 0x15a0000);
  CHECK(m->name == "pg_16389");
  CHECK(encoded([&](encoder& out) { encode_origin(out, *m); }) == message);
  check_extent(message, decode_origin);
  check_malformed({{"0000000000000000 'no end'", {decode_errc::unterminated_string, 8, "origin name"}},
                   {"0000000000000000 'a' 00 'b' 00", {decode_errc::trailing_bytes, 10, "end of message"}}},
                  [](const bytes& body) { return decode_origin(body); });
}

TEST_CASE("begin prepare, prepare") {
  bytes first = with_head("'b'");
  auto m = decode_begin_prepare(body_of(first));
  REQUIRE(m.has_value());
  check_prepare(*m);
  CHECK(encoded([&](encoder& out) { encode_begin_prepare(out, *m); }) == first);
  check_extent(first, decode_begin_prepare);

  bytes second = with_head("'P' 00");
  m = decode_prepare(body_of(second));
  REQUIRE(m.has_value());
  check_prepare(*m);
  CHECK(encoded([&](encoder& out) { encode_prepare(out, *m); }) == second);
  check_extent(second, decode_prepare);
  second[1] = 1;
  CHECK(decode_prepare(body_of(second)).error() == decode_error{bad, 0, "flags"});
}

TEST_CASE("commit prepared") {
  bytes message = with_head("'K' 00");
  auto m = decode_commit_prepared(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->commit_lsn.value == 0x1750300);
  CHECK(m->end_lsn.value == 0x1750380);
  CHECK(m->commit_time_us == 0x0002d1a5b5c3e8f0);
  CHECK(m->xid == 0x800002e1);
  CHECK(m->gid == "order-17");
  CHECK(encoded([&](encoder& out) { encode_commit_prepared(out, *m); }) == message);
  check_extent(message, decode_commit_prepared);
  message[1] = 0x80;
  CHECK(decode_commit_prepared(body_of(message)).error() == decode_error{bad, 0, "flags"});
}

TEST_CASE("rollback prepared") {
  bytes message = hex(R"('r' 00
      0000000001750380   # end of the prepare
      0000000001750400   # end of the rollback
      0000000000000001   # prepare time
      0000000000000002   # rollback time
      000002e1 'x' 00)");
  auto m = decode_rollback_prepared(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->prepare_end_lsn.value == 0x1750380);
  CHECK(m->rollback_end_lsn.value == 0x1750400);
  CHECK(m->prepare_time_us == 1);
  CHECK(m->rollback_time_us == 2);
  CHECK(m->xid == 737);
  CHECK(m->gid == "x");
  CHECK(encoded([&](encoder& out) { encode_rollback_prepared(out, *m); }) == message);
  check_extent(message, decode_rollback_prepared);
  message[1] = 1;
  CHECK(decode_rollback_prepared(body_of(message)).error() == decode_error{bad, 0, "flags"});
}

TEST_CASE("a NUL in a string cannot be encoded") {
  bytes out;
  encoder to(out);
  encode_origin(to, {{}, std::string_view("a\0b", 3)});
  CHECK(!to.ok());
  CHECK(to.error().code == bad);
  CHECK(std::string_view(to.error().field) == "origin name");
}
