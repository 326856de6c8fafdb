#include "wire/replication_message.hpp"

#include "tests/wire/frame_case.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

template <class T, class Decode, class Encode>
void check_payload(const char* text, const T& expected, Decode decode, Encode encode) {
  CAPTURE(text);
  bytes payload = hex(text);
  auto m = decode(payload);
  REQUIRE(m.has_value());
  CHECK(*m == expected);
  CHECK(encoded([&](encoder& out) { encode(out, *m); }) == payload);
  check_body_extent(payload, decode);
  payload[0] ^= 0x20;
  REQUIRE(!decode(payload).has_value());
  CHECK(decode(payload).error() == decode_error{decode_errc::unknown_tag, 0, "kind"});
}

}  // namespace

TEST_CASE("XLogData") {
  bytes payload = hex("'w' 0000000001750328 0000001601750330 0002e7a1d3b4c5f6 'B' 01 00");
  auto m = decode_xlog_data(payload);
  REQUIRE(m.has_value());
  CHECK(m->start == lsn{0x1750328});
  CHECK(m->end == lsn{0x1601750330});
  CHECK(m->sent_time_us == 0x2e7a1d3b4c5f6);
  CHECK(m->data.data() == payload.data() + 25);
  CHECK(m->data.size() == 3);
  CHECK(encoded([&](encoder& out) { encode_xlog_data(out, *m); }) == payload);

  payload.resize(25);
  m = decode_xlog_data(payload);
  REQUIRE(m.has_value());
  CHECK(m->data.empty());
  for (std::size_t size = 0; size < 25; ++size) {
    bytes cut = copy_of(byte_view(payload).first(size));
    auto result = decode_xlog_data(cut);
    REQUIRE(!result.has_value());
    CHECK(result.error().code == decode_errc::truncated);
    CHECK(result.error().offset <= size);
  }
}

TEST_CASE("XLogData: malformed") {
  check_malformed(
      {{"", {decode_errc::truncated, 0, "kind"}},
       {"'W' 00", {decode_errc::unknown_tag, 0, "kind"}},
       {"'k' 0000000001750328 0000000001750328 0002e7a1d3b4c5f6", {decode_errc::unknown_tag, 0, "kind"}},
       {"'w' 00000000017503", {decode_errc::truncated, 1, "WAL start"}},
       {"'w' 0000000001750328 00", {decode_errc::truncated, 9, "WAL end"}},
       {"'w' 0000000001750328 0000000001750328 00", {decode_errc::truncated, 17, "sent time"}}},
      [](const bytes& payload) { return decode_xlog_data(payload); });
}

TEST_CASE("keepalive") {
  check_payload("'k' 0000001601750328 0002e7a1d3b4c5f6 01",
                keepalive_message{lsn{0x1601750328}, 0x2e7a1d3b4c5f6, true}, decode_keepalive,
                encode_keepalive);
  check_payload("'k' 0000000000000000 ffffffffffffffff 00", keepalive_message{lsn{0}, -1, false},
                decode_keepalive, encode_keepalive);
  check_malformed(
      {{"'k' 00", {decode_errc::truncated, 1, "WAL end"}},
       {"'k' 0000000001750328 00", {decode_errc::truncated, 9, "sent time"}},
       {"'k' 0000000001750328 0002e7a1d3b4c5f6", {decode_errc::truncated, 17, "reply requested"}},
       {"'k' 0000000001750328 0002e7a1d3b4c5f6 02", {decode_errc::bad_value, 17, "reply requested"}}},
      [](const bytes& payload) { return decode_keepalive(payload); });
}

TEST_CASE("primary status") {
  check_payload("'s' 0000000001750328 00000002000002e1 00000002000002e2 0002e7a1d3b4c5f6",
                primary_status_view{lsn{0x1750328}, 0x2000002e1, 0x2000002e2, 0x2e7a1d3b4c5f6},
                decode_primary_status, encode_primary_status);
}

TEST_CASE("standby status") {
  standby_status status{lsn{0x1601750330}, lsn{0x1601750328}, lsn{0x1601750320}, 0x2e7a1d3b4c5f6, false};
  check_payload("'r' 0000001601750330 0000001601750328 0000001601750320 0002e7a1d3b4c5f6 00", status,
                decode_standby_status, encode_standby_status);
  CHECK(encoded([&](encoder& out) { encode_standby_status_frame(out, status); }) ==
        hex("'d' 00000026 'r' 0000001601750330 0000001601750328 0000001601750320 0002e7a1d3b4c5f6 00"));
  status.reply_requested = true;
  check_payload("'r' 0000001601750330 0000001601750328 0000001601750320 0002e7a1d3b4c5f6 01", status,
                decode_standby_status, encode_standby_status);
  check_malformed({{"'r' 0000001601750330 0000001601750328 0000001601750320 0002e7a1d3b4c5f6 ff",
                    {decode_errc::bad_value, 33, "reply requested"}}},
                  [](const bytes& payload) { return decode_standby_status(payload); });
}

TEST_CASE("hot standby feedback and the request of the primary's status") {
  check_payload("'h' 0002e7a1d3b4c5f6 c00002e1 00000002 c00002e0 00000003",
                hot_standby_feedback{0x2e7a1d3b4c5f6, 0xc00002e1, 2, 0xc00002e0, 3},
                decode_hot_standby_feedback, encode_hot_standby_feedback);
  check_payload("'p' 0002e7a1d3b4c5f6", primary_status_request{0x2e7a1d3b4c5f6},
                decode_primary_status_request, encode_primary_status_request);
}
