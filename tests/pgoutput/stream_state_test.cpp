#include "pgoutput/stream_state.hpp"

#include "tests/pgoutput/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {

using place = stream_state::place;

/// A message as short text: the tag, for S "first" or "next" and the xid, for A xid and subxid, for M
/// whether it is transactional.
bytes message(std::string_view text) {
  std::uint32_t numbers[2] = {0, 0};
  int count = 0;
  bool digit = false;
  for (char c : text.substr(1)) {
    if (c >= '0' && c <= '9') {
      numbers[count] = numbers[count] * 10 + static_cast<std::uint32_t>(c - '0');
      digit = true;
    } else if (digit) {
      digit = false;
      ++count;
    }
  }
  return encoded([&](encoder& out) {
    switch (text[0]) {
      case 'S': return encode_stream_start(out, {numbers[0], text.find("first") != text.npos});
      case 'c': return encode_stream_commit(out, {numbers[0], {}, {}, 0});
      case 'p': return encode_stream_prepare(out, {{}, {}, 0, numbers[0], "g"});
      case 'A': return encode_stream_abort(out, {numbers[0], numbers[1], false, {}, 0});
      case 'M': return encode_logical_message(out, {0, text.find("tx") != text.npos, {}, "p", {}}, false);
      case 'm': return encode_logical_message(out, {9, text.find("tx") != text.npos, {}, "p", {}}, true);
      default: out.u8(static_cast<std::uint8_t>(text[0]));
    }
  });
}

decoded<stream_state::standing> accept(stream_state& state, std::string_view text) {
  bytes whole = message(text);
  return state.accept(*split_message(whole));
}

/// Takes messages up to the last, which must be refused so; or all of them.
void check(std::initializer_list<std::string_view> messages, decode_error last = {}) {
  stream_state state;
  std::size_t left = messages.size();
  for (std::string_view text : messages) {
    CAPTURE(text);
    place before = state.where();
    bool takes_rows = state.takes_rows();
    stream_state twin = state;
    bool took_frame = twin.takes_frame(static_cast<message_tag>(text[0]));
    auto result = accept(state, text);
    CHECK(took_frame == (std::string_view("BC").contains(text[0]) && result.has_value()));
    CHECK(twin.where() == (took_frame ? state.where() : before));
    if (std::string_view("IUD").contains(text[0])) CHECK(takes_rows == result.has_value());
    if (--left == 0 && last.code != decode_errc::none) {
      REQUIRE(!result.has_value());
      CHECK(result.error() == last);
      CHECK(state.where() == before);
    } else {
      REQUIRE(result.has_value());
    }
  }
}

decode_error out_of_place(const char* name) {
  return {decode_errc::bad_state, 0, name};
}

}  // namespace

TEST_CASE("legal streams") {
  check({"B", "C", "B", "O", "R", "Y", "I", "U", "D", "T", "M tx", "O", "C"});
  check({"M lone", "B", "I", "M lone", "C", "M lone"});
  check({"b", "O", "R", "I", "P", "K", "b", "P", "r"});
  check({"S first 7", "O", "R", "Y", "I", "U", "D", "T", "m tx", "E", "S next 7", "E", "c 7"});
  check({"S first 7", "E", "S first 8", "E", "B", "I", "C", "S next 7", "I", "E", "A 7 9", "M lone", "A 8 8",
         "c 7", "S first 8", "E", "p 8", "K"});
  check({"A 5 6", "A 5 5"});  // never streamed: nothing is lost
}

TEST_CASE("messages out of place") {
  const struct {
    const char* text;
    const char* name;
  } inside_only[] = {{"C", "commit"},   {"P", "prepare"},  {"E", "stream stop"}, {"O", "origin"},
                     {"R", "relation"}, {"Y", "type"},     {"I", "insert"},      {"U", "update"},
                     {"D", "delete"},   {"T", "truncate"}, {"M tx", "message"}};
  for (const auto& each : inside_only) {
    check({each.text}, out_of_place(each.name));
    check({"B", "C", each.text}, out_of_place(each.name));
    check({"S first 7", "E", each.text}, out_of_place(each.name));
  }
  const struct {
    const char* text;
    const char* name;
  } outside_only[] = {{"B", "begin"},
                      {"b", "begin prepare"},
                      {"S first 8", "stream start"},
                      {"S next 7", "stream start"},
                      {"c 7", "stream commit"},
                      {"p 7", "stream prepare"},
                      {"A 7 7", "stream abort"},
                      {"K", "commit prepared"},
                      {"r", "rollback prepared"}};
  for (const auto& each : outside_only) {
    check({"S first 7", "E", "B", each.text}, out_of_place(each.name));
    check({"S first 7", "E", "b", "I", each.text}, out_of_place(each.name));
    check({"S first 7", each.text}, out_of_place(each.name));
  }
  check({"B", "P"}, out_of_place("prepare"));
  check({"b", "C"}, out_of_place("commit"));
  check({"B", "E"}, out_of_place("stream stop"));
  check({"S first 7", "C"}, out_of_place("commit"));
  check({"S first 7", "P"}, out_of_place("prepare"));
  check({"S first 7", "m lone"}, out_of_place("message"));
}

TEST_CASE("streamed transactions are announced once and exist until their end") {
  decode_error unknown{decode_errc::unknown_reference, 0, "xid"};
  check({"S next 7"}, unknown);
  check({"c 7"}, unknown);
  check({"p 7"}, {decode_errc::unknown_reference, 25, "xid"});
  check({"S first 7", "E", "S first 7"}, {decode_errc::bad_state, 4, "first segment"});
  check({"S first 7", "E", "c 7", "c 7"}, unknown);
  check({"S first 7", "E", "A 7 7", "S next 7"}, unknown);
  check({"S first 7", "E", "p 7", "S next 7"}, unknown);
  check({"S first 7", "E", "A 7 8", "S next 7", "E", "c 7"});
}

TEST_CASE("the state tells where xids are") {
  stream_state state;
  CHECK(!accept(state, "B")->streamed);
  CHECK(state.where() == place::transaction);
  CHECK(!accept(state, "I")->streamed);
  CHECK(!accept(state, "C")->streamed);
  CHECK(state.where() == place::outside);
  auto started = accept(state, "S first 4294967295");
  CHECK(!started->streamed);
  CHECK(started->xid == 0xffffffff);
  CHECK(state.where() == place::block);
  CHECK(state.block_xid() == 0xffffffff);
  for (const char* text : {"R", "Y", "I", "U", "D", "T", "m tx"}) {
    CHECK(accept(state, text)->streamed);
    CHECK(accept(state, text)->xid == 0xffffffff);
  }
  CHECK(!accept(state, "O")->streamed);
  CHECK(accept(state, "O")->xid == 0xffffffff);
  CHECK(!accept(state, "E")->streamed);
  CHECK(state.block_xid() == 0);
  CHECK(state.open_transactions() == 1);
  CHECK(!accept(state, "b")->streamed);
  CHECK(state.where() == place::preparation);
  state.reconnected();
  CHECK(state.where() == place::outside);
  CHECK(state.open_transactions() == 0);
}

TEST_CASE("malformed messages are refused without a change") {
  stream_state state;
  auto refuse = [&](const char* text, decode_error error) {
    bytes whole = hex(text);
    auto result = state.accept(*split_message(whole));
    REQUIRE(!result.has_value());
    CHECK(result.error() == error);
    CHECK(state.where() == place::outside);
  };
  refuse("'S' 0000", {decode_errc::truncated, 0, "xid"});
  refuse("'S' 00000007 02", {decode_errc::bad_value, 4, "first segment"});
  refuse("'c' 00000007 01", {decode_errc::bad_value, 4, "flags"});
  refuse("'p' 00", {decode_errc::truncated, 1, "prepare LSN"});
  refuse("'A' 00000007 00", {decode_errc::truncated, 4, "subxid"});
  refuse("'M' 00 00", {decode_errc::truncated, 1, "message LSN"});
}

TEST_CASE("too many open transactions") {
  stream_state state({2});
  REQUIRE(accept(state, "S first 1").has_value());
  REQUIRE(accept(state, "E").has_value());
  REQUIRE(accept(state, "S first 2").has_value());
  REQUIRE(accept(state, "E").has_value());
  CHECK(accept(state, "S first 3").error() ==
        decode_error{decode_errc::limit_exceeded, 0, "open transactions"});
  REQUIRE(accept(state, "A 1 1").has_value());
  CHECK(accept(state, "S first 3").has_value());
}
