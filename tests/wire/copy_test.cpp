#include "wire/copy.hpp"

#include "tests/wire/encode_again.hpp"
#include "tests/wire/frame_case.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

TEST_CASE("copy responses") {
  bytes given = hex("01 0003 0001 0000 ffff");
  auto m = decode_copy_response(given);
  REQUIRE(m.has_value());
  CHECK(m->overall_format == 1);
  REQUIRE(m->formats.size() == 3);
  CHECK(m->formats[0] == 1);
  CHECK(m->formats[1] == 0);
  CHECK(m->formats[2] == -1);
  for (backend_tag tag :
       {backend_tag::copy_in_response, backend_tag::copy_out_response, backend_tag::copy_both_response}) {
    for (const char* body : {"01 0003 0001 0000 ffff", "00 0000", "00 0001 0000"})
      check_frame(tag, body, decode_copy_response, [&](encoder& out, const copy_response_view& view) {
        encode_copy_response(out, tag, view.overall_format, list_of(view.formats));
      });
  }
}

TEST_CASE("copy responses: malformed") {
  check_malformed({{"", {decode_errc::truncated, 0, "overall format"}},
                   {"02 0000", {decode_errc::bad_value, 0, "overall format"}},
                   {"00", {decode_errc::truncated, 1, "column count"}},
                   {"00 0002 0000", {decode_errc::truncated, 3, "column formats"}},
                   {"00 ffff 0000", {decode_errc::truncated, 3, "column formats"}},
                   {"00 0000 0000", {decode_errc::trailing_bytes, 3, "end of message"}}},
                  [](const bytes& body) { return decode_copy_response(body); });
  std::vector<std::int16_t> formats(65'536);
  CHECK(refused([&](encoder& out) {
          encode_copy_response(out, backend_tag::copy_in_response, 0, formats);
        }) == decode_error{decode_errc::limit_exceeded, 6, "column count"});
}

TEST_CASE("copied data, its end and its failure") {
  bytes data = hex("'line' 0a 00 ff");
  CHECK(encoded([&](encoder& out) { encode_copy_data(out, data); }) == hex("'d' 0000000b 'line' 0a 00 ff"));
  CHECK(encoded([](encoder& out) { encode_copy_data(out, {}); }) == hex("'d' 00000004"));
  CHECK(encoded(encode_copy_done) == hex("'c' 00000004"));
  CHECK(split_backend(encoded(encode_copy_done))->tag == backend_tag::copy_done);
  CHECK(encoded([](encoder& out) { encode_copy_fail(out, "no"); }) == hex("'f' 00000007 'no' 00"));
  CHECK(decode_copy_fail(hex("'no' 00"))->reason == "no");
  for (const char* body : {"'no' 00", "00"})
    check_frame(frontend_tag::copy_fail, body, decode_copy_fail,
                [](encoder& out, const copy_fail_view& view) { encode_copy_fail(out, view.reason); });
  check_malformed({{"'no'", {decode_errc::unterminated_string, 0, "reason"}}},
                  [](const bytes& body) { return decode_copy_fail(body); });
}
