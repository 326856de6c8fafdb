#include "wire/frontend.hpp"

#include "tests/wire/encode_again.hpp"
#include "tests/wire/frame_case.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

const std::string_view with_nul("a\0b", 3);

}  // namespace

TEST_CASE("query") {
  CHECK(encoded([](encoder& out) { encode_query(out, "SELECT 1"); }) == hex("'Q' 0000000d 'SELECT 1' 00"));
  CHECK(decode_query(hex("'SELECT 1' 00"))->sql == "SELECT 1");
  for (const char* body : {"'SELECT 1' 00", "00"})
    check_frame(frontend_tag::query, body, decode_query,
                [](encoder& out, const query_view& m) { encode_query(out, m.sql); });
  check_malformed({{"'SELECT'", {decode_errc::unterminated_string, 0, "query"}},
                   {"'SELECT' 00 'x'", {decode_errc::trailing_bytes, 7, "end of message"}}},
                  [](const bytes& body) { return decode_query(body); });
  CHECK(refused([](encoder& out) { encode_query(out, with_nul); }) ==
        decode_error{decode_errc::bad_value, 5, "query"});
}

TEST_CASE("password") {
  CHECK(encoded([](encoder& out) { encode_password(out, "secret"); }) == hex("'p' 0000000b 'secret' 00"));
  CHECK(decode_password(hex("'secret' 00"))->password == "secret");
  for (const char* body : {"'secret' 00", "00"})
    check_frame(frontend_tag::password, body, decode_password,
                [](encoder& out, const password_view& m) { encode_password(out, m.password); });
  CHECK(refused([](encoder& out) { encode_password(out, with_nul); }) ==
        decode_error{decode_errc::bad_value, 5, "password"});
}

TEST_CASE("SASL responses") {
  bytes given = hex("'SCRAM-SHA-256' 00 00000004 'n,,n'");
  auto m = decode_sasl_initial_response(given);
  REQUIRE(m.has_value());
  CHECK(m->mechanism == "SCRAM-SHA-256");
  CHECK(as_text(m->data.value()) == "n,,n");
  CHECK(!decode_sasl_initial_response(hex("'X' 00 ffffffff"))->data.has_value());
  for (const char* body : {"'SCRAM-SHA-256' 00 00000004 'n,,n'", "'X' 00 ffffffff", "'X' 00 00000000"})
    check_frame(frontend_tag::password, body, decode_sasl_initial_response,
                [](encoder& out, const sasl_initial_response_view& view) {
                  encode_sasl_initial_response(out, view.mechanism, view.data);
                });
  bytes data = hex("'n,,n'");
  CHECK(encoded([&](encoder& out) { encode_sasl_initial_response(out, "X", data); }) ==
        hex("'p' 0000000e 'X' 00 00000004 'n,,n'"));
  check_malformed({{"'X'", {decode_errc::unterminated_string, 0, "mechanism"}},
                   {"'X' 00 0000", {decode_errc::truncated, 2, "value length"}},
                   {"'X' 00 fffffffe", {decode_errc::bad_length, 2, "value length"}},
                   {"'X' 00 00000005 'n,,n'", {decode_errc::truncated, 6, "value"}},
                   {"'X' 00 00000003 'n,,n'", {decode_errc::trailing_bytes, 9, "end of message"}}},
                  [](const bytes& body) { return decode_sasl_initial_response(body); });

  for (const char* text : {"'p' 00000008 'c=bi'", "'p' 00000004", "'p' 00000006 0001"}) {
    bytes frame = hex(text);
    auto response = decode_sasl_response(body_of(frame));
    REQUIRE(response.has_value());
    CHECK(copy_of(response->data) == copy_of(body_of(frame)));
    CHECK(encoded([&](encoder& out) { encode_sasl_response(out, response->data); }) == frame);
  }
}

TEST_CASE("commands without fields") {
  CHECK(encoded(encode_flush) == hex("'H' 00000004"));
  CHECK(encoded(encode_sync) == hex("'S' 00000004"));
  CHECK(encoded(encode_terminate) == hex("'X' 00000004"));
}

TEST_CASE("function call") {
  const char* body = "00000548 0002 0001 0000 0002 00000003 'abc' ffffffff 0001";
  bytes kept = hex(body);
  auto m = decode_function_call(kept);
  REQUIRE(m.has_value());
  CHECK(m->function_oid == 1352);
  CHECK(list_of(m->argument_formats) == std::vector<std::int16_t>{1, 0});
  auto arguments = list_of(m->arguments);
  REQUIRE(arguments.size() == 2);
  CHECK(as_text(arguments[0].value()) == "abc");
  CHECK(!arguments[1].has_value());
  CHECK(m->result_format == 1);
  for (const char* each : {body, "c0000548 0000 0000 0000"})
    check_frame(frontend_tag::function_call, each, decode_function_call,
                [](encoder& out, const function_call_view& view) {
                  encode_function_call(out, view.function_oid, list_of(view.argument_formats),
                                       list_of(view.arguments), view.result_format);
                });
  check_malformed({{"0000", {decode_errc::truncated, 0, "function"}},
                   {"00000548 0002 0001", {decode_errc::truncated, 6, "argument formats"}},
                   {"00000548 0000 0001 fffffffe", {decode_errc::bad_length, 8, "value length"}},
                   {"00000548 0000 0000", {decode_errc::truncated, 8, "result format"}}},
                  [](const bytes& each) { return decode_function_call(each); });
}

TEST_CASE("parse") {
  bytes body = hex("'s1' 00 'SELECT $1' 00 0001 c0000017");
  auto m = decode_parse(body);
  REQUIRE(m.has_value());
  CHECK(m->statement == "s1");
  CHECK(m->sql == "SELECT $1");
  CHECK(list_of(m->types) == std::vector<std::uint32_t>{0xc0000017});
  for (const char* each : {"'s1' 00 'SELECT $1' 00 0001 c0000017", "00 00 0000"})
    check_frame(frontend_tag::parse, each, decode_parse, [](encoder& out, const parse_view& view) {
      encode_parse(out, view.statement, view.sql, list_of(view.types));
    });
  check_malformed({{"'s'", {decode_errc::unterminated_string, 0, "statement name"}},
                   {"00 's'", {decode_errc::unterminated_string, 1, "query"}},
                   {"00 00 00", {decode_errc::truncated, 2, "parameter count"}},
                   {"00 00 ffff 00000017", {decode_errc::truncated, 4, "parameter types"}}},
                  [](const bytes& each) { return decode_parse(each); });
}

TEST_CASE("bind") {
  bytes body = hex("'p1' 00 's1' 00 0001 0001 0003 00000002 '42' ffffffff 00000000 0002 0000 0001");
  auto m = decode_bind(body);
  REQUIRE(m.has_value());
  CHECK(m->portal == "p1");
  CHECK(m->statement == "s1");
  CHECK(list_of(m->parameter_formats) == std::vector<std::int16_t>{1});
  auto values = list_of(m->values);
  REQUIRE(values.size() == 3);
  CHECK(as_text(values[0].value()) == "42");
  CHECK(!values[1].has_value());
  CHECK(values[2].value().empty());
  CHECK(list_of(m->result_formats) == std::vector<std::int16_t>{0, 1});
  for (const char* each : {"'p1' 00 's1' 00 0001 0001 0003 00000002 '42' ffffffff 00000000 0002 0000 0001",
                           "00 00 0000 0000 0000", "00 00 0000 0001 00000001 '1' 0001 0000"})
    check_frame(frontend_tag::bind, each, decode_bind, [](encoder& out, const bind_view& view) {
      encode_bind(out, view.portal, view.statement, list_of(view.parameter_formats), list_of(view.values),
                  list_of(view.result_formats));
    });
  check_malformed({{"'p'", {decode_errc::unterminated_string, 0, "portal name"}},
                   {"00 's'", {decode_errc::unterminated_string, 1, "statement name"}},
                   {"00 00 00", {decode_errc::truncated, 2, "format count"}},
                   {"00 00 0001 00", {decode_errc::truncated, 4, "parameter formats"}},
                   {"00 00 0000 00", {decode_errc::truncated, 4, "parameter count"}},
                   {"00 00 0000 0001 80000000", {decode_errc::bad_length, 6, "value length"}},
                   {"00 00 0000 0001 00000002 00", {decode_errc::truncated, 10, "value"}},
                   {"00 00 0000 0000 00", {decode_errc::truncated, 6, "result format count"}},
                   {"00 00 0000 0000 0001", {decode_errc::truncated, 8, "result formats"}},
                   {"00 00 0000 0000 0000 00", {decode_errc::trailing_bytes, 8, "end of message"}}},
                  [](const bytes& each) { return decode_bind(each); });
}

TEST_CASE("bind: as many parameters as the protocol has room for, and one more") {
  std::vector<std::optional<byte_view>> values(65'535);
  bytes frame = encoded([&](encoder& out) { encode_bind(out, "", "", {}, values, {}); });
  auto m = decode_bind(body_of(frame));
  REQUIRE(m.has_value());
  CHECK(list_of(m->values).size() == 65'535);
  values.emplace_back();
  CHECK(refused([&](encoder& out) { encode_bind(out, "", "", {}, values, {}); }) ==
        decode_error{decode_errc::limit_exceeded, 9, "parameter count"});
}

TEST_CASE("describe and close") {
  CHECK(decode_describe(hex("'S' 's1' 00"))->kind == 'S');
  bytes body = hex("'P' 'p1' 00");
  CHECK(decode_close(body)->kind == 'P');
  CHECK(decode_close(body)->name == "p1");
  for (const char* each : {"'S' 's1' 00", "'P' 00"}) {
    check_frame(frontend_tag::describe, each, decode_describe,
                [](encoder& out, const describe_view& m) { encode_describe(out, m.kind, m.name); });
    check_frame(frontend_tag::close, each, decode_close,
                [](encoder& out, const close_view& m) { encode_close(out, m.kind, m.name); });
  }
  for (auto decode : {+[](const bytes& each) { return decode_describe(each).error(); },
                      +[](const bytes& each) { return decode_close(each).error(); }}) {
    CHECK(decode({}) == decode_error{decode_errc::truncated, 0, "object kind"});
    CHECK(decode(hex("'s' 00")) == decode_error{decode_errc::bad_value, 0, "object kind"});
    CHECK(decode(hex("'S' 's1'")) == decode_error{decode_errc::unterminated_string, 1, "object name"});
  }
  CHECK(refused([](encoder& out) { encode_describe(out, 'T', ""); }) ==
        decode_error{decode_errc::bad_value, 0, "object kind"});
}

TEST_CASE("execute") {
  bytes body = hex("'p1' 00 00000064");
  CHECK(decode_execute(body)->portal == "p1");
  CHECK(decode_execute(body)->max_rows == 100);
  for (const char* each : {"'p1' 00 00000064", "00 00000000", "00 ffffffff"})
    check_frame(frontend_tag::execute, each, decode_execute,
                [](encoder& out, const execute_view& m) { encode_execute(out, m.portal, m.max_rows); });
  check_malformed({{"'p'", {decode_errc::unterminated_string, 0, "portal name"}},
                   {"00 0000", {decode_errc::truncated, 1, "row limit"}}},
                  [](const bytes& each) { return decode_execute(each); });
}
