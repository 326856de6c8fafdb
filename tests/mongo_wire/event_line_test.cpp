#include "mongo_wire/event_line.hpp"

#include "core/json_check.hpp"
#include "mongo_wire/message_line.hpp"
#include "mongo_wire/record_reader.hpp"
#include "mongo_wire/resume_token.hpp"
#include "tests/mongo_wire/event_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

std::string line_of(const char* text, const extended_json_options& values = {}) {
  bytes document = bson_of(text);
  json::buffer out;
  REQUIRE(put_event_line(out, event_of(document), values).has_value());
  std::string line(out.view());
  REQUIRE(line.ends_with("}\n"));
  line.pop_back();
  CHECK(json::is_value(line));
  return line;
}

std::string line_of_message(byte_view frame) {
  json::buffer out;
  auto done = put_message_line(out, *split_message(frame));
  REQUIRE(done.has_value());
  CHECK(json::is_value(out.view().substr(0, out.size() - 1)));
  return std::string(out.view());
}

std::string text_of_token(const char* text) {
  bytes document = bson_of(text);
  auto token = token_text(view_of(document));
  REQUIRE(token.has_value());
  auto back = parse_token(*token);
  REQUIRE(back.has_value());
  CHECK(*back == document);
  return *token;
}

}  // namespace

TEST_CASE("lines of change events", "[mongo_event]") {
  CHECK(line_of(R"({"_id":{"_data":"8263"},"operationType":"insert",)"
                R"("clusterTime":{"$timestamp":{"t":1700000000,"i":5}},)"
                R"("wallTime":{"$date":{"$numberLong":"1700000000123"}},"fullDocument":{"_id":1,"a":"é"},)"
                R"("ns":{"db":"shop","coll":"items"},"documentKey":{"_id":1}})") ==
        R"({"v":1,"op":"insert","schema":"shop","table":"items","pos":"8263",)"
        R"("ts":"2023-11-14T22:13:20.123000Z",)"
        R"("cluster_time":{"t":1700000000,"i":5},"key":{"_id":1},"after":{"_id":1,"a":"é"}})");
  CHECK(line_of(R"({"_id":{"_data":"8263"},"operationType":"update",)"
                R"("clusterTime":{"$timestamp":{"t":1700000000,"i":5}},)"
                R"("ns":{"db":"shop","coll":"items"},"documentKey":{"_id":1},"fullDocument":null,)"
                R"("fullDocumentBeforeChange":{"_id":1,"b":0},)"
                R"("updateDescription":{"updatedFields":{"a":{"$numberLong":"2"}},"removedFields":["b"],)"
                R"("truncatedArrays":[{"field":"c","newSize":2}],"disambiguatedPaths":{}},)"
                R"("lsid":{"id":{"$uuid":"73ffd264-44b3-4c69-90e8-e7d1dfc035d4"},"uid":1},"txnNumber":9})",
                {extended_form::canonical}) ==
        R"({"v":1,"op":"update","schema":"shop","table":"items","pos":"8263",)"
        R"("ts":"2023-11-14T22:13:20.000000Z",)"
        R"("cluster_time":{"t":1700000000,"i":5},"xid":"73ffd26444b34c6990e8e7d1dfc035d4:9",)"
        R"("key":{"_id":{"$numberInt":"1"}},"before":{"_id":{"$numberInt":"1"},"b":{"$numberInt":"0"}},)"
        R"("after":null,"after_missing":true,"updated":{"a":{"$numberLong":"2"}},"removed":["b"],)"
        R"("truncated":[{"field":"c","newSize":{"$numberInt":"2"}}],"paths":{}})");
  CHECK(
      line_of(
          R"({"_id":{"_data":"82"},"operationType":"rename","ns":{"db":"a","coll":"b"},)"
          R"("to":{"db":"c","coll":"d"},"operationDescription":{"dropTarget":1},"stateBeforeChange":{}})") ==
      R"({"v":1,"op":"rename","schema":"a","table":"b","pos":"82","to_schema":"c","to_table":"d",)"
      R"("details":{"dropTarget":1},"details_before":{}})");
  CHECK(line_of(R"({"_id":{"x":[1]},"operationType":"invalidate"})") ==
        R"({"v":1,"op":"invalidate","pos":"{\"x\":[{\"$numberInt\":\"1\"}]}"})");
}

TEST_CASE("a line of an event that can't be written leaves nothing behind", "[mongo_event]") {
  bytes document = bson_of(R"({"_id":{"_data":"82"},"operationType":"insert","fullDocument":{"a":"xx"}})");
  document[document.size() - 4] = 0xff;
  json::buffer out;
  out.text("before\n");
  auto done = put_event_line(out, event_of(document));
  REQUIRE(!done.has_value());
  CHECK(done.error() == decode_error{decode_errc::bad_value, document.size() - 4, "string"});
  CHECK(out.view() == "before\n");
  REQUIRE(put_event_line(out, event_of(document), {.not_utf8 = bad_text::hex}).has_value());
  CHECK(out.view().ends_with("\"after\":{\"a\":{\"hex\":\"78ff\"}}}\n"));
}

TEST_CASE("lines of documents", "[mongo_event]") {
  json::buffer out;
  bytes document = bson_of(R"({"a":1,"_id":{"$oid":"000102030405060708090a0b"}})");
  REQUIRE(put_read_line(out, view_of(document)).has_value());
  CHECK(out.view() == R"({"v":1,"op":"read","key":{"_id":{"$oid":"000102030405060708090a0b"}},)"
                      R"("after":{"a":1,"_id":{"$oid":"000102030405060708090a0b"}}})"
                      "\n");
  out.clear();
  bytes without = bson_of(R"({"a":1})");
  REQUIRE(put_read_line(out, view_of(without)).has_value());
  CHECK(out.view() == "{\"v\":1,\"op\":\"read\",\"after\":{\"a\":1}}\n");
}

TEST_CASE("lines of messages", "[mongo_event]") {
  bytes body = bson_of(R"({"insert":"c"})"), one = bson_of(R"({"a":1})"), frame;
  std::size_t mark = open_op_msg(frame, 7, op_msg_flag::checksum_present, 6);
  put_body(frame, body);
  bytes two = one;
  two.insert(two.end(), one.begin(), one.end());
  REQUIRE(put_sequence(frame, {"documents", two}).has_value());
  REQUIRE(put_sequence(frame, {"q\"", {}}).has_value());
  REQUIRE(close_op_msg(frame, mark).has_value());
  CHECK(line_of_message(frame) == R"({"opcode":"OP_MSG","id":7,"answers":6,"flags":1,"body":{"insert":"c"},)"
                                  R"("sequences":{"documents":[{"a":1},{"a":1}],"q\"":[]}})"
                                  "\n");
  op_query_view query;
  query.header.request_id = 1;
  query.collection = "admin.$cmd";
  query.limit = -1;
  query.query = view_of(one);
  query.fields = view_of(one);
  frame.clear();
  REQUIRE(encode_op_query(frame, query).has_value());
  CHECK(line_of_message(frame) ==
        R"({"opcode":"OP_QUERY","id":1,"answers":0,"flags":0,"collection":"admin.$cmd","skip":0,"limit":-1,)"
        R"("query":{"a":1},"fields":{"a":1}})"
        "\n");
  op_reply_view reply;
  reply.header.response_to = 1;
  reply.count = 1;
  reply.documents = one;
  frame.clear();
  REQUIRE(encode_op_reply(frame, reply).has_value());
  CHECK(line_of_message(frame) == R"({"opcode":"OP_REPLY","id":0,"answers":1,"flags":0,"cursor":0,)"
                                  R"("starting_from":0,"documents":[{"a":1}]})"
                                  "\n");
  // A body whose elements are not well formed.
  frame.clear();
  mark = open_op_msg(frame, 1);
  put_body(frame, hex("08000000 99 6100 00"));
  REQUIRE(close_op_msg(frame, mark).has_value());
  json::buffer out;
  CHECK(put_message_line(out, *split_message(frame)).error().code == decode_errc::unknown_tag);
  CHECK(out.size() == 0);
}

TEST_CASE("resume tokens as text, and back", "[mongo_event]") {
  CHECK(text_of_token(R"({"_data":"8263AB00ff"})") == "8263AB00ff");
  CHECK(text_of_token(R"({"_data":"nx:38"})") == R"({"_data":"nx:38"})");
  CHECK(text_of_token(R"({"_data":""})") == R"({"_data":""})");
  CHECK(text_of_token(R"({"_data":"82","_typeBits":{"$binary":{"base64":"gg==","subType":"00"}}})") ==
        R"({"_data":"82","_typeBits":{"$binary":{"base64":"gg==","subType":"00"}}})");
  CHECK(text_of_token(R"({})") == "{}");
  for (const char* bad :
       {"", "8", "82A", "xy", "0/16B3748", "{", "[]", R"({"_data" : "nx"})", R"({"_data":"82"})"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_token(bad).has_value());
  }
  // A token that is hex but for one character, wherever it is.
  for (std::size_t size = 2; size <= 70; size += 2)
    for (std::size_t at = 0; at < size; ++at)
      for (char c : {'f', 'F', 'a', '9', '0', 'g', 'G', '@', '`', '/', ':', '\x10', '\xb1'}) {
        std::string text(size, '8');
        text[at] = c;
        bytes token = document([&](bson_writer& to) { to.put_string("_data", text); });
        bool good = std::isxdigit(static_cast<unsigned char>(c)) != 0;
        REQUIRE(token_hex(view_of(token)).has_value() == good);
        if (good) REQUIRE(token_hex(view_of(token)) == text);
      }
  CHECK_FALSE(parse_token(std::string(max_token_text_bytes + 2, '8')).has_value());
  bytes large = bson_of("{\"_data\":\"" + std::string(max_token_text_bytes + 2, '8') + "\"}");
  CHECK(token_text(view_of(large)).error().code == decode_errc::limit_exceeded);
}

TEST_CASE("a token's time", "[mongo_event]") {
  CHECK(token_time("826553F5A0000000052B022C0100296E5A1004") == bson_timestamp{0x6553f5a0, 5});
  CHECK_FALSE(token_time("836553F5A0000000052B02").has_value());
  CHECK_FALSE(token_time("826553F5A00000").has_value());
  CHECK_FALSE(token_time("{}").has_value());
  CHECK(time_text({1'700'000'000, 5}) == "@1700000000.5");
  CHECK(parse_time("@1700000000.5") == bson_timestamp{1'700'000'000, 5});
  for (const char* bad :
       {"", "@", "@1", "@1.", "@.1", "@1.2.3", "@01.2", "@1.-2", "@4294967296.0", "1.2", "@1.2 "}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_time(bad).has_value());
  }
}

TEST_CASE("a file of records, in windows of any size", "[mongo_event]") {
  bytes file = bson_of(R"({"a":1})");
  for (const char* each : {R"({"b":"long enough to need more than one step"})", "{}", R"({"c":1})"}) {
    bytes more = bson_of(each);
    file.insert(file.end(), more.begin(), more.end());
  }
  for (std::size_t step = 1; step < file.size() + 3; ++step) {
    record_reader reader(document_record);
    std::size_t have = 0, records = 0, total = 0;
    while (have < file.size()) {
      std::size_t from = total;
      have = std::min(file.size(), have + step);
      reader.give(byte_view(file).subspan(from, have - from));
      for (;;) {
        auto record = reader.next();
        REQUIRE(record.has_value());
        if (!*record) break;
        CHECK(decode_document(**record).has_value());
        ++records;
        total += (*record)->size();
        CHECK(reader.offset() == total);
      }
      CHECK(reader.unread_bytes() == have - total);
    }
    CHECK(records == 4);
    CHECK(total == file.size());
  }
  record_reader reader(document_record);
  bytes damaged = file;
  std::size_t first = load_le<std::uint32_t>(file.data());
  damaged[first] = 4;
  damaged[first + 1] = damaged[first + 2] = damaged[first + 3] = 0;
  reader.give(damaged);
  REQUIRE(reader.next()->has_value());
  CHECK(reader.next().error() == decode_error{decode_errc::bad_length, first, "document length"});
  CHECK(reader.unread_bytes() == file.size() - first);
  record_reader messages(message_record);
  messages.give(file);
  CHECK(messages.next().error().code == decode_errc::bad_length);
  bytes http = hex("14000000 00000000 00000000 01010101 00000000");
  record_reader other(message_record);
  other.give(http);
  CHECK(other.next().error() == decode_error{decode_errc::unknown_tag, 12, "opcode"});
}
