#include "pgoutput/message_stream.hpp"

#include "tests/pgoutput/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

TEST_CASE("stream start") {
  bytes message = hex("'S' 800002e1 01");
  auto m = decode_stream_start(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->xid == 0x800002e1);
  CHECK(m->first);
  CHECK(encoded([&](encoder& out) { encode_stream_start(out, *m); }) == message);
  check_extent(message, decode_stream_start);

  bytes later = hex("'S' 000002e1 00");
  m = decode_stream_start(body_of(later));
  REQUIRE(m.has_value());
  CHECK(!m->first);
  CHECK(encoded([&](encoder& out) { encode_stream_start(out, *m); }) == later);

  check_malformed({{"000002e1 02", {decode_errc::bad_value, 4, "first segment"}},
                   {"0002e1", {decode_errc::truncated, 0, "xid"}}},
                  [](const bytes& body) { return decode_stream_start(body); });
}

TEST_CASE("stream stop") {
  bytes message = hex("'E'");
  CHECK(decode_stream_stop(body_of(message)).has_value());
  CHECK(encoded([](encoder& out) { encode_stream_stop(out, {}); }) == message);
  check_extent(message, decode_stream_stop);
}

TEST_CASE("stream commit") {
  bytes message = hex("'c' 000002e1 00 0000000001750328 0000000001750358 0002d1a5b5c3e8f0");
  auto m = decode_stream_commit(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->xid == 737);
  CHECK(m->commit_lsn.value == 0x1750328);
  CHECK(m->end_lsn.value == 0x1750358);
  CHECK(m->commit_time_us == 0x0002d1a5b5c3e8f0);
  CHECK(encoded([&](encoder& out) { encode_stream_commit(out, *m); }) == message);
  check_extent(message, decode_stream_commit);
  message[5] = 1;
  CHECK(decode_stream_commit(body_of(message)).error() == decode_error{decode_errc::bad_value, 4, "flags"});
}

TEST_CASE("stream abort has 9 bytes, or 25 where streaming is parallel") {
  bytes plain = hex("'A' 000002e1 000002e3");
  REQUIRE(plain.size() == 9);
  auto m = decode_stream_abort(body_of(plain));
  REQUIRE(m.has_value());
  CHECK(m->xid == 737);
  CHECK(m->subxid == 739);
  CHECK(!m->timed);
  CHECK(encoded([&](encoder& out) { encode_stream_abort(out, *m); }) == plain);

  bytes timed = hex("'A' 000002e1 000002e1 0000000001750328 0002d1a5b5c3e8f0");
  REQUIRE(timed.size() == 25);
  m = decode_stream_abort(body_of(timed));
  REQUIRE(m.has_value());
  CHECK(m->timed);
  CHECK(m->abort_lsn.value == 0x1750328);
  CHECK(m->abort_time_us == 0x0002d1a5b5c3e8f0);
  CHECK(encoded([&](encoder& out) { encode_stream_abort(out, *m); }) == timed);
  check_extent(timed, decode_stream_abort, 8);
  check_malformed({{"000002e1 0002e3", {decode_errc::truncated, 4, "subxid"}},
                   {"000002e1 000002e3 00", {decode_errc::truncated, 8, "abort LSN"}},
                   {"000002e1 000002e3 0000000001750328 00", {decode_errc::truncated, 16, "abort time"}}},
                  [](const bytes& body) { return decode_stream_abort(body); });
}

TEST_CASE("stream prepare") {
  bytes message = hex("'p' 00 0000000001750300 0000000001750380 0002d1a5b5c3e8f0 000002e1 'order-17' 00");
  auto m = decode_stream_prepare(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->prepare_lsn.value == 0x1750300);
  CHECK(m->end_lsn.value == 0x1750380);
  CHECK(m->prepare_time_us == 0x0002d1a5b5c3e8f0);
  CHECK(m->xid == 737);
  CHECK(m->gid == "order-17");
  CHECK(encoded([&](encoder& out) { encode_stream_prepare(out, *m); }) == message);
  check_extent(message, decode_stream_prepare);
  message[1] = 1;
  CHECK(decode_stream_prepare(body_of(message)).error() == decode_error{decode_errc::bad_value, 0, "flags"});
}
