#include "wire/error_notice.hpp"

#include "tests/wire/encode_again.hpp"
#include "tests/wire/frame_case.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

constexpr const char* slot_in_use =
    "'SERROR' 00 'VERROR' 00 'C55006' 00 'Mreplication slot \"s\" is active for PID 4711' 00 'L' 00 00";

}  // namespace

TEST_CASE("errors and notices") {
  bytes given = hex(slot_in_use);
  auto m = decode_error_response(given);
  REQUIRE(m.has_value());
  auto fields = list_of(*m);
  REQUIRE(fields.size() == 5);
  CHECK(fields[2].code == 'C');
  CHECK(fields[2].text == "55006");
  CHECK(fields[4].code == 'L');
  CHECK(fields[4].text.empty());
  CHECK(field_of(*m, 'V') == "ERROR");
  CHECK(field_of(*m, 'M') == "replication slot \"s\" is active for PID 4711");
  CHECK(field_of(*m, 'L').empty());
  CHECK(field_of(*m, 'D').empty());
  CHECK(field_of(*m, '\0').empty());
  for (const char* body : {slot_in_use, "00", "'S' 00 00", "'zunknown' 00 'Szero' 00 'zagain' 00 00"}) {
    check_frame(backend_tag::error_response, body, decode_error_response,
                [](encoder& out, const error_view& view) { encode_error_response(out, list_of(view)); });
    check_frame(backend_tag::notice_response, body, decode_notice_response,
                [](encoder& out, const error_view& view) { encode_notice_response(out, list_of(view)); });
  }
}

TEST_CASE("of a field that comes twice the first is taken") {
  bytes given = hex("'C00000' 00 'C11111' 00 'D' 00 'Dmore' 00 00");
  auto m = decode_error_response(given);
  REQUIRE(m.has_value());
  CHECK(field_of(*m, 'C') == "00000");
  CHECK(field_of(*m, 'D').empty());
}

TEST_CASE("errors: malformed") {
  check_malformed({{"", {decode_errc::truncated, 0, "field code"}},
                   {"'S'", {decode_errc::unterminated_string, 1, "field text"}},
                   {"'SERROR'", {decode_errc::unterminated_string, 1, "field text"}},
                   {"'SERROR' 00", {decode_errc::truncated, 7, "field code"}},
                   {"'SERROR' 00 00 00", {decode_errc::trailing_bytes, 8, "end of message"}},
                   {"00 'SERROR' 00 00", {decode_errc::trailing_bytes, 1, "end of message"}}},
                  [](const bytes& body) { return decode_error_response(body); });
  const error_field none[] = {{'S', "ERROR"}, {'\0', "x"}};
  CHECK(refused([&](encoder& out) { encode_error_response(out, none); }) ==
        decode_error{decode_errc::bad_value, 12, "field code"});
  const error_field cut[] = {{'S', std::string_view("a\0b", 3)}};
  CHECK(refused([&](encoder& out) { encode_notice_response(out, cut); }) ==
        decode_error{decode_errc::bad_value, 6, "field text"});
}
