#include "wire/backend_query.hpp"

#include "tests/wire/encode_again.hpp"
#include "tests/wire/frame_case.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

void encode_view(encoder& out, const row_description_view& m) {
  encode_row_description(out, list_of(m));
}

void encode_view(encoder& out, const data_row_view& m) {
  encode_data_row(out, list_of(m.values));
}

}  // namespace

TEST_CASE("row description") {
  bytes frame =
      hex("'T' 00000036 0002 'id' 00 00004001 0001 00000017 0004 ffffffff 0000"
          "'?column?' 00 00000000 0000 c0000019 ffff 0000002c 0001");
  auto m = decode_row_description(body_of(frame));
  REQUIRE(m.has_value());
  CHECK(m->field_count == 2);
  auto fields = list_of(*m);
  REQUIRE(fields.size() == 2);
  CHECK(fields[0].name == "id");
  CHECK(fields[0].table_oid == 0x4001);
  CHECK(fields[0].column_number == 1);
  CHECK(fields[0].type_oid == 23);
  CHECK(fields[0].type_size == 4);
  CHECK(fields[0].type_modifier == -1);
  CHECK(fields[0].format == 0);
  CHECK(fields[1].name == "?column?");
  CHECK(fields[1].table_oid == 0);
  CHECK(fields[1].column_number == 0);
  CHECK(fields[1].type_oid == 0xc0000019);
  CHECK(fields[1].type_size == -1);
  CHECK(fields[1].type_modifier == 44);
  CHECK(fields[1].format == 1);
  CHECK(encoded([&](encoder& out) { encode_view(out, *m); }) == frame);
  check_extent(frame, decode_row_description);
  check_frame(backend_tag::row_description, "0000", decode_row_description,
              [](encoder& out, const row_description_view& view) { encode_view(out, view); });
}

TEST_CASE("row description: malformed") {
  check_malformed(
      {{"00", {decode_errc::truncated, 0, "field count"}},
       {"0001", {decode_errc::unterminated_string, 2, "field name"}},
       {"0001 'id'", {decode_errc::unterminated_string, 2, "field name"}},
       {"0001 'id' 00 000040", {decode_errc::truncated, 5, "table"}},
       {"0001 'id' 00 00004001 00", {decode_errc::truncated, 9, "column number"}},
       {"0001 'id' 00 00004001 0001 00", {decode_errc::truncated, 11, "type"}},
       {"0001 'id' 00 00004001 0001 00000017 00", {decode_errc::truncated, 15, "type size"}},
       {"0001 'id' 00 00004001 0001 00000017 0004 ff", {decode_errc::truncated, 17, "type modifier"}},
       {"0001 'id' 00 00004001 0001 00000017 0004 ffffffff 00", {decode_errc::truncated, 21, "format"}},
       {"0002 'id' 00 00004001 0001 00000017 0004 ffffffff 0000",
        {decode_errc::unterminated_string, 23, "field name"}},
       {"ffff 'id' 00 00004001 0001 00000017 0004 ffffffff 0000",
        {decode_errc::unterminated_string, 23, "field name"}},
       {"0000 'id' 00", {decode_errc::trailing_bytes, 2, "end of message"}}},
      [](const bytes& body) { return decode_row_description(body); });
}

TEST_CASE("data row") {
  bytes frame = hex("'D' 00000017 0004 00000001 '1' ffffffff 00000000 00000000");
  auto m = decode_data_row(body_of(frame));
  REQUIRE(m.has_value());
  CHECK(m->values.count == 4);
  auto values = list_of(m->values);
  REQUIRE(values.size() == 4);
  CHECK(as_text(values[0].value()) == "1");
  CHECK(!values[1].has_value());
  CHECK(values[2].value().empty());
  CHECK(values[3].value().empty());
  for (const char* body : {"0004 00000001 '1' ffffffff 00000000 00000000", "0000", "0001 ffffffff",
                           "0002 00000003 'a' 00 'b' 00000002 '42'"})
    check_frame(backend_tag::data_row, body, decode_data_row,
                [](encoder& out, const data_row_view& view) { encode_view(out, view); });
}

TEST_CASE("data row: malformed") {
  check_malformed({{"00", {decode_errc::truncated, 0, "value count"}},
                   {"0001", {decode_errc::truncated, 2, "value length"}},
                   {"0001 000000", {decode_errc::truncated, 2, "value length"}},
                   {"0001 fffffffe", {decode_errc::bad_length, 2, "value length"}},
                   {"0001 80000000 00", {decode_errc::bad_length, 2, "value length"}},
                   {"0001 7fffffff 00", {decode_errc::truncated, 6, "value"}},
                   {"0001 00000002 '1'", {decode_errc::truncated, 6, "value"}},
                   {"ffff ffffffff", {decode_errc::truncated, 6, "value length"}},
                   {"0000 ffffffff", {decode_errc::trailing_bytes, 2, "end of message"}},
                   {"0001 ffffffff 00", {decode_errc::trailing_bytes, 6, "end of message"}}},
                  [](const bytes& body) { return decode_data_row(body); });
}

TEST_CASE("data row: as many values as the count can say, and one more") {
  std::vector<std::optional<byte_view>> values(65'535);
  bytes frame = encoded([&](encoder& out) { encode_data_row(out, values); });
  auto m = decode_data_row(body_of(frame));
  REQUIRE(m.has_value());
  CHECK(list_of(m->values).size() == 65'535);
  values.emplace_back();
  CHECK(refused([&](encoder& out) { encode_data_row(out, values); }) ==
        decode_error{decode_errc::limit_exceeded, 5, "value count"});
}

TEST_CASE("command complete") {
  bytes given = hex("'INSERT 0 1' 00");
  auto m = decode_command_complete(given);
  REQUIRE(m.has_value());
  CHECK(m->tag == "INSERT 0 1");
  for (const char* body : {"'INSERT 0 1' 00", "00"})
    check_frame(backend_tag::command_complete, body, decode_command_complete, encode_command_complete);
  check_malformed({{"'SELECT'", {decode_errc::unterminated_string, 0, "command tag"}}},
                  [](const bytes& body) { return decode_command_complete(body); });
}

TEST_CASE("parameter description") {
  bytes given = hex("0002 00000017 c0000019");
  auto m = decode_parameter_description(given);
  REQUIRE(m.has_value());
  REQUIRE(m->types.size() == 2);
  CHECK(m->types[0] == 23);
  CHECK(m->types[1] == 0xc0000019);
  auto encode = [](encoder& out, const parameter_description_view& view) {
    encode_parameter_description(out, list_of(view.types));
  };
  for (const char* body : {"0002 00000017 c0000019", "0000"})
    check_frame(backend_tag::parameter_description, body, decode_parameter_description, encode);
  check_malformed({{"00", {decode_errc::truncated, 0, "parameter count"}},
                   {"0001 000000", {decode_errc::truncated, 2, "parameter types"}},
                   {"ffff 00000017", {decode_errc::truncated, 2, "parameter types"}},
                   {"0000 00", {decode_errc::trailing_bytes, 2, "end of message"}}},
                  [](const bytes& body) { return decode_parameter_description(body); });
}

TEST_CASE("function call response") {
  CHECK(as_text(decode_function_call_response(hex("00000002 '42'"))->result.value()) == "42");
  CHECK(!decode_function_call_response(hex("ffffffff"))->result.has_value());
  CHECK(decode_function_call_response(hex("00000000"))->result.value().empty());
  for (const char* body : {"00000002 '42'", "ffffffff", "00000000"})
    check_frame(backend_tag::function_call_response, body, decode_function_call_response,
                encode_function_call_response);
  check_malformed({{"fffffff0", {decode_errc::bad_length, 0, "value length"}},
                   {"00000002 00", {decode_errc::truncated, 4, "value"}}},
                  [](const bytes& body) { return decode_function_call_response(body); });
}
