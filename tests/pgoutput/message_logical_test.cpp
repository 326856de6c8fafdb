#include "pgoutput/message_logical.hpp"

#include "pgoutput/message_truncate.hpp"
#include "tests/pgoutput/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {
template <bool streamed>
auto logical(byte_view body) {
  return decode_logical_message(body, streamed);
}
template <bool streamed>
auto truncate(byte_view body) {
  return decode_truncate(body, streamed);
}
}  // namespace

TEST_CASE("logical message") {
  bytes message = hex("'M' 01 0000000001750328 'app' 00 00000005 'he' 00 'lo'");
  auto m = logical<false>(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->xid == 0);
  CHECK(m->transactional());
  CHECK(m->lsn.value == 0x1750328);
  CHECK(m->prefix == "app");
  CHECK(as_text(m->content) == std::string_view("he\0lo", 5));
  CHECK(encoded([&](encoder& out) { encode_logical_message(out, *m, false); }) == message);
  check_extent(message, logical<false>);

  bytes inside = hex("'M' 800002e1 03 0000000001750328 00 00000000");
  m = logical<true>(body_of(inside));
  REQUIRE(m.has_value());
  CHECK(m->xid == 0x800002e1);
  CHECK(m->flags == 3);
  CHECK(m->prefix.empty());
  CHECK(m->content.empty());
  CHECK(encoded([&](encoder& out) { encode_logical_message(out, *m, true); }) == inside);
  check_extent(inside, logical<true>);

  bytes lone = hex("'M' 00 0000000001750328 'a' 00 00000001 'b'");
  CHECK(!logical<false>(body_of(lone))->transactional());
}

TEST_CASE("logical message: malformed") {
  check_malformed(
      {{"01 0000000001750328 'app'", {decode_errc::unterminated_string, 9, "prefix"}},
       {"01 0000000001750328 'app' 00 ffffffff", {decode_errc::bad_length, 13, "content length"}},
       {"01 0000000001750328 'app' 00 80000000 00", {decode_errc::bad_length, 13, "content length"}},
       {"01 0000000001750328 'app' 00 7fffffff 00", {decode_errc::truncated, 17, "content"}},
       {"01 0000000001750328 'app' 00 00000001 0000", {decode_errc::trailing_bytes, 18, "end of message"}},
       {"", {decode_errc::truncated, 0, "flags"}}},
      [](const bytes& body) { return logical<false>(body); });
  check_malformed({{"0000", {decode_errc::truncated, 0, "xid"}}},
                  [](const bytes& body) { return logical<true>(body); });
}

TEST_CASE("truncate") {
  bytes message = hex("'T' 00000002 03 00004001 c0004002");
  auto m = truncate<false>(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->cascade());
  CHECK(m->restart_identity());
  REQUIRE(m->relation_count() == 2);
  CHECK(m->relation(0) == 0x4001);
  CHECK(m->relation(1) == 0xc0004002);
  const std::uint32_t oids[] = {0x4001, 0xc0004002};
  CHECK(encoded([&](encoder& out) { encode_truncate(out, *m, oids, false); }) == message);
  check_extent(message, truncate<false>);

  bytes inside = hex("'T' 000002e1 00000001 02 00004001");
  m = truncate<true>(body_of(inside));
  REQUIRE(m.has_value());
  CHECK(m->xid == 737);
  CHECK(!m->cascade());
  CHECK(m->restart_identity());
  CHECK(encoded([&](encoder& out) { encode_truncate(out, *m, std::span(oids, 1), true); }) == inside);
  check_extent(inside, truncate<true>);

  bytes none = hex("'T' 00000000 00");
  CHECK(truncate<false>(body_of(none))->relation_count() == 0);
  check_extent(none, truncate<false>);
}

TEST_CASE("truncate: malformed") {
  check_malformed({{"ffffffff 00", {decode_errc::bad_length, 0, "relation count"}},
                   {"7fffffff 00 00004001", {decode_errc::truncated, 5, "relations"}},
                   {"40000001 00 00004001", {decode_errc::truncated, 5, "relations"}},
                   {"00000001", {decode_errc::truncated, 4, "flags"}},
                   {"00000001 00 00004001 00", {decode_errc::trailing_bytes, 9, "end of message"}}},
                  [](const bytes& body) { return truncate<false>(body); });
}
