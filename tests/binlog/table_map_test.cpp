#include "binlog/table_map.hpp"

#include "tests/binlog/table_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

decode_error error_of(const table_spec& spec, bool mariadb = false) {
  auto table = define(spec, mariadb);
  REQUIRE(!table.has_value());
  return table.error();
}

/// Of the one column that the metadata describe.
column_definition column_of(std::string_view type, std::string_view metadata, cell_layout* layout = nullptr) {
  table_definition table = defined({type, metadata, ""});
  if (layout) *layout = table.layout[0];
  return table.columns[0];
}

}  // namespace

TEST_CASE("binlog: table map") {
  bytes body = hex("6d0000000000 0100 02 'db' 00 01 't' 00 03 03 0f fc 03 3c00 02 04 01 01 80");
  owned_event event = make_event(event_type::table_map, body);
  format_description format = format_of("8.0.33");
  auto decode = [&](const event_view& e) { return decode_table_map(e, format); };
  auto m = decode(event.view());
  REQUIRE(m.has_value());
  CHECK(m->table_id == 109);
  CHECK(m->flags == 1);
  CHECK(m->schema == "db");
  CHECK(m->table == "t");
  CHECK(m->column_count() == 3);
  CHECK(m->type(1) == column_type::varchar);
  CHECK(!m->is_nullable(0));
  CHECK(m->is_nullable(2));
  CHECK(m->optional.size() == 3);
  CHECK(encoded([&](encoder& out) { encode_table_map(out, *m); }) == body);
  check_extent(event_type::table_map, body, decode, {}, true);
  check_malformed(
      event_type::table_map,
      {{"6d0000000000 0100 02 'db' 01", {decode_errc::unterminated_string, 30, "schema name"}},
       {"6d0000000000 0100 fcffff", {decode_errc::limit_exceeded, 27, "schema name"}},
       {"6d0000000000 0100 00 00 00 00 fc0110", {decode_errc::limit_exceeded, 31, "column count"}},
       {"6d0000000000 0100 00 00 00 00 00", {decode_errc::bad_value, 31, "column count"}},
       {"6d0000000000 0100 00 00 00 00 01 03 05", {decode_errc::bad_length, 33, "metadata length"}}},
      decode);
  format.post_header_bytes[static_cast<int>(event_type::table_map)] = 6;
  bytes old = hex("6d000000 0100 02 'db' 00 01 't' 00 01 03 00 00");
  CHECK(decode(make_event(event_type::table_map, old).view())->table_id == 109);
  format.post_header_bytes[static_cast<int>(event_type::table_map)] = 7;
  CHECK(decode(event.view()).error().code == decode_errc::unsupported);
}

TEST_CASE("binlog: column types and their metadata") {
  struct {
    const char* type;
    const char* metadata;
    column_type real;
    std::uint32_t size;
    std::uint8_t prefix;
    std::uint32_t length;
  } cases[] = {
      {"01", "", column_type::tiny_int, 1, 0, 0},
      {"02", "", column_type::small_int, 2, 0, 0},
      {"09", "", column_type::medium_int, 3, 0, 0},
      {"03", "", column_type::integer, 4, 0, 0},
      {"08", "", column_type::big_int, 8, 0, 0},
      {"04", "04", column_type::float32, 4, 0, 0},
      {"05", "08", column_type::float64, 8, 0, 0},
      {"06", "", column_type::null, 0, 0, 0},
      {"07", "", column_type::timestamp_old, 4, 0, 0},
      {"0a", "", column_type::date, 3, 0, 0},
      {"0b", "", column_type::time_old, 3, 0, 0},
      {"0c", "", column_type::datetime_old, 8, 0, 0},
      {"0d", "", column_type::year, 1, 0, 0},
      {"0f", "ff00", column_type::varchar, 0, 1, 255},
      {"0f", "0001", column_type::varchar, 0, 2, 256},
      {"10", "0100", column_type::bit, 1, 0, 1},
      {"10", "0501", column_type::bit, 2, 0, 13},
      {"10", "0008", column_type::bit, 8, 0, 64},
      {"11", "00", column_type::timestamp, 4, 0, 0},
      {"11", "06", column_type::timestamp, 7, 0, 0},
      {"12", "01", column_type::datetime, 6, 0, 0},
      {"13", "03", column_type::time, 5, 0, 0},
      {"8c", "02", column_type::blob_compressed, 0, 2, 0},
      {"8d", "2c01", column_type::varchar_compressed, 0, 2, 300},
      {"f2", "04", column_type::vector, 0, 4, 0},
      {"f5", "04", column_type::json, 0, 4, 0},
      {"f6", "0a02", column_type::decimal, 5, 0, 0},
      {"f6", "4126", column_type::decimal, 29, 0, 0},
      {"fe", "f701", column_type::enumeration, 1, 0, 0},
      {"fe", "f702", column_type::enumeration, 2, 0, 0},
      {"fe", "f808", column_type::set, 8, 0, 0},
      {"f7", "f701", column_type::enumeration, 1, 0, 0},
      {"fc", "01", column_type::blob, 0, 1, 0},
      {"fc", "04", column_type::blob, 0, 4, 0},
      {"f9", "01", column_type::blob, 0, 1, 0},
      {"fd", "0a00", column_type::var_string, 0, 1, 10},
      {"fe", "fe0c", column_type::string, 0, 1, 12},
      {"fe", "eefc", column_type::string, 0, 2, 508},
      {"fe", "cefc", column_type::string, 0, 2, 1020},
      {"fe", "000a", column_type::string, 0, 1, 10},
      {"ff", "04", column_type::geometry, 0, 4, 0},
  };
  for (const auto& each : cases) {
    CAPTURE(each.type, each.metadata);
    cell_layout layout;
    column_definition column = column_of(each.type, each.metadata, &layout);
    CHECK(static_cast<int>(column.type) == static_cast<int>(each.real));
    CHECK(layout.size == each.size);
    CHECK(layout.prefix == each.prefix);
    CHECK(column.length == each.length);
    CHECK(column.nullable);
  }
  for (auto [type, metadata] : {std::pair{"04", "08"},
                                {"05", "04"},
                                {"10", "0800"},
                                {"10", "0000"},
                                {"10", "0108"},
                                {"11", "07"},
                                {"f6", "0003"},
                                {"f6", "4200"},
                                {"f6", "0203"},
                                {"fc", "05"},
                                {"fc", "00"},
                                {"fe", "f703"},
                                {"fe", "f805"},
                                {"fe", "fc01"}}) {
    CAPTURE(type, metadata);
    auto error = error_of({type, metadata, ""});
    CHECK(error.code == decode_errc::bad_value);
    CHECK(std::string_view(error.field) == "metadata");
  }
  for (const char* type : {"00", "14", "8e", "f3", "f4"})
    CHECK(error_of({type, "0000", ""}).code == decode_errc::unsupported);
  CHECK(error_of({"0f", "3c", ""}).code == decode_errc::truncated);
  CHECK(error_of({"03", "3c", ""}).code == decode_errc::trailing_bytes);
}

TEST_CASE("binlog: optional metadata: numbers, names, keys, visibility") {
  // id INT UNSIGNED, a VARCHAR, y YEAR, b BIT, d DECIMAL, f DOUBLE
  table_spec spec{"03 0f 0d 10 f6 05", "3c00 0100 0a02 08",
                  "01 01 d0"
                  "04 0d 02 'id' 01 'a' 01 'y' 01 'b' 01 'd' 01 'f'"
                  "09 04 00 00 01 05"
                  "0c 01 f4"};
  spec.nullable = "3e";
  table_definition table = defined(spec);
  CHECK(table.schema == "db");
  CHECK(table.name == "t");
  CHECK(table.has_names);
  CHECK(table.has_key);
  const auto& c = table.columns;
  CHECK(!c[0].nullable);
  CHECK(c[1].nullable);
  // The bits are for id, y, d and f: neither VARCHAR nor BIT has one.
  CHECK(c[0].is_unsigned);
  CHECK(c[2].is_unsigned);
  CHECK(!c[4].is_unsigned);
  CHECK(c[5].is_unsigned);
  CHECK(c[0].signedness_known);
  CHECK(!c[3].signedness_known);
  CHECK(c[0].name == "id");
  CHECK(c[5].name == "f");
  CHECK(c[0].key);
  CHECK(c[0].key_prefix == 0);
  CHECK(c[1].key_prefix == 5);
  CHECK(!c[2].key);
  CHECK(c[3].visible);
  CHECK(!c[4].visible);
  CHECK(c[5].visible);

  table = defined({"03", "", "08 01 00"});
  CHECK(table.columns[0].key);
  table = defined({"03 03", "", "63 02 ffff 04 04 01 'x' 01 'y'"});  // a field that we don't know
  CHECK(table.columns[1].name == "y");
  CHECK(!table.has_key);

  CHECK(error_of({"03", "", "01"}).code == decode_errc::truncated);
  CHECK(error_of({"03", "", "01 05 00"}) ==
        decode_error{decode_errc::truncated, 19 + 20, "metadata field length"});
  CHECK(error_of({"03", "", "01 00"}).code == decode_errc::truncated);
  CHECK(error_of({"03", "", "01 02 8000"}).code == decode_errc::trailing_bytes);
  CHECK(error_of({"03", "", "04 02 05 'x'"}).code == decode_errc::truncated);
  CHECK(error_of({"03 03", "", "04 02 01 'x'"}).code == decode_errc::truncated);
  CHECK(error_of({"03", "", "08 01 01"}) == decode_error{decode_errc::bad_value, 19 + 21, "key column"});
  CHECK(error_of({"03", "", "0c 00"}).code == decode_errc::truncated);
}

TEST_CASE("binlog: optional metadata: character sets are counted in two ways") {
  // VARCHAR, GEOMETRY, JSON, VECTOR, TEXT
  table_spec spec{"0f ff f5 f2 fc", "3c00 04 04 04 02", "03 03 2d 3f 08"};
  table_definition table = defined(spec);
  CHECK(table.columns[0].collation == 45);
  CHECK(table.columns[0].text == charset::utf8);
  CHECK(table.columns[1].collation == 0);
  CHECK(table.columns[3].collation == 63);
  CHECK(table.columns[4].collation == 8);
  CHECK(table.columns[4].conversion == conversion_of("latin1"));
  // MariaDB counts GEOMETRY.
  table = defined({"0f ff fc", "3c00 04 02", "03 05 fc0009 3f 08"}, true);
  CHECK(table.columns[0].collation == 2304);
  CHECK(table.columns[0].text == charset::utf8);
  CHECK(table.columns[1].collation == 63);
  CHECK(table.columns[2].collation == 8);
  // A default with exceptions: by the number of the character column.
  table = defined({"03 0f 03 0f fc", "3c00 3c00 02", "02 05 2d 01 0b 02 3f"});
  CHECK(table.columns[1].text == charset::utf8);
  CHECK(table.columns[3].text == charset::ascii);
  CHECK(table.columns[4].text == charset::binary);
  CHECK(table.columns[0].collation == 0);
  CHECK(error_of({"03 0f", "3c00", "02 03 2d 01 0b"}) ==
        decode_error{decode_errc::bad_value, 19 + 25, "character column"});
  CHECK(error_of({"0f", "3c00", "03 02 2d 2d"}).code == decode_errc::trailing_bytes);
  CHECK(error_of({"0f 0f", "3c00 3c00", "03 01 2d"}).code == decode_errc::truncated);
}

TEST_CASE("binlog: optional metadata: labels, geometry, vectors") {
  // ENUM, SET, INT, ENUM, GEOMETRY, VECTOR
  table_definition table = defined({"fe fe 03 fe ff f2", "f701 f801 f702 04 04",
                                    "05 06 02 01 'a' 02 'bb'"
                                    "06 07 01 01 'x' 02 01 'y' 00"
                                    "07 01 06 0b 03 2d 08 21 0d 03 fc0004"});
  const auto& c = table.columns;
  CHECK(c[0].labels == std::vector<std::string>{"x"});
  CHECK(c[1].labels == std::vector<std::string>{"a", "bb"});
  CHECK(c[3].labels == std::vector<std::string>{"y", ""});
  CHECK(c[4].geometry_type == 6);
  CHECK(c[5].dimension == 1024);
  CHECK(c[0].collation == 45);
  CHECK(c[1].collation == 8);
  CHECK(c[3].collation == 33);
}

TEST_CASE("binlog: character sets by collation") {
  CHECK(charset_of(0) == charset::unknown);
  CHECK(charset_of(33) == charset::utf8);
  CHECK(charset_of(45) == charset::utf8);
  CHECK(charset_of(255) == charset::utf8);
  CHECK(charset_of(323) == charset::utf8);
  CHECK(charset_of(324) == charset::unknown);
  CHECK(charset_of(63) == charset::binary);
  CHECK(charset_of(8) == charset::converted);
  CHECK(charset_of(28) == charset::converted);
  CHECK(charset_of(11) == charset::ascii);
  CHECK(charset_of(51) == charset::converted);
  CHECK(charset_name(51) == "cp1251");
  CHECK(charset_name(28) == "gbk");
  CHECK(charset_name(17).empty());
  CHECK(charset_name(1069) == "utf8mb4");  // 1024 + 45: NO PAD
  CHECK(charset_name(1032) == "latin1");
  CHECK(charset_name(2304) == "utf8mb4");
  CHECK(charset_name(2048) == "utf8mb3");
  CHECK(charset_name(3271) == "utf32");
  CHECK(charset_name(4000).empty());
  CHECK(charset_name(0xffff).empty());

  bytes all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<std::uint8_t>(i));
  std::string out(256 * worst_utf8_growth, 0);
  out.resize(static_cast<std::size_t>(put_as_utf8(out.data(), *conversion_of("latin1"), all) - out.data()));
  CHECK(out.substr(0, 128) == as_text(byte_view(all).first(128)));
  CHECK(out.substr(128, 3) == "€");
  CHECK(out.substr(out.size() - 2) == "ÿ");
}

TEST_CASE("binlog: tables are kept, and forgotten") {
  format_description format = format_of("8.0.33");
  table_cache::limits bounds;
  bounds.tables = 2;
  table_cache tables(bounds);
  owned_event first = table_map_event({"03", "", "04 03 02 'id'"});
  auto added = tables.add(first.view(), format);
  REQUIRE(added.has_value());
  CHECK(tables.find(109) == *added);
  CHECK(tables.find(110) == nullptr);
  std::uint64_t serial = (*added)->serial;
  tables.end_statement();
  CHECK(tables.find(109) == nullptr);
  added = tables.add(first.view(), format);
  REQUIRE(added.has_value());
  CHECK((*added)->serial == serial);
  tables.edit(109)->columns[0].name = "renamed";
  tables.end_statement();
  CHECK((*tables.add(first.view(), format))->columns[0].name == "renamed");
  // The same id for another table, as after a restart of the server.
  owned_event second = table_map_event({"03 03", "", ""});
  added = tables.add(second.view(), format);
  REQUIRE(added.has_value());
  CHECK((*added)->serial != serial);
  CHECK((*added)->columns.size() == 2);
  table_spec other{"03", "", ""};
  other.id = 110;
  owned_event third = table_map_event(other);
  REQUIRE(tables.add(third.view(), format).has_value());
  CHECK(tables.find(109));
  CHECK(tables.find(110));
  other.id = 111;
  owned_event fourth = table_map_event(other);
  CHECK(tables.add(fourth.view(), format).error().code == decode_errc::limit_exceeded);
  tables.end_statement();
  REQUIRE(tables.add(fourth.view(), format).has_value());
  CHECK(tables.find(111));
  tables.clear();
  CHECK(tables.find(111) == nullptr);
  CHECK(!tables.add(make_event(event_type::table_map, "00").view(), format).has_value());
}
