// What --trace prints of MongoDB's messages, and that no secret is in it.
#include "mongo_wire/message_trace.hpp"

#include "mongo_wire/compression.hpp"
#include "tests/mongo_wire/scripted_server.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

bytes message_of(const std::string& body, std::int32_t id = 7, std::int32_t answers = 0) {
  bytes out;
  std::size_t mark = open_op_msg(out, id, 0, answers);
  put_body(out, bson_of(body));
  REQUIRE(close_op_msg(out, mark).has_value());
  return out;
}

std::string line_of(bool from_server, const std::string& body, trace_of kind = trace_of::usual) {
  bytes frame = message_of(body, 7, from_server ? 6 : 0);
  return trace_line(from_server, frame, split_message(frame), kind);
}

std::string any_line(const bytes& frame) {
  return trace_line(true, frame, split_message(frame), trace_of::usual);
}

}  // namespace

TEST_CASE("mongo trace: commands and replies") {
  CHECK(line_of(false, R"({"find":"c","filter":{},"$db":"d"})") ==
        R"(F	62	OP_MSG	 7 0 "find" {"find":"c","filter":{},"$db":"d"})");
  CHECK(line_of(true, R"({"ok":1,"n":"é"})") == "B\t44\tOP_MSG\t 7 6 reply {\"ok\":1,\"n\":\"\\xc3\\xa9\"}");
  CHECK(line_of(false, "{}") == "F\t26\tOP_MSG\t 7 0 {}");
}

TEST_CASE("mongo trace: logins and new users show no secret") {
  using enum trace_of;
  std::string start = R"({"saslStart":1,"mechanism":"PLAIN","payload":"s3cr3t","$db":"x"})";
  CHECK(
      line_of(false, start, login) ==
      R"(F	NN	OP_MSG	 7 0 "saslStart" {"saslStart":1,"mechanism":"PLAIN","payload":(hidden),"$db":"x"})");
  CHECK(line_of(false, R"({"createUser":"u","pwd":"s3cr3t","anything":{"pwd":"s3cr3t"}})", login) ==
        R"(F	NN	OP_MSG	 7 0 "createUser" {"createUser":"u","pwd":(hidden),"anything":(hidden)})");
  CHECK(line_of(true, R"({"ok":0,"errmsg":"s3cr3t","code":18,"payload":"s3cr3t"})", login) ==
        R"(B	83	OP_MSG	 7 6 reply {"ok":0,"errmsg":(hidden),"code":18,"payload":(hidden)})");
  CHECK(line_of(true, R"({"setName":"rs","speculativeAuthenticate":{"payload":"s3cr3t"}})", hello) ==
        R"(B	92	OP_MSG	 7 6 reply {"setName":"rs","speculativeAuthenticate":(hidden)})");
}

TEST_CASE("mongo trace: compressed messages") {
  bytes plain = message_of(R"({"ok":1})", 7, 6), frame;
  REQUIRE(compress_message(frame, plain, compressor::zlib, default_zlib_level).has_value());
  std::string begin = "B\t" + std::to_string(frame.size()) + "\tOP_COMPRESSED\t 7 6 zlib 18 ";
  CHECK(trace_line(true, frame, split_message(plain), trace_of::usual) == begin + R"(reply {"ok":1})");
  CHECK(trace_line(true, frame, std::unexpected(decode_error{decode_errc::bad_value, 3, "zlib data"}),
                   trace_of::usual) == begin + "malformed: bad_value at offset 3 (zlib data)");
}

TEST_CASE("mongo trace: any bytes, in lines of a bounded length") {
  CHECK(any_line({}) == "B\t0\t?\t malformed: truncated at offset 0 (message length)");
  CHECK(any_line(hex("10000000 01000000 02000000 63000000")) ==
        "B\t16\t?\t malformed: unknown_tag at offset 12 (opcode)");
  bytes whole = message_of(R"({"ok":1,"cursor":{"firstBatch":[{"a":"b"}]}})");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    bytes cut = copy_of(byte_view(whole).first(i));
    CHECK(any_line(cut).find("malformed: ") != std::string::npos);
  }
  bytes wrong = whole;
  wrong[25] = 0xee;
  CHECK(any_line(wrong).find("malformed: ") != std::string::npos);
  std::string many = "{";
  for (int i = 0; i < 2000; ++i)
    many += (i ? ",\"" : "\"") + std::string(300, 'n') + std::to_string(i) + R"(":"v")";
  CHECK(line_of(true, many + "}").size() < 5'000);
  CHECK(line_of(true, R"({"a":")" + std::string(1 << 20, 'x') + R"("})").size() < 5'000);
}

namespace {

conversation<> ask(tidewire::link& over, cluster_clock& clock, std::string& lines) {
  session with(over, clock);
  with.on_trace = [&](const std::string& line) { lines += line + "\n"; };
  with.compress_with = compressor::zstd;
  for (std::string_view name : {"hello", "saslStart", "ping"}) {
    std::vector<std::uint8_t> fields = command_fields([&](bson_writer& to) {
      to.put_int32(name, 1);
      if (name != "ping") to.put_string("payload", "s3cr3t");
    });
    co_await with.command("d", std::move(fields));
  }
}

}  // namespace

TEST_CASE("mongo trace: a session shows every message, as it is on the wire") {
  script server;
  expect(server, R"({"hello":)", R"({"ok":1})");
  expect(server, R"({"saslStart":)", R"({"ok":1,"payload":"s3cr3t"})");
  server.answers([](byte_view sent) { return reply_to(sent, bson_of(R"({"ok":1})")); });
  cluster_clock clock;
  std::string lines;
  tidewire::testing::play(server, message_size,
                          [&](tidewire::link& over) { return ask(over, clock, lines); });
  CHECK(lines.find("\"saslStart\" {\"saslStart\":1,\"payload\":(hidden),\"$db\":\"d\"}\nB\t") !=
        std::string::npos);
  CHECK(lines.find("\tOP_COMPRESSED\t 3 0 zstd ") != std::string::npos);
  CHECK(lines.find("\tOP_MSG\t 1000 3 reply {\"ok\":1}\n") != std::string::npos);
  CHECK(std::ranges::count(lines, '\n') == 6);
  CHECK(lines.find("\"payload\":\"s3cr3t\"") == lines.rfind("\"payload\":\"s3cr3t\""));
}
