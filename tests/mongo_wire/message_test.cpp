#include "mongo_wire/message.hpp"

#include "mongo_wire/op_legacy.hpp"
#include "tests/mongo_wire/bson_case.hpp"
#include "tests/mongo_wire/vectors.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

constexpr std::uint32_t most = max_message_bytes;

decode_error size_error(const char* text, std::uint32_t max_bytes = most) {
  auto size = message_size(hex(text), max_bytes);
  REQUIRE(!size.has_value());
  return size.error();
}

bytes query() {
  bytes body = document([](bson_writer& to) { to.put_int32("isMaster", 1); });
  bytes out;
  op_query_view of;
  of.header.request_id = 3;
  of.flags = 4;
  of.collection = "admin.$cmd";
  of.limit = -1;
  of.query = *decode_document(body);
  REQUIRE(encode_op_query(out, of).has_value());
  return out;
}

bytes reply(std::uint32_t count = 2) {
  bytes body = document([](bson_writer& to) { to.put_int32("ok", 1); });
  bytes twice = body;
  twice.insert(twice.end(), body.begin(), body.end());
  bytes out;
  op_reply_view of;
  of.header.request_id = 9;
  of.header.response_to = 3;
  of.flags = 8;
  of.cursor_id = -2;
  of.starting_from = 5;
  of.count = count;
  of.documents = twice;
  REQUIRE(encode_op_reply(out, of).has_value());
  return out;
}

}  // namespace

TEST_CASE("a message's size is known from its fourth byte on", "[mongo_frame]") {
  bytes stream = hex("10000000 01000000 00000000 dd070000 11");
  for (std::size_t size = 0; size < 4; ++size)
    CHECK(message_size(copy_of(byte_view(stream).first(size)), most) == 0u);
  for (std::size_t size = 4; size <= stream.size(); ++size)
    CHECK(message_size(copy_of(byte_view(stream).first(size)), most) == 16u);
  CHECK(message_size(hex("006cdc02"), most) == 48'000'000u);
  CHECK(message_size(hex("ffffff7f"), ~0u) == 0x7fffffffu);
}

TEST_CASE("a message's size: malformed", "[mongo_frame]") {
  constexpr auto bad = decode_errc::bad_length;
  CHECK(size_error("00000000") == decode_error{bad, 0, "message length"});
  CHECK(size_error("0f000000") == decode_error{bad, 0, "message length"});
  CHECK(size_error("00000080", ~0u) == decode_error{bad, 0, "message length"});
  CHECK(size_error("ffffffff") == decode_error{bad, 0, "message length"});
  CHECK(size_error("016cdc02") == decode_error{decode_errc::limit_exceeded, 0, "message length"});
  CHECK(size_error("11000000", 16) == decode_error{decode_errc::limit_exceeded, 0, "message length"});
  CHECK(size_error("'HTTP/1.1'") == decode_error{decode_errc::limit_exceeded, 0, "message length"});
}

TEST_CASE("a message is split into header and body", "[mongo_frame]") {
  bytes frame = hex("12000000 01000000 feffffff dd070000 abcd");
  auto split = split_message(frame);
  REQUIRE(split.has_value());
  CHECK(split->header.length == 18);
  CHECK(split->header.request_id == 1);
  CHECK(split->header.response_to == -2);
  CHECK(split->header.code == opcode::msg);
  CHECK(split->body().data() == frame.data() + 16);
  CHECK(split->body().size() == 2);
  check_body_extent(frame, split_message);
  check_malformed({{"0f000000 00000000 00000000 dd070000", {decode_errc::bad_length, 0, "message length"}},
                   {"10000000 00000000 00000000 d0070000", {decode_errc::unknown_tag, 12, "opcode"}},
                   {"00000080 00000000 00000000 dd070000", {decode_errc::bad_length, 0, "message length"}}},
                  split_message);
}

TEST_CASE("exactly the listed numbers are opcodes", "[mongo_frame]") {
  std::string names;
  for (std::int32_t number = -10; number < 3000; ++number)
    if (const char* name = name_of(static_cast<opcode>(number))) names += std::string(name) + " ";
  CHECK(names == "OP_REPLY OP_QUERY OP_COMPRESSED OP_MSG ");
}

TEST_CASE("OP_QUERY: fields, every truncation, round trip", "[mongo_frame]") {
  bytes frame = query();
  auto message = decode_op_query(frame);
  REQUIRE(message.has_value());
  CHECK(message->flags == 4);
  CHECK(message->collection == "admin.$cmd");
  CHECK(message->skip == 0);
  CHECK(message->limit == -1);
  CHECK(find(message->query, "isMaster")->as_int32() == 1);
  CHECK(message->fields.size == 0);
  check_body_extent(frame, decode_op_query);
  bytes fields = document([](bson_writer& to) { to.put_int32("_id", 0); });
  op_query_view with_fields = *message;
  with_fields.fields = *decode_document(fields);
  bytes longer;
  REQUIRE(encode_op_query(longer, with_fields).has_value());
  CHECK(find(decode_op_query(longer)->fields, "_id")->as_int32() == 0);
  check_body_extent(longer, decode_op_query);
  // A length that ends inside of the query.
  store_le(frame.data(), static_cast<std::uint32_t>(frame.size() - 1));
  CHECK(decode_op_query(frame).error() == decode_error{decode_errc::bad_length, 0, "message length"});
  CHECK(decode_op_query(reply()).error() == decode_error{decode_errc::bad_state, 12, "opcode"});
}

TEST_CASE("OP_REPLY: fields, every truncation, a count that is not true", "[mongo_frame]") {
  bytes frame = reply();
  auto message = decode_op_reply(frame);
  REQUIRE(message.has_value());
  CHECK(message->cursor_id == -2);
  CHECK(message->starting_from == 5);
  CHECK(message->header.response_to == 3);
  document_reader documents(message->documents);
  int seen = 0;
  for (bson_view each; documents.next(each); ++seen) CHECK(find(each, "ok")->as_int32() == 1);
  CHECK(seen == 2);
  check_body_extent(frame, decode_op_reply);
  CHECK(decode_op_reply(reply(1)).error() == decode_error{decode_errc::bad_length, 32, "document count"});
  CHECK(decode_op_reply(reply(3)).error() == decode_error{decode_errc::bad_length, 32, "document count"});
}

TEST_CASE("messages of another implementation", "[mongo_frame]") {
  auto folder = vectors("libmongoc-wire");
  bytes query = read_bytes(folder / "query1.dat");
  auto read = decode_op_query(query);
  REQUIRE(read.has_value());
  bytes again;
  REQUIRE(encode_op_query(again, *read).has_value());
  CHECK(again == query);
  bytes answer = read_bytes(folder / "reply2.dat");
  auto reply = decode_op_reply(answer);
  REQUIRE(reply.has_value());
  again.clear();
  REQUIRE(encode_op_reply(again, *reply).has_value());
  CHECK(again == answer);
}
