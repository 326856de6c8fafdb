#include "binlog/row_text.hpp"

#include <zlib.h>

#include "binlog/row_images.hpp"
#include "binlog/table_of.hpp"
#include "tests/binlog/table_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

/// Renders the rows of one event: values separated by |, binary as x'…'.
class renderer {
 public:
  explicit renderer(table_definition table) : table_(std::move(table)) {}
  explicit renderer(const table_spec& spec, bool mariadb = false) : table_(defined(spec, mariadb)) {}

  std::string insert(std::string_view values) {
    return run(rows_event(event_type::write_rows_v2, table_.columns.size(), values));
  }

  std::string run(const owned_event& event) {
    std::vector<cell> before(table_.columns.size()), after(table_.columns.size());
    bytes padded = event.whole;
    padded.resize(padded.size() + event_padding);
    event_view view{event.header, byte_view(padded).first(event.whole.size())};
    auto rows = decode_rows(view, format_of("8.0.33"));
    REQUIRE(rows.has_value());
    rows_reader reader(*rows, table_, before, after);
    auto more = reader.next();
    REQUIRE(more.has_value());
    REQUIRE(*more);
    std::string text;
    if (rows->kind != change_kind::insert)
      text = image(before_.render(*rows, table_, reader.before()), before_) + " => ";
    if (rows->kind != change_kind::remove)
      text += image(after_.render(*rows, table_, reader.after(), reader.before()), after_);
    if (rows->kind != change_kind::remove && reader.whole()) compare_lines(*rows, reader);
    return text;
  }

  table_definition& table() { return table_; }
  decode_error error;
  int straight_lines = 0;

 private:
  /// What goes straight into a line is the same line, or nothing.
  void compare_lines(const rows_view& rows, const rows_reader& reader) {
    table_plan plan(table_of(table_));
    std::optional<row_images> images = row_images::of(table_, plan);
    if (!images) return;
    bool update = rows.kind == change_kind::update;
    row_op op = update ? row_op::update : row_op::insert;
    std::size_t size = rows.bytes.size();
    json::buffer straight, usual;
    bool written = envelope_writer(straight).row_by(
        op, plan, 1, images->room(size) + images->room(0), [&](char* at, row_op which) {
          if (!update) return images->put(at, reader.after());
          return which == row_op::remove ? images->put_old(at, reader.before())
                                         : images->put_new(at, reader.after(), reader.before());
        });
    CHECK((straight.size() != 0) == written);
    if (!written) return;
    ++straight_lines;
    std::span<const value> before;
    if (update) before = before_.render(rows, table_, reader.before()).value();
    auto after = after_.render(rows, table_, reader.after(), reader.before());
    REQUIRE(after.has_value());
    envelope_writer(usual).row(op, plan, 1, update ? old_row::full : old_row::none, before, *after, 2 * size);
    CHECK(straight.view() == usual.view());
  }

  std::string image(const decoded<std::span<const value>>& values, const row_text& of) {
    if (!values) {
      error = values.error();
      return std::string(to_string(error.code)) + " " + error.field;
    }
    std::string text;
    for (std::size_t i = 0; i < values->size(); ++i) {
      if (i) text += '|';
      const value& each = (*values)[i];
      if (of.is_diff(i)) text += '~';
      switch (each.kind) {
        case value_kind::null: text += "null"; break;
        case value_kind::absent: text += "absent"; break;
        case value_kind::unchanged: text += "unchanged"; break;
        case value_kind::text: text += each.bytes(); break;
        case value_kind::binary:
          text += "x'";
          for (char c : each.bytes()) {
            text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
            text += "0123456789abcdef"[c & 15];
          }
          text += '\'';
      }
      bool has_text = each.kind == value_kind::text || each.kind == value_kind::binary;
      CHECK((each.data != nullptr) == has_text);
    }
    return text;
  }

  table_definition table_;
  row_text before_, after_;
};

bytes deflated(std::string_view text, bool raw) {
  bytes out(compressBound(text.size()) + 32);
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, raw ? -15 : 15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string as_hex(byte_view data) {
  std::string text;
  for (std::uint8_t byte : data) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace

TEST_CASE("binlog: values as text") {
  // TINYINT UNSIGNED, INT, BIGINT, FLOAT, DOUBLE, DECIMAL(7,2), YEAR, BIT(13)
  renderer numbers({"01 03 08 04 05 f6 0d 10", "04 08 0702 0501", "01 01 80"});
  CHECK(numbers.insert("00 ff ffffffff 0000000000000080 c3f54840 9a9999999999b93f 7ffb2dc7 7c 1fff") ==
        "255|-1|-9223372036854775808|3.14|0.1|-1234.56|2024|8191");
  CHECK(numbers.insert("fe 00") == "0|null|null|null|null|null|null|null");
  CHECK(numbers.insert("bf 00") == "null|null|null|null|null|null|0000|null");
  CHECK(numbers.straight_lines == 3);
  CHECK(form_of(numbers.table().columns[0]) == value_form::integer);
  CHECK(form_of(numbers.table().columns[5]) == value_form::number);
  CHECK(form_of(numbers.table().columns[6]) == value_form::text);
  CHECK(form_of(numbers.table().columns[7]) == value_form::integer);

  // DATE, TIME(2), DATETIME(1), TIMESTAMP(3), and the old three
  renderer times({"0a 13 12 11 0b 0c 07", "02 01 03", ""});
  CHECK(times.insert("00 5dd00f 7fffffff 99b2bac8b832 65e1177f270f c01dfe 80c5aa8b68120000 ffffff7f") ==
        "2024-02-29|-00:00:00.01|2024-02-29 12:34:56.5|2024-02-29 23:47:11.999|-12:34:56|2024-02-29 12:34:56|"
        "2038-01-19 03:14:07");
  CHECK(times.insert("7e ffffff") == "bad_value date or time");
  CHECK(times.error.offset == 32);
}

TEST_CASE("binlog: whole rows straight into lines") {
  // Every signed and unsigned integer, the bounds and what is between them
  for (std::string_view sign : {"01 01 00", "01 01 f8"}) {
    renderer integers({"01 02 09 03 08", "", sign});
    for (std::string_view row :
         {"00 7f ff7f ffff7f ffffff7f ffffffffffffff7f", "00 80 0080 000080 00000080 0000000000000080",
          "00 ff ffff ffffff ffffffff ffffffffffffffff", "00 00 0000 000000 00000000 0000000000000000",
          "00 09 0a00 638603 00e1f505 00e40b5402000000", "00 64 e803 a08601 ffe0f505 0000c16ff2862300",
          "00 9c 18fc 60ffff 01f0ffff ffffc16ff2862300"})
      integers.insert(row);
    CHECK(integers.straight_lines == 7);
  }
  // DATE, TIME, TIME(2), TIME(6), DATETIME(1), DATETIME(6), TIMESTAMP, TIMESTAMP(3)
  renderer times({"0a 13 13 13 12 12 11 11", "00 02 06 01 06 00 03", ""});
  times.insert("00 5dd00f 80c5aa 7fffffff 7ffffffffff0 99b2bac8b832 99b2bac8b801e240 65e1177f 65e1177f270f");
  times.insert(
      "00 000000 800000 800000 00 800000000000 8000000000 00 8000000000000000 00000000 000000000000");
  CHECK(times.straight_lines == 2);
  // utf8mb4, latin1, BLOB, BINARY(5): what must be escaped, what is no text
  renderer text({"0f 0f fc fe", "3c00 3c00 02 fe05", "03 04 2d 08 3f 3f"});
  text.insert("00 05 22 5c 0a 1f 7f 04 e9 22 00 'x' 0300 00 ff 'a' 02 'ab'");
  text.insert("00 03 'a' ff 'b' 00 0000 00");
  CHECK(text.straight_lines == 2);
}

TEST_CASE("binlog: updates straight into lines") {
  // INT, VARCHAR(60), BLOB, DOUBLE, VARCHAR(60)
  constexpr int columns = 5;
  const std::string states[columns][3] = {
      {"01000000", "02000000", ""},
      {"21 '0123456789abcdef0123456789abcde1' 22", "21 '0123456789abcdef0123456789abcde1' 23", ""},
      {"0000", "1000 'sixteen bytes ..'", ""},
      {"9a9999999999b93f", "9a9999999999c93f", ""},
      {"01 '1'", "02 '11'", ""},
  };
  auto image = [&](int which) {
    unsigned nulls = 0;
    std::string values;
    for (int i = 0; i < columns; ++i, which /= 3) {
      nulls |= (which % 3 == 2 ? 1u : 0u) << i;
      values += " " + states[i][which % 3];
    }
    std::uint8_t bits = static_cast<std::uint8_t>(nulls);
    return as_hex({&bits, 1}) + values + " ";
  };
  renderer text({"03 0f fc 05 0f", "3c00 02 08 3c00", ""});
  int rows = 0;
  for (int before : {0, 121, 242, 1 + 9 + 81, 200})
    for (int after = 0; after < 243; ++after, ++rows)
      text.run(rows_event(event_type::update_rows_v2, columns, image(before) + image(after)));
  CHECK(text.straight_lines == rows);
}

TEST_CASE("binlog: characters in their sets") {
  // VARCHARs: utf8mb4, latin1, binary, gbk, and of a set that is not told
  renderer text({"0f 0f 0f 0f", "3c00 3c00 3c00 3c00", "03 04 2d 08 3f 1c"});
  CHECK(text.insert("00 02 c3a4 02 'a' e4 01 ff 01 cf") == "ä|aä|x'ff'|x'cf'");
  CHECK(text.insert("00 00 00 00 00") == "||x''|");
  CHECK(text.insert("00 00 09 'abcdefghi' 00 03 'a' d6d0") == "|abcdefghi|x''|a中");
  CHECK(form_of(text.table().columns[1]) == value_form::text);
  CHECK(form_of(text.table().columns[2]) == value_form::binary);
  CHECK(form_of(text.table().columns[3]) == value_form::text);
  // swe7, whose letters are bytes of ASCII; sjis, gb18030, ujis
  renderer other({"0f 0f 0f 0f", "3c00 3c00 3c00 3c00", "03 04 0a 0d f8 0c"});
  CHECK(other.insert("00 02 'a' 5b 03 955c b1 04 9439fc36 03 8fb0a1") == "aÄ|表ｱ|😀|丂");
  CHECK(other.insert("00 01 7f 02 b195 03 9439fc 02 8fb0") == "x'7f'|x'b195'|x'9439fc'|x'8fb0'");
  // cp1251, utf16, utf16le, utf32; a byte that cp1251 does not have, half a pair of utf16
  renderer converted({"0f 0f 0f 0f", "3c00 3c00 3c00 3c00", "03 04 33 36 38 3c"});
  CHECK(converted.insert("00 02 'a' cf 06 0061 d83d de00 04 6100 e400 08 00000061 0001f600") ==
        "aП|a😀|aä|a😀");
  CHECK(converted.insert("00 01 98 02 d83d 01 00 04 00110000") == "x'98'|x'd83d'|x'00'|x'00110000'");
  CHECK(form_of(converted.table().columns[1]) == value_form::text);
  renderer unknown({"0f fc", "3c00 02", ""});
  CHECK(unknown.insert("00 01 'x' 0100 'y'") == "x|y");
  CHECK(form_of(unknown.table().columns[1]) == value_form::text);
}

TEST_CASE("binlog: BINARY gets its zeros back") {
  // BINARY(4), CHAR(4) utf8mb4, BINARY(16) three times
  renderer text({"fe fe fe fe fe", "fe04 fe10 fe10 fe10 fe04", "03 05 3f 2d 3f 3f 3f"});
  CHECK(text.insert("00 01 'A' 01 'A' 00 00 00") ==
        "x'41000000'|A|x'00000000000000000000000000000000'|x'00000000000000000000000000000000'|x'00000000'");
  auto& c = text.table().columns;
  c[2].hint = column_hint::uuid;
  c[3].hint = column_hint::inet6;
  c[4].hint = column_hint::inet4;
  CHECK(text.insert("00 04 01020304 00 08 123e4567e89b12d3 04 20010db8 01 0a") ==
        "x'01020304'||123e4567-e89b-12d3-0000-000000000000|2001:db8::|10.0.0.0");
  CHECK(form_of(c[2]) == value_form::text);
  CHECK(text.insert("00 05 0102030405 00 00 00 00") == "bad_length binary value");
}

TEST_CASE("binlog: INET6 as the server prints it") {
  auto inet6 = [](std::string_view text) {
    char out[48];
    bytes data = hex(text);
    return std::string(out, put_inet6(out, data.data()));
  };
  CHECK(inet6("00000000000000000000000000000000") == "::");
  CHECK(inet6("00000000000000000000000000000001") == "::1");
  CHECK(inet6("20010db8000000000000000000000000") == "2001:db8::");
  CHECK(inet6("20010db8000000000001000000000001") == "2001:db8::1:0:0:1");
  CHECK(inet6("00010000000000000001000000000001") == "1::1:0:0:1");
  CHECK(inet6("00010002000300040005000600070008") == "1:2:3:4:5:6:7:8");
  CHECK(inet6("00010000000300040005000600070008") == "1:0:3:4:5:6:7:8");
  CHECK(inet6("00000000000000000000ffff01020304") == "::ffff:1.2.3.4");
  CHECK(inet6("00000000000000000000000001020304") == "::1.2.3.4");
  CHECK(inet6("ff020000000000000000000000010002") == "ff02::1:2");
}

TEST_CASE("binlog: labels") {
  renderer text({"fe fe", "f701 f801", "05 06 02 01 'a' 02 c3a4 06 06 02 01 'x' 02 'yz'"});
  CHECK(text.insert("00 02 03") == "yz|a,ä");
  CHECK(text.table().columns[0].labels.size() == 2);
  CHECK(text.insert("00 00 00") == "|");
  CHECK(text.insert("00 03 00") == "bad_value enum number");
  CHECK(text.insert("00 01 04") == "bad_value set number");
  CHECK(form_of(text.table().columns[0]) == value_form::text);
  text.table().columns[0].text = charset::converted;
  text.table().columns[0].conversion = conversion_of("latin1");
  text.table().columns[0].labels[0] = "\xe4";
  CHECK(text.insert("00 01 00") == "ä|");
  text.table().columns[0].text = charset::other;
  CHECK(text.insert("00 01 00") == "x'e4'|");
  renderer numbers({"fe fe", "f702 f808", ""});
  CHECK(numbers.insert("00 2c01 ffffffffffffffff") == "300|18446744073709551615");
  CHECK(form_of(numbers.table().columns[0]) == value_form::integer);
  std::string set64 = "05 c1 40";
  for (int i = 0; i < 64; ++i) set64 += " 02 'aa'";
  renderer all({"fe", "f808", set64});
  CHECK(all.insert("00 0000000000000080") == "aa");
}

TEST_CASE("binlog: geometry, vectors, JSON") {
  renderer text({"ff f2 f5", "04 04 04", ""});
  CHECK(text.insert("00 04000000 deadbeef 0c000000 0000803f 000020c0 c3f54840 02000000 0401") ==
        "x'deadbeef'|[1,-2.5,3.14]|true");
  CHECK(text.insert("00 00000000 00000000 00000000") == "x''|[]|null");
  CHECK(text.insert("00 00000000 03000000 010203 00000000") == "bad_length vector");
  CHECK(text.insert("00 00000000 04000000 0000807f 00000000") == "bad_value vector");
  std::string tiny, tiny_text;  // of the longest that single-precision numbers come to
  for (int i = 0; i < 200; ++i) {
    tiny += " 83ebb1a6";
    tiny_text += (i ? "," : "") + std::string("-0.0000000000000012345678");
  }
  CHECK(text.insert("00 00000000 20030000" + tiny + " 00000000") == "x''|[" + tiny_text + "]|null");
  CHECK(text.insert("00 00000000 00000000 02000000 0409") == "bad_value JSON literal");
  CHECK(text.error.offset == 32 + 12 + 1);
  CHECK(form_of(text.table().columns[0]) == value_form::binary);
  CHECK(form_of(text.table().columns[1]) == value_form::json);
}

TEST_CASE("binlog: what an image leaves out") {
  renderer text({"03 0f", "3c00", ""});
  CHECK(text.run(rows_event(event_type::update_rows_v2, 2, "00 01000000 00 01 'x'", "01", "02")) ==
        "1|absent => unchanged|x");
  CHECK(text.run(rows_event(event_type::write_rows_v2, 2, "00 01000000", "", "01")) == "1|absent");
  CHECK(text.run(rows_event(event_type::delete_rows_v2, 2, "00 01000000", "01")) == "1|absent => ");
}

TEST_CASE("binlog: partial JSON") {
  renderer text({"03 f5", "04", ""});
  // {"a": 1} and the replacement of $.a by 2
  std::string document = "0d000000 00 0100 0c00 0b00 0100 05 0100 'a'";
  std::string change = "08000000 00 03 '$.a' 03 05 0200";
  CHECK(text.run(rows_event(event_type::partial_update_rows, 2,
                            "00 01000000 " + document + "01 01 00 01000000 09000000" + change.substr(8))) ==
        R"(1|{"a": 1} => 1|{"a": 2})");
  CHECK(text.run(rows_event(event_type::partial_update_rows, 2,
                            "00 01000000 01 01 00 09000000" + change.substr(8), "01", "02")) ==
        R"(1|absent => unchanged|~[{"op": "replace", "path": "$.a", "value": 2}])");
  // The next row has no diff any more.
  CHECK(text.insert("02 01000000") == "1|null");
  CHECK(text.run(rows_event(event_type::partial_update_rows, 2,
                            "02 01000000 01 01 00 01000000 09000000" + change.substr(8))) ==
        "1|null => unknown_reference JSON document");
  std::string wrong = "09000000 00 03 '$.b' 03 05 0200";
  CHECK(text.run(rows_event(event_type::partial_update_rows, 2,
                            "00 01000000 " + document + "01 01 00 01000000" + wrong)) ==
        R"(1|{"a": 1} => unknown_reference JSON path)");
}

TEST_CASE("binlog: MariaDB's compressed columns") {
  std::string plain(300, 'x');
  for (bool raw : {false, true}) {
    // VARCHAR(400) COMPRESSED in utf8mb4, TEXT COMPRESSED in latin1, BLOB COMPRESSED
    renderer text({"8d 8c 8c", "9001 02 02", "03 03 2d 08 3f"}, true);
    bytes packed = deflated(plain, raw);
    std::string head = raw ? "8a 012c" : "82 012c";
    auto value = [&](std::string_view data) {
      bytes all = hex(data);
      std::string size = as_hex(byte_view(all));
      std::uint8_t length[2] = {static_cast<std::uint8_t>(all.size()),
                                static_cast<std::uint8_t>(all.size() >> 8)};
      return as_hex(length) + size;
    };
    std::string whole = value(head + as_hex(packed));
    CHECK(text.insert("00" + whole + value("00 'a' e4") + value("")) == plain + "|aä|x''");
    std::string latin(200, '\xe4');
    bytes packed_latin = deflated(latin, raw);
    std::string latin_value = value((raw ? "89 c8" : "81 c8") + as_hex(packed_latin));
    std::string utf8;
    for (int i = 0; i < 200; ++i) utf8 += "ä";
    CHECK(text.insert("00" + value("") + latin_value + value("00 ff")) == "|" + utf8 + "|x'ff'");
    auto refused = [&](std::string_view data) {
      return text.insert("00" + value(data) + value("") + value(""));
    };
    CHECK(refused("10 00") == "unsupported column compression");
    CHECK(refused("80") == "bad_value column compression");
    CHECK(refused("82 01") == "truncated column compression");
    CHECK(refused("84 ffffffff") == "limit_exceeded compressed value");
    CHECK(refused("83 0fffff 00") == "bad_length compressed value");
    CHECK(refused(std::string(raw ? "8a 012d" : "82 012d") + as_hex(packed)) == "bad_value compressed value");
    CHECK(refused(std::string(raw ? "8a 012b" : "82 012b") + as_hex(packed)) == "bad_value compressed value");
    CHECK(refused(std::string(raw ? "82" : "8a") + "012c" + as_hex(packed)) == "bad_value compressed value");
  }
}
