#include "pgoutput/message_row.hpp"

#include <random>

#include "tests/pgoutput/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {

struct values {
  std::vector<value> fresh = std::vector<value>(max_columns);
  std::vector<value> old = std::vector<value>(max_columns);
};

struct decoders {
  values& into;
  bool streamed = false;
  auto insert(byte_view body) const { return decode_insert(body, streamed, into.fresh); }
  auto update(byte_view body) const { return decode_update(body, streamed, into.fresh, into.old); }
  auto remove(byte_view body) const { return decode_delete(body, streamed, into.old); }
};

void check_value(const value& v, value_kind kind, std::string_view bytes = {}) {
  CHECK(v.kind == kind);
  CHECK(v.bytes() == bytes);
}

std::span<const value> first(const std::vector<value>& of, std::size_t count) {
  return {of.data(), count};
}

}  // namespace

TEST_CASE("insert") {
  values into;
  decoders decode{into};
  bytes message = hex(R"('I' 80004001 'N' 0005
      't' 00000003 'abc'
      'n'
      'u'
      'b' 00000002 00ff
      't' 00000000)");
  auto row = decode.insert(body_of(message));
  REQUIRE(row.has_value());
  CHECK(row->xid == 0);
  CHECK(row->relation == 0x80004001);
  CHECK(row->old == old_tuple::none);
  CHECK(row->old_count == 0);
  CHECK(row->new_offset == 5);
  REQUIRE(row->new_count == 5);
  check_value(into.fresh[0], value_kind::text, "abc");
  check_value(into.fresh[1], value_kind::null);
  check_value(into.fresh[2], value_kind::unchanged);
  check_value(into.fresh[3], value_kind::binary, std::string_view("\0\xff", 2));
  check_value(into.fresh[4], value_kind::text, "");
  // The values are where they came, not copies.
  CHECK(into.fresh[0].data == reinterpret_cast<const char*>(message.data()) + 13);
  CHECK(encoded([&](encoder& out) { encode_insert(out, *row, first(into.fresh, 5), false); }) == message);
  check_extent(message, [&](byte_view body) { return decode.insert(body); });
}

TEST_CASE("rows in a streamed block begin with their xid") {
  values into;
  decoders decode{into, true};
  bytes insert = hex("'I' 800002e1 00004001 'N' 0002 'n' 'n'");
  auto row = decode.insert(body_of(insert));
  REQUIRE(row.has_value());
  CHECK(row->xid == 0x800002e1);
  CHECK(row->relation == 0x4001);
  CHECK(row->new_count == 2);
  CHECK(encoded([&](encoder& out) { encode_insert(out, *row, first(into.fresh, 2), true); }) == insert);
  check_extent(insert, [&](byte_view body) { return decode.insert(body); });

  bytes update = hex("'U' 000002e1 00004001 'K' 0001 't' 00000001 '1' 'N' 0001 't' 00000001 '2'");
  row = decode.update(body_of(update));
  REQUIRE(row.has_value());
  CHECK(row->xid == 737);
  CHECK(row->old == old_tuple::key);
  CHECK(encoded([&](encoder& out) {
          encode_update(out, *row, first(into.fresh, 1), first(into.old, 1), true);
        }) == update);
  check_extent(update, [&](byte_view body) { return decode.update(body); });

  bytes removed = hex("'D' 000002e1 00004001 'O' 0001 'n'");
  row = decode.remove(body_of(removed));
  REQUIRE(row.has_value());
  CHECK(row->xid == 737);
  CHECK(row->old == old_tuple::full);
  CHECK(encoded([&](encoder& out) { encode_delete(out, *row, first(into.old, 1), true); }) == removed);
  check_extent(removed, [&](byte_view body) { return decode.remove(body); });
}

TEST_CASE("update: without, with a key-only and with a full old row") {
  values into;
  decoders decode{into};
  struct {
    const char* message;
    old_tuple old;
    std::uint16_t old_count;
    std::uint32_t old_offset, new_offset;
  } cases[] = {
      {"'U' 00004001 'N' 0002 't' 00000001 '1' 'u'", old_tuple::none, 0, 0, 5},
      {"'U' 00004001 'K' 0002 't' 00000001 '0' 'n' 'N' 0002 't' 00000001 '1' 'u'", old_tuple::key, 2, 5, 15},
      {"'U' 00004001 'O' 0002 't' 00000001 '0' 't' 00000002 'ab' 'N' 0002 't' 00000001 '1' 'u'",
       old_tuple::full, 2, 5, 21},
  };
  for (const auto& each : cases) {
    CAPTURE(each.message);
    bytes message = hex(each.message);
    auto row = decode.update(body_of(message));
    REQUIRE(row.has_value());
    CHECK(row->old == each.old);
    CHECK(row->old_count == each.old_count);
    CHECK(row->old_offset == each.old_offset);
    CHECK(row->new_offset == each.new_offset);
    REQUIRE(row->new_count == 2);
    check_value(into.fresh[0], value_kind::text, "1");
    check_value(into.fresh[1], value_kind::unchanged);
    if (each.old_count) check_value(into.old[0], value_kind::text, "0");
    CHECK(encoded([&](encoder& out) {
            encode_update(out, *row, first(into.fresh, 2), first(into.old, row->old_count), false);
          }) == message);
    check_extent(message, [&](byte_view body) { return decode.update(body); });
  }
}

TEST_CASE("under REPLICA IDENTITY FULL the old row has what the new one leaves out") {
  std::vector<value> old{
      {"a", 1, value_kind::text}, {"bc", 2, value_kind::binary}, {}, {"d", 1, value_kind::text}};
  std::vector<value> fresh{{"x", 1, value_kind::text},
                           {nullptr, 0, value_kind::unchanged},
                           {nullptr, 0, value_kind::unchanged},
                           {}};
  fill_unchanged(fresh, old);
  check_value(fresh[0], value_kind::text, "x");
  check_value(fresh[1], value_kind::binary, "bc");
  check_value(fresh[2], value_kind::null);
  check_value(fresh[3], value_kind::null);
}

TEST_CASE("delete") {
  values into;
  decoders decode{into};
  for (const char* text : {"'D' 00004001 'K' 0003 't' 00000002 '42' 'n' 'n'",
                           "'D' 00004001 'O' 0003 'b' 00000002 '42' 'n' 't' 00000001 'x'"}) {
    bytes message = hex(text);
    auto row = decode.remove(body_of(message));
    REQUIRE(row.has_value());
    CHECK(static_cast<char>(row->old) == static_cast<char>(message[5]));
    CHECK(row->new_count == 0);
    CHECK(row->new_offset == 0);
    REQUIRE(row->old_count == 3);
    CHECK(into.old[0].bytes() == "42");
    CHECK(encoded([&](encoder& out) { encode_delete(out, *row, first(into.old, 3), false); }) == message);
    check_extent(message, [&](byte_view body) { return decode.remove(body); });
  }
  bytes out;
  encoder to(out);
  encode_delete(to, {}, {}, false);
  CHECK(to.error() == decode_error{decode_errc::bad_value, 0, "tuple kind"});
}

TEST_CASE("rows: malformed") {
  values into;
  decoders decode{into};
  constexpr auto truncated = decode_errc::truncated;
  check_malformed(
      {
          {"", {truncated, 0, "relation"}},
          {"00004001", {truncated, 4, "tuple kind"}},
          {"00004001 'K' 0001 'n'", {decode_errc::unknown_tag, 4, "tuple kind"}},
          {"00004001 'n' 0001 'n'", {decode_errc::unknown_tag, 4, "tuple kind"}},
          {"00004001 'N' 00", {truncated, 5, "column count"}},
          {"00004001 'N' ffff 'n'", {decode_errc::bad_length, 5, "column count"}},
          {"00004001 'N' 8000 'n'", {decode_errc::bad_length, 5, "column count"}},
          {"00004001 'N' 0681 'n'", {decode_errc::limit_exceeded, 5, "column count"}},
          {"00004001 'N' 7fff 'n'", {decode_errc::limit_exceeded, 5, "column count"}},
          {"00004001 'N' 0002 'n'", {truncated, 8, "column kind"}},
          {"00004001 'N' 0001 'x'", {decode_errc::unknown_tag, 7, "column kind"}},
          {"00004001 'N' 0001 'x' 00000001 00", {decode_errc::unknown_tag, 7, "column kind"}},
          {"00004001 'N' 0001 't' 0000", {truncated, 8, "value length"}},
          {"00004001 'N' 0001 't' ffffffff", {decode_errc::bad_length, 8, "value length"}},
          {"00004001 'N' 0001 'b' 80000000 00", {decode_errc::bad_length, 8, "value length"}},
          {"00004001 'N' 0001 't' 7fffffff 00", {truncated, 12, "value"}},
          {"00004001 'N' 0001 't' 00000002 00", {truncated, 12, "value"}},
          {"00004001 'N' 0003 'n' 't' 00000001 'a' 't' 00000001", {truncated, 19, "value"}},
          {"00004001 'N' 0001 'n' 'n'", {decode_errc::trailing_bytes, 8, "end of message"}},
          {"00004001 'N' 0000 'n'", {decode_errc::trailing_bytes, 7, "end of message"}},
      },
      [&](const bytes& body) { return decode.insert(body); });
  check_malformed(
      {
          {"00004001 'T' 0001 'n'", {decode_errc::unknown_tag, 4, "tuple kind"}},
          {"00004001 'K' 0001 'n'", {truncated, 8, "tuple kind"}},
          {"00004001 'K' 0001 'n' 'O' 0001 'n'", {decode_errc::unknown_tag, 8, "tuple kind"}},
          {"00004001 'O' ffff 'n' 'N' 0001 'n'", {decode_errc::bad_length, 5, "column count"}},
          {"00004001 'O' 0001 'q' 'N' 0001 'n'", {decode_errc::unknown_tag, 7, "column kind"}},
          {"00004001 'O' 0001 'n' 'N' 0001 't' fffffff0", {decode_errc::bad_length, 12, "value length"}},
      },
      [&](const bytes& body) { return decode.update(body); });
  check_malformed({{"00004001 'N' 0001 'n'", {decode_errc::unknown_tag, 4, "tuple kind"}},
                   {"00004001 'K' 0001 't' 00000009 '1234'", {truncated, 12, "value"}}},
                  [&](const bytes& body) { return decode.remove(body); });
}

TEST_CASE("more columns than the caller has room for") {
  std::vector<value> room(2);
  bytes message = hex("'I' 00004001 'N' 0003 'n' 'n' 'n'");
  auto row = decode_insert(body_of(message), false, room);
  REQUIRE(!row.has_value());
  CHECK(row.error() == decode_error{decode_errc::limit_exceeded, 5, "column count"});
  CHECK(decode_insert(body_of(message), false, {}).error().code == decode_errc::limit_exceeded);
}

TEST_CASE("rows of 1600 columns, and of the most that a tuple can have") {
  values into;
  for (std::size_t count : {std::size_t{1600}, std::size_t{max_columns}}) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back(std::string(i % 40, 'x'));
    std::vector<value> given;
    for (std::size_t i = 0; i < count; ++i) {
      if (i % 7 == 3)
        given.push_back({nullptr, 0, i % 2 ? value_kind::null : value_kind::unchanged});
      else
        given.push_back({texts[i].data(), static_cast<std::uint32_t>(texts[i].size()), value_kind::text});
    }
    row_view head;
    head.relation = 16385;
    head.old = old_tuple::full;
    bytes message = encoded([&](encoder& out) { encode_update(out, head, given, given, false); });
    auto row = decode_update(body_of(message), false, into.fresh, into.old);
    REQUIRE(row.has_value());
    CHECK(row->new_count == count);
    CHECK(row->old_count == count);
    bool equal = true;
    for (std::size_t i = 0; i < count; ++i) {
      equal &= into.fresh[i].kind == given[i].kind && into.fresh[i].bytes() == given[i].bytes();
      equal &= into.old[i].kind == given[i].kind && into.old[i].bytes() == given[i].bytes();
    }
    CHECK(equal);
  }
}

TEST_CASE("the straight decoder and the careful one agree about every message") {
  std::mt19937 random(11);
  const std::vector<bytes> good = {
      hex("'I' 00004001 'N' 0005 't' 00000003 'abc' 'n' 'u' 'b' 00000002 00ff 't' 00000000"),
      hex("'U' 00004001 'N' 0002 't' 00000001 'x' 'n'"),
      hex("'U' 00004001 'K' 0002 't' 00000001 '7' 'n' 'N' 0002 't' 00000001 '8' 'u'"),
      hex("'U' 00000009 00004001 'O' 0001 't' 00000001 '7' 'N' 0001 'b' 00000000"),
      hex("'D' 00004001 'K' 0003 't' 00000002 '42' 'n' 'n'"),
      hex("'D' 00000009 00004001 'O' 0001 'n'")};
  values straight, careful;
  row_view row;
  int taken = 0;
  for (int round = 0; round < 100'000; ++round) {
    bytes message = good[random() % good.size()];
    message[0] = static_cast<std::uint8_t>("IUD"[random() % 3]);
    for (auto changes = random() % 3; changes > 0; --changes) {
      std::size_t at = 1 + random() % (message.size() - 1);
      switch (random() % 3) {
        case 0: message[at] = static_cast<std::uint8_t>("NKOtbnu\0\1\2\xff"[random() % 11]); break;
        case 1: message.erase(message.begin() + static_cast<std::ptrdiff_t>(at)); break;
        default: message.resize(1 + at);
      }
    }
    auto tag = static_cast<message_tag>(message[0]);
    bytes body = copy_of(body_of(message));
    bool streamed = random() % 2;
    bool took = decode_row(tag, body, streamed, {straight.fresh, straight.old}, row);
    auto expected = detail::decode_row_carefully(tag, body, streamed, {careful.fresh, careful.old});
    REQUIRE(took == expected.has_value());
    if (!took) continue;
    ++taken;
    REQUIRE(row == *expected);
    auto same = [](const value& a, const value& b) {
      return a.data == b.data && a.size == b.size && a.kind == b.kind;
    };
    REQUIRE(
        std::ranges::equal(first(straight.fresh, row.new_count), first(careful.fresh, row.new_count), same));
    REQUIRE(std::ranges::equal(first(straight.old, row.old_count), first(careful.old, row.old_count), same));
  }
  CHECK(taken > 5'000);
}
