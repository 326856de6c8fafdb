#include "binlog/rows.hpp"

#include "tests/binlog/table_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

const format_description format = format_of("8.0.33");

/// Every row as text: "hex" of each cell, null, -, or ~hex for a diff; images separated by |.
std::vector<std::string> read(const owned_event& event, const table_definition& table,
                              decode_error* error = nullptr) {
  std::vector<std::string> rows;
  event_view view = event.view();
  auto m = decode_rows(view, format);
  if (!m) {
    REQUIRE(error);
    *error = m.error();
    return rows;
  }
  std::vector<cell> before(table.columns.size()), after(table.columns.size());
  rows_reader reader(*m, table, before, after);
  auto image = [](std::span<const cell> cells) {
    std::string text;
    for (const cell& each : cells) {
      if (!text.empty()) text += ' ';
      switch (each.kind) {
        case cell_kind::absent: text += '-'; continue;
        case cell_kind::null: text += "null"; continue;
        case cell_kind::diff: text += '~'; break;
        case cell_kind::present: break;
      }
      for (std::uint8_t byte : each.bytes()) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
      }
      if (each.size == 0) text += "''";
    }
    return text;
  };
  for (;;) {
    auto more = reader.next();
    if (!more) {
      REQUIRE(error);
      *error = more.error();
      CHECK(reader.next().error() == *error);
      return rows;
    }
    if (!*more) return rows;
    std::string row = image(reader.before());
    if (m->kind == change_kind::update) row += '|';
    rows.push_back(row + image(reader.after()));
  }
}

decode_error error_of(const owned_event& event, const table_definition& table) {
  decode_error error;
  read(event, table, &error);
  CHECK(error.code != decode_errc::none);
  return error;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("binlog: inserts, updates, deletes") {
  table_definition table = defined({"03 0f 0f", "3c00 5802", ""});
  for (auto type : {event_type::write_rows_v1, event_type::write_rows_v2})
    CHECK(read(rows_event(type, 3, "00 01000000 02 'ab' 0300 'cde' 06 02000000"), table) ==
          texts{"01000000 6162 636465", "02000000 null null"});
  for (auto type : {event_type::delete_rows_v1, event_type::delete_rows_v2})
    CHECK(read(rows_event(type, 3, "00 01000000 00 0000"), table) == texts{"01000000 '' ''"});
  for (auto type : {event_type::update_rows_v1, event_type::update_rows_v2})
    CHECK(read(rows_event(type, 3, "06 01000000 04 02000000 01 'x'"), table) ==
          texts{"01000000 null null|02000000 78 null"});
}

TEST_CASE("binlog: row images with some of the columns") {
  table_definition table = defined({"03 0f 0f", "3c00 5802", ""});
  // Before: the key; after: the third column. Null bits count present columns only.
  CHECK(read(rows_event(event_type::update_rows_v2, 3, "00 01000000 00 0100 'z' 00 02000000 01", "01", "04"),
             table) == texts{"01000000 - -|- - 7a", "02000000 - -|- - null"});
  // Bits beyond the columns don't matter.
  CHECK(read(rows_event(event_type::delete_rows_v2, 3, "01", "fa"), table) == texts{"- null -"});
  // An after image without columns, as FULL_NODUP writes it for an update that changes nothing.
  CHECK(read(rows_event(event_type::update_rows_v2, 3, "06 01000000", "07", "00"), table) ==
        texts{"01000000 null null|- - -"});
  CHECK(error_of(rows_event(event_type::delete_rows_v2, 3, "00", "00"), table) ==
        decode_error{decode_errc::bad_value, 31, "columns"});
}

TEST_CASE("binlog: MariaDB's old times with fractions don't pass for other rows") {
  // INT, TIME of the old kind. Whole seconds take three bytes; TIME(6) takes six and says so nowhere.
  table_definition table = defined({"030b", "", ""}, true);
  REQUIRE(table.old_temporals);
  auto rows_of = [&](std::string_view rows) {
    owned_event event = rows_event(event_type::write_rows_v1, 2, rows);
    event_view view = event.view();
    auto m = decode_rows(view, format_of("5.5.5-10.11.6-MariaDB"));
    REQUIRE(m.has_value());
    std::vector<cell> cells(2);
    rows_reader reader(*m, table, {}, cells);
    int count = 0;
    decode_error error;
    for (;;) {
      auto next = reader.next();
      if (!next) error = next.error();
      if (!next || !*next) break;
      ++count;
    }
    return std::pair(count, error);
  };
  CHECK(rows_of("fc 01000000 010203  fe 02000000 040506").first == 2);
  auto [count, error] = rows_of("fc 01000000 010203 000000  fc 02000000 040506 000000");
  CHECK(count == 1);
  CHECK(error == decode_error{decode_errc::unsupported, 37, "old time with a fraction"});
}

TEST_CASE("binlog: nine columns have two bytes of null bits") {
  table_definition table = defined({"01 01 01 01 01 01 01 01 01", "", ""});
  CHECK(read(rows_event(event_type::write_rows_v2, 9, "0001 0102030405060708"), table) ==
        texts{"01 02 03 04 05 06 07 08 null"});
  CHECK(read(rows_event(event_type::write_rows_v2, 9, "ff00 09"), table) ==
        texts{"null null null null null null null null 09"});
  CHECK(read(rows_event(event_type::write_rows_v2, 9, "02 07", "", "8001"), table) ==
        texts{"- - - - - - - 07 null"});
}

TEST_CASE("binlog: the parts of a rows event") {
  table_definition table = defined({"03", "", ""});
  rows_view m;
  m.table_id = 109;
  m.flags = 1;
  m.column_count = 1;
  bytes bits = hex("01"), extra = hex("01 0500 0600"), rows = hex("00 01000000 00 02000000");
  m.before_columns = m.after_columns = bits;
  m.extra = extra;
  bytes body = encoded([&](encoder& out) { encode_rows(out, m, true, rows); });
  owned_event event = make_event(event_type::update_rows_v2, body);
  auto decoded = decode_rows(event.view(), format);
  REQUIRE(decoded.has_value());
  CHECK(decoded->kind == change_kind::update);
  CHECK(decoded->ends_statement());
  CHECK(decoded->partition == 5);
  CHECK(decoded->source_partition == 6);
  CHECK(encoded([&](encoder& out) { encode_rows(out, *decoded, true, rows); }) == body);
  check_extent(
      event_type::update_rows_v2, body, [](const event_view& e) { return decode_rows(e, format); }, {}, true);
  CHECK(read(event, table) == texts{"01000000|02000000"});

  auto with_extra = [](std::string_view text) {
    bytes whole = hex("6d0000000000 0100");
    bytes data = hex(text);
    whole.push_back(static_cast<std::uint8_t>(data.size() + 2));
    whole.push_back(0);
    whole.insert(whole.end(), data.begin(), data.end());
    for (std::uint8_t byte : hex("01 01 00 01000000")) whole.push_back(byte);
    return make_event(event_type::write_rows_v2, whole);
  };
  CHECK(decode_rows(with_extra("01 0700").view(), format)->partition == 7);
  CHECK(decode_rows(with_extra("00 04 010203 01 0700").view(), format)->partition == 7);
  CHECK(decode_rows(with_extra("63 0102").view(), format)->partition == no_partition);
  CHECK(decode_rows(with_extra("01 07").view(), format).error() ==
        decode_error{decode_errc::truncated, 30, "partition"});
  CHECK(decode_rows(make_event(event_type::write_rows_v2, "6d0000000000 0100 0100 01 01").view(), format)
            .error() == decode_error{decode_errc::bad_length, 27, "extra data length"});
  CHECK(decode_rows(make_event(event_type::write_rows_v2, "6d0000000000 0100 0200 00").view(), format)
            .error() == decode_error{decode_errc::bad_value, 29, "column count"});
  CHECK(decode_rows(make_event(event_type::write_rows_v2, "6d0000000000 0100 0200 fd000001").view(), format)
            .error()
            .code == decode_errc::limit_exceeded);
  CHECK(decode_rows(make_event(event_type::xid, "00").view(), format).error().code ==
        decode_errc::unknown_tag);

  owned_event dummy = make_event(event_type::write_rows_v2, "ffffff000000 0100 0200 00");
  CHECK(decode_rows(dummy.view(), format)->is_dummy());
  format_description strange = format_of("8.0.33");
  strange.post_header_bytes[30] = 12;
  CHECK(decode_rows(dummy.view(), strange).error().code == decode_errc::unsupported);
  strange.post_header_bytes[23] = 6;
  CHECK(decode_rows(make_event(event_type::write_rows_v1, "6d000000 0100 01 01 00 01000000").view(), strange)
            ->table_id == 109);
}

TEST_CASE("binlog: rows that are cut off anywhere") {
  table_definition table = defined({"03 0f fc f5", "3c00 03 04", ""});
  owned_event whole = rows_event(event_type::update_rows_v2, 4,
                                 "00 01000000 02 'ab' 030000 'cde' 02000000 0401 08 02000000 00 010000 'x'");
  REQUIRE(read(whole, table).size() == 1);
  std::size_t begin = decode_rows(whole.view(), format)->rows_at;
  for (std::size_t size = begin + 1; size < whole.whole.size(); ++size) {
    owned_event cut = whole;
    cut.whole.resize(size);
    decode_error error = error_of(cut, table);
    CAPTURE(size, error.field);
    CHECK(error.code == decode_errc::truncated);
    CHECK(error.offset <= size);
  }
  table_definition other = defined({"03 0f fc", "3c00 03", ""});
  CHECK(error_of(whole, other) == decode_error{decode_errc::bad_value, begin, "column count"});
  std::vector<cell> few(2);
  auto m = decode_rows(whole.view(), format);
  CHECK(rows_reader(*m, table, few, few).next().error().code == decode_errc::limit_exceeded);
}

TEST_CASE("binlog: partial updates") {
  // INT, JSON, VARCHAR, JSON
  table_definition table = defined({"03 f5 0f f5", "04 3c00 04", ""});
  CHECK(table.json_columns == 2);
  // Options 1; partial bits: the second JSON column.
  CHECK(read(rows_event(event_type::partial_update_rows, 4,
                        "0e 01000000   01 02 00 01000000 02000000 0401 01 'x' 03000000 aabbcc"),
             table) == texts{"01000000 null null null|01000000 0401 78 ~aabbcc"});
  // No options.
  CHECK(read(rows_event(event_type::partial_update_rows, 4, "0e 01000000   00 0e 02000000"), table) ==
        texts{"01000000 null null null|02000000 null null null"});
  // MINIMAL: the bits are for all JSON columns of the table, present or not.
  CHECK(read(rows_event(event_type::partial_update_rows, 4, "00 01000000   01 02 00 01000000 dd", "01", "08"),
             table) == texts{"01000000 - - -|- - - ~dd"});
  CHECK(error_of(rows_event(event_type::partial_update_rows, 4, "0e 01000000   02 00"), table).code ==
        decode_errc::unsupported);
  CHECK(error_of(rows_event(event_type::partial_update_rows, 4, "0e 01000000   01"), table).code ==
        decode_errc::truncated);
}
