#include "pgoutput/message_schema.hpp"

#include "tests/pgoutput/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {

std::vector<column_view> columns_of(const relation_view& m) {
  std::vector<column_view> all;
  column_reader reader(m);
  for (column_view c; reader.next(c);) all.push_back(c);
  return all;
}

bytes encode_again(const relation_view& m, bool streamed) {
  return encoded([&](encoder& out) { encode_relation(out, m, columns_of(m), streamed); });
}

auto decode_plain = [](byte_view body) { return decode_relation(body, false); };

}  // namespace

TEST_CASE("relation") {
  bytes message = hex(R"('R'
      80004001               # oid, beyond 2^31
      'public' 00 'items' 00
      'd'                    # replica identity
      0002                   # columns
      01 'id' 00   00000017 ffffffff
      00 'name' 00 00000413 00000024)");
  auto m = decode_relation(body_of(message), false);
  REQUIRE(m.has_value());
  CHECK(m->xid == 0);
  CHECK(m->oid == 0x80004001);
  CHECK(m->schema == "public");
  CHECK(m->name == "items");
  CHECK(m->identity == replica_identity::primary_key);
  REQUIRE(m->column_count == 2);
  auto columns = columns_of(*m);
  REQUIRE(columns.size() == 2);
  CHECK((columns[0].key() && columns[0].name == "id" && columns[0].type_id == 23));
  CHECK(columns[0].type_modifier == -1);
  CHECK((!columns[1].key() && columns[1].name == "name" && columns[1].type_id == 1043));
  CHECK(columns[1].type_modifier == 36);
  CHECK(encode_again(*m, false) == message);
  check_extent(message, decode_plain);
}

TEST_CASE("relation in a streamed block; names of any bytes; pg_catalog; no columns") {
  bytes message = hex("'R' 000002e1 00004001 00 'a \"b\"' 0a 'c' ff 00 'i' 0001 03 00 00000000 80000000");
  auto streamed = [](byte_view body) { return decode_relation(body, true); };
  auto m = streamed(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->xid == 737);
  CHECK(m->schema.empty());
  CHECK(m->name == "a \"b\"\nc\xff");
  CHECK(m->identity == replica_identity::index);
  CHECK(columns_of(*m)[0].flags == 3);  // a bit that we don't know survives
  CHECK(encode_again(*m, true) == message);
  check_extent(message, streamed);

  for (char identity : std::string_view("dnfi")) {
    bytes empty = hex("'R' 00004001 00 't' 00 00 0000");
    empty[8] = static_cast<std::uint8_t>(identity);
    auto none = decode_plain(body_of(empty));
    REQUIRE(none.has_value());
    CHECK(static_cast<char>(none->identity) == identity);
    CHECK(none->column_count == 0);
    CHECK(columns_of(*none).empty());
    CHECK(encode_again(*none, false) == empty);
    check_extent(empty, decode_plain);
  }
}

TEST_CASE("relation: malformed") {
  check_malformed(
      {
          {"000040", {decode_errc::truncated, 0, "relation"}},
          {"00004001 'public'", {decode_errc::unterminated_string, 4, "schema name"}},
          {"00004001 'p' 00 'items'", {decode_errc::unterminated_string, 6, "relation name"}},
          {"00004001 'p' 00 't' 00 'x' 0000", {decode_errc::bad_value, 8, "replica identity"}},
          {"00004001 'p' 00 't' 00 'd' 00", {decode_errc::truncated, 9, "column count"}},
          {"00004001 'p' 00 't' 00 'd' ffff", {decode_errc::bad_length, 9, "column count"}},
          {"00004001 'p' 00 't' 00 'd' 7fff", {decode_errc::limit_exceeded, 9, "column count"}},
          {"00004001 'p' 00 't' 00 'd' 0681", {decode_errc::limit_exceeded, 9, "column count"}},
          {"00004001 'p' 00 't' 00 'd' 0680", {decode_errc::truncated, 11, "column flags"}},
          {"00004001 'p' 00 't' 00 'd' 0001 00 'id'", {decode_errc::unterminated_string, 12, "column name"}},
          {"00004001 'p' 00 't' 00 'd' 0001 00 'id' 00 0000", {decode_errc::truncated, 15, "column type"}},
          {"00004001 'p' 00 't' 00 'd' 0001 00 'id' 00 00000017 ff",
           {decode_errc::truncated, 19, "column type modifier"}},
          {"00004001 'p' 00 't' 00 'd' 0000 00", {decode_errc::trailing_bytes, 11, "end of message"}},
      },
      [](const bytes& body) { return decode_plain(body); });
}

TEST_CASE("relation of 1600 columns, and of the most that a tuple can have") {
  for (std::size_t count : {std::size_t{1600}, std::size_t{max_columns}}) {
    std::vector<std::string> names;
    std::vector<column_view> columns;
    for (std::size_t i = 0; i < count; ++i) names.push_back("column_" + std::to_string(i));
    for (std::size_t i = 0; i < count; ++i) columns.push_back({i == 0, names[i], 25, -1});
    relation_view table{0, 16385, "public", "wide", replica_identity::full, 0, {}};
    bytes message = encoded([&](encoder& out) { encode_relation(out, table, columns, false); });
    auto m = decode_plain(body_of(message));
    REQUIRE(m.has_value());
    CHECK(m->column_count == count);
    CHECK(columns_of(*m).back().name == names.back());
    CHECK(encode_again(*m, false) == message);
  }
  std::vector<column_view> too_many(max_columns + 1);
  bytes out;
  encoder to(out);
  encode_relation(to, {}, too_many, false);
  CHECK(to.error().code == decode_errc::limit_exceeded);
}

TEST_CASE("type") {
  bytes message = hex("'Y' c0004005 'public' 00 'mood' 00");
  auto plain = [](byte_view body) { return decode_type(body, false); };
  auto m = plain(body_of(message));
  REQUIRE(m.has_value());
  CHECK(m->oid == 0xc0004005);
  CHECK(m->schema == "public");
  CHECK(m->name == "mood");
  CHECK(encoded([&](encoder& out) { encode_type(out, *m, false); }) == message);
  check_extent(message, plain);

  bytes inside = hex("'Y' 000002e1 00004005 00 'int4' 00");
  auto streamed = [](byte_view body) { return decode_type(body, true); };
  m = streamed(body_of(inside));
  REQUIRE(m.has_value());
  CHECK(m->xid == 737);
  CHECK(m->oid == 0x4005);
  CHECK(m->schema.empty());
  CHECK(m->name == "int4");
  CHECK(encoded([&](encoder& out) { encode_type(out, *m, true); }) == inside);
  check_extent(inside, streamed);
  check_malformed({{"0000", {decode_errc::truncated, 0, "type"}},
                   {"00004005 'p'", {decode_errc::unterminated_string, 4, "schema name"}},
                   {"00004005 'p' 00 'm'", {decode_errc::unterminated_string, 6, "type name"}}},
                  [&](const bytes& body) { return plain(body); });
}
