#include "mongo_wire/op_msg.hpp"

#include "tests/mongo_wire/bson_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

bytes small(std::int32_t number) {
  return document([number](bson_writer& to) { to.put_int32("n", number); });
}

bytes joined(std::initializer_list<bytes> parts) {
  bytes out;
  for (const bytes& each : parts) out.insert(out.end(), each.begin(), each.end());
  return out;
}

/// Two sequences around the body.
bytes message(std::uint32_t flags) {
  bytes out;
  bytes two = joined({small(1), small(2)});
  std::size_t mark = open_op_msg(out, 77, flags, 12);
  REQUIRE(put_sequence(out, {"documents", two}).has_value());
  put_body(out, small(0));
  REQUIRE(put_sequence(out, {"", {}}).has_value());
  auto size = close_op_msg(out, mark);
  REQUIRE(size.has_value());
  REQUIRE(*size == out.size());
  return out;
}

/// A whole message around these flags and sections.
bytes framed(const char* text) {
  bytes content = hex(text), out;
  std::size_t mark = open_message(out, opcode::msg, 1);
  out.insert(out.end(), content.begin(), content.end());
  REQUIRE(close_message(out, mark).has_value());
  return out;
}

decode_error error_of(const char* text) {
  auto result = decode_op_msg(framed(text));
  REQUIRE(!result.has_value());
  return result.error();
}

}  // namespace

TEST_CASE("CRC-32C: known values, and the instruction agrees with the table", "[mongo_frame]") {
  CHECK(crc32c(as_bytes("123456789")) == 0xe3069283);
  CHECK(crc32c({}) == 0);
  CHECK(crc32c(bytes(32, 0)) == 0x8a9136aa);
  CHECK(crc32c(bytes(32, 0xff)) == 0x62a8ab43);
  bytes data;
  for (int i = 0; i < 100; ++i) {
    CHECK(crc32c(data) == crc32c_scalar(data));
    for (std::size_t cut = 0; cut <= data.size(); cut += 7) {
      byte_view all(data);
      CHECK(crc32c(all.subspan(cut), crc32c(all.first(cut))) == crc32c(data));
    }
    data.push_back(static_cast<std::uint8_t>(i * 37));
  }
}

TEST_CASE("OP_MSG: sections in any order", "[mongo_frame]") {
  for (std::uint32_t flags : {0u, op_msg_flag::checksum_present, op_msg_flag::more_to_come,
                              op_msg_flag::checksum_present | op_msg_flag::exhaust_allowed, 0xfffe0000u}) {
    CAPTURE(flags);
    bytes frame = message(flags);
    auto read = decode_op_msg(frame);
    REQUIRE(read.has_value());
    CHECK(read->header.request_id == 77);
    CHECK(read->header.response_to == 12);
    CHECK(read->flags == flags);
    CHECK(read->more_to_come() == ((flags & op_msg_flag::more_to_come) != 0));
    CHECK(find(read->body, "n")->as_int32() == 0);
    CHECK(frame.data() + read->body_offset == read->body.outer);
    CHECK(read->sequences == 2);
    sequence_reader sequences(*read);
    document_sequence_view sequence;
    REQUIRE(sequences.next(sequence));
    CHECK(sequence.identifier == "documents");
    document_reader documents(sequence.documents);
    bson_view each;
    REQUIRE(documents.next(each));
    CHECK(find(each, "n")->as_int32() == 1);
    REQUIRE(documents.next(each));
    CHECK(find(each, "n")->as_int32() == 2);
    CHECK_FALSE(documents.next(each));
    REQUIRE(sequences.next(sequence));
    CHECK(sequence.identifier.empty());
    CHECK(sequence.documents.empty());
    CHECK_FALSE(sequences.next(sequence));
    check_body_extent(frame, decode_op_msg);
  }
}

TEST_CASE("OP_MSG: a message that ends early says so by its own length too", "[mongo_frame]") {
  bytes whole = message(0);
  for (std::size_t size = 16; size < whole.size(); ++size) {
    bytes cut = copy_of(byte_view(whole).first(size));
    store_le(cut.data(), static_cast<std::uint32_t>(size));
    CAPTURE(size);
    auto read = decode_op_msg(cut);
    if (size == whole.size() - 6) {
      // Before the last section there is a message already.
      CHECK(read.has_value());
      continue;
    }
    REQUIRE(!read.has_value());
    CHECK(read.error().offset <= size);
  }
}

TEST_CASE("OP_MSG: every bit counts for the checksum", "[mongo_frame]") {
  bytes frame = message(op_msg_flag::checksum_present);
  for (std::size_t at = 4; at < frame.size(); ++at) {
    bytes damaged = frame;
    damaged[at] ^= 0x10;
    CAPTURE(at);
    CHECK_FALSE(decode_op_msg(damaged).has_value());
  }
  frame.back() ^= 1;
  CHECK(decode_op_msg(frame).error() ==
        decode_error{decode_errc::bad_checksum, frame.size() - 4, "checksum"});
}

TEST_CASE("OP_MSG: malformed", "[mongo_frame]") {
  constexpr auto bad = decode_errc::bad_length;
  // Unknown bits that a receiver must know.
  for (const char* flags : {"04000000 00 0500000000", "00800000 00 0500000000", "fcff0000 00 0500000000"})
    CHECK(error_of(flags) == decode_error{decode_errc::bad_value, 16, "flags"});
  CHECK(error_of("00000000") == decode_error{decode_errc::bad_state, 20, "body section"});
  CHECK(error_of("00000000 01 05000000 00") == decode_error{decode_errc::bad_state, 26, "body section"});
  CHECK(error_of("00000000 02 0500000000") == decode_error{decode_errc::unknown_tag, 20, "section kind"});
  CHECK(error_of("00000000 00 0500000000 00 0500000000") ==
        decode_error{decode_errc::bad_state, 26, "section kind"});
  CHECK(error_of("00000000 00 0400000000") == decode_error{bad, 21, "document length"});
  CHECK(error_of("00000000 00 ffffffff00") ==
        decode_error{decode_errc::limit_exceeded, 21, "document length"});
  CHECK(error_of("00000000 00 0600000000") == decode_error{decode_errc::truncated, 21, "document"});
  CHECK(error_of("00000000 00 0500000001") == decode_error{decode_errc::bad_value, 25, "document end"});
  CHECK(error_of("00000000 01 04000000 00") == decode_error{bad, 21, "sequence size"});
  CHECK(error_of("00000000 01 ffffffff 00") == decode_error{bad, 21, "sequence size"});
  CHECK(error_of("00000000 01 07000000 00") == decode_error{decode_errc::truncated, 25, "sequence"});
  CHECK(error_of("00000000 01 06000000 '12'") ==
        decode_error{decode_errc::unterminated_string, 25, "sequence identifier"});
  // The documents must end where the sequence does.
  CHECK(error_of("00000000 01 09000000 00 06000000 0000") ==
        decode_error{decode_errc::truncated, 26, "document"});
  CHECK(error_of("00000000 01 08000000 00 050000 0000") ==
        decode_error{decode_errc::truncated, 26, "document length"});
  CHECK(error_of("00000000 01 06000000 'a' 00 01 06000000 'a' 00 00 0500000000") ==
        decode_error{decode_errc::bad_value, 32, "sequence identifier"});
  CHECK(error_of("01000000 010203") == decode_error{bad, 0, "message length"});
  CHECK(decode_op_msg(hex("10000000 00000000 00000000 dc070000")).error() ==
        decode_error{decode_errc::bad_state, 12, "opcode"});
}

TEST_CASE("OP_MSG: sequences are counted", "[mongo_frame]") {
  auto with = [](std::size_t count) {
    bytes out;
    std::size_t mark = open_op_msg(out, 1);
    put_body(out, small(0));
    for (std::size_t i = 0; i < count; ++i) REQUIRE(put_sequence(out, {std::to_string(i), {}}).has_value());
    REQUIRE(close_op_msg(out, mark).has_value());
    return out;
  };
  CHECK(decode_op_msg(with(max_document_sequences)).has_value());
  CHECK(decode_op_msg(with(max_document_sequences + 1)).error().code == decode_errc::limit_exceeded);
}

TEST_CASE("OP_MSG: what can't be sent", "[mongo_frame]") {
  bytes out;
  std::size_t mark = open_op_msg(out, 1);
  CHECK(put_sequence(out, {std::string_view("a\0b", 3), {}}).error().code == decode_errc::bad_value);
  out.resize(max_message_bytes + 1);
  CHECK(close_op_msg(out, mark).error() == decode_error{decode_errc::limit_exceeded, 0, "message length"});
}
