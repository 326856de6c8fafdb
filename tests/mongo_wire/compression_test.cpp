#include "mongo_wire/compression.hpp"

#include <zlib.h>

#include "mongo_wire/op_msg.hpp"
#include "tests/mongo_wire/bson_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

constexpr compressor all[] = {compressor::noop, compressor::snappy, compressor::zlib, compressor::zstd};

bytes message(std::size_t text_bytes) {
  bytes out;
  std::size_t mark = open_op_msg(out, 5, 0, 4);
  std::string text(text_bytes, 'x');
  for (std::size_t i = 0; i < text.size(); i += 3) text[i] = static_cast<char>('a' + i * i % 26);
  put_body(out, document([&](bson_writer& to) { to.put_string("text", text); }));
  REQUIRE(close_op_msg(out, mark).has_value());
  return out;
}

bytes wrapped(byte_view frame, compressor id, int level = default_zlib_level) {
  bytes out;
  auto size = compress_message(out, frame, id, level);
  REQUIRE(size.has_value());
  REQUIRE(*size == out.size());
  return out;
}

decoded<byte_view> unwrap(decompressor& from, const bytes& frame,
                          std::uint32_t max_bytes = max_message_bytes) {
  auto message = decode_op_compressed(frame, max_bytes);
  if (!message) return std::unexpected(message.error());
  return from.unwrap(*message);
}

/// As if this were compressed data of a message of `stated` bytes.
decode_error error_of(compressor id, std::uint32_t stated, byte_view data) {
  bytes frame;
  message_header header;
  REQUIRE(encode_op_compressed(frame, header, stated, id, data).has_value());
  decompressor from;
  auto result = unwrap(from, frame);
  REQUIRE(!result.has_value());
  return result.error();
}

}  // namespace

TEST_CASE("OP_COMPRESSED: every compressor, every size, one after the other", "[mongo_frame]") {
  decompressor from;
  for (compressor id : all) {
    for (std::size_t size : {0u, 1u, 17u, 1000u, 100'000u, 3u}) {
      CAPTURE(name_of(id), size);
      bytes frame = message(size);
      bytes packed = wrapped(frame, id);
      auto read = decode_op_compressed(packed);
      REQUIRE(read.has_value());
      CHECK(read->id == id);
      CHECK(read->original == opcode::msg);
      CHECK(read->header.request_id == 5);
      CHECK(read->header.response_to == 4);
      CHECK(read->uncompressed_bytes == frame.size() - 16);
      auto again = from.unwrap(*read);
      REQUIRE(again.has_value());
      CHECK(copy_of(*again) == frame);
      CHECK(decode_op_msg(*again).has_value());
      if (id != compressor::noop && size == 100'000) CHECK(packed.size() < frame.size());
    }
  }
  for (int level = -1; level <= 9; ++level)
    CHECK(copy_of(*unwrap(from, wrapped(message(500), compressor::zlib, level))) == message(500));
  bytes empty, out;
  std::size_t mark = open_message(empty, opcode::msg, 1);
  REQUIRE(close_message(empty, mark).has_value());
  for (compressor id : all) CHECK(copy_of(*unwrap(from, wrapped(empty, id))) == empty);
}

TEST_CASE("OP_COMPRESSED: every truncation", "[mongo_frame]") {
  decompressor from;
  for (compressor id : all) {
    CAPTURE(name_of(id));
    bytes frame = wrapped(message(300), id);
    check_body_extent(frame, [](byte_view of) { return decode_op_compressed(of); });
    // And truncated data in a message whose length fits.
    for (std::size_t size = 25; size < frame.size(); ++size) {
      bytes cut = copy_of(byte_view(frame).first(size));
      store_le(cut.data(), static_cast<std::uint32_t>(size));
      CAPTURE(size);
      CHECK_FALSE(unwrap(from, cut).has_value());
    }
    // After all those errors the states work as before.
    CHECK(unwrap(from, frame).has_value());
    // Something behind the data.
    bytes longer = frame;
    longer.push_back(0);
    store_le(longer.data(), static_cast<std::uint32_t>(longer.size()));
    CHECK_FALSE(unwrap(from, longer).has_value());
  }
}

TEST_CASE("OP_COMPRESSED: malformed", "[mongo_frame]") {
  auto decode = [](byte_view of) { return decode_op_compressed(of, 1000); };
  check_malformed(
      {{"18000000 00000000 00000000 dc070000 dd070000 00000000 00",
        {decode_errc::bad_length, 0, "message length"}},
       {"19000000 00000000 00000000 dc070000 dc070000 00000000 00",
        {decode_errc::bad_state, 16, "original opcode"}},
       {"19000000 00000000 00000000 dc070000 de070000 00000000 00",
        {decode_errc::unknown_tag, 16, "original opcode"}},
       {"19000000 00000000 00000000 dc070000 dd070000 ffffffff 00",
        {decode_errc::bad_length, 20, "uncompressed size"}},
       {"19000000 00000000 00000000 dc070000 dd070000 d9030000 00",
        {decode_errc::limit_exceeded, 20, "uncompressed size"}},
       {"19000000 00000000 00000000 dc070000 dd070000 00000000 04",
        {decode_errc::unknown_tag, 24, "compressor"}},
       {"19000000 00000000 00000000 dd070000 dd070000 00000000 00", {decode_errc::bad_state, 12, "opcode"}}},
      decode);
  CHECK(decode(hex("19000000 00000000 00000000 dc070000 dd070000 d8030000 00")).has_value());
}

TEST_CASE("OP_COMPRESSED: a bomb gives no more than it states, and that is limited", "[mongo_frame]") {
  bytes frame = message(0);
  std::size_t mark = open_op_msg(frame, 1);
  frame.resize(frame.size() + 10'000'000);
  REQUIRE(close_op_msg(frame, mark).has_value());
  byte_view large = byte_view(frame).subspan(mark);
  for (compressor id : {compressor::snappy, compressor::zlib, compressor::zstd}) {
    CAPTURE(name_of(id));
    bytes packed = wrapped(large, id);
    CHECK(packed.size() < 500'000);
    decompressor from;
    CHECK(unwrap(from, packed, 1'000'000).error() ==
          decode_error{decode_errc::limit_exceeded, 20, "uncompressed size"});
    for (std::uint32_t stated : {0u, 1u, 65'536u, 9'999'000u, 10'000'005u}) {
      CAPTURE(stated);
      store_le(packed.data() + 20, stated);
      CHECK(unwrap(from, packed).error() == decode_error{decode_errc::bad_length, 20, "uncompressed size"});
    }
    store_le(packed.data() + 20, 10'000'004u);
    CHECK(unwrap(from, packed).has_value());
  }
}

TEST_CASE("OP_COMPRESSED: sizes that no data of this length can have cost no memory", "[mongo_frame]") {
  bytes tiny = hex("789c0300000000 01");
  CHECK(error_of(compressor::zlib, 40'000'000, tiny).code == decode_errc::bad_length);
  CHECK(error_of(compressor::snappy, 40'000'000, tiny).code == decode_errc::bad_length);
}

TEST_CASE("OP_COMPRESSED: data that is none", "[mongo_frame]") {
  bytes noise = hex("ff ff ff ff 01 02 03 04 05 06 07");
  CHECK(error_of(compressor::zlib, 100, noise) == decode_error{decode_errc::bad_value, 25, "zlib data"});
  CHECK(error_of(compressor::zstd, 100, noise) == decode_error{decode_errc::bad_value, 25, "zstd data"});
  CHECK(error_of(compressor::snappy, 100, hex("ff ff ff ff ff 01")) ==
        decode_error{decode_errc::bad_value, 25, "snappy data"});
  CHECK(error_of(compressor::snappy, 10, {}) == decode_error{decode_errc::bad_value, 25, "snappy data"});
  CHECK(error_of(compressor::zlib, 0, {}) == decode_error{decode_errc::bad_value, 25, "zlib data"});
  CHECK(error_of(compressor::noop, 100, noise) ==
        decode_error{decode_errc::bad_length, 20, "uncompressed size"});
  // The length is right and the elements are not: a copy from before the beginning.
  CHECK(error_of(compressor::snappy, 8, hex("08 09 ff 00")) ==
        decode_error{decode_errc::bad_value, 25, "snappy data"});
}

TEST_CASE("only whole messages are compressed", "[mongo_frame]") {
  bytes out;
  CHECK_FALSE(compress_message(out, hex("10000000 00000000"), compressor::zlib).has_value());
  CHECK_FALSE(compress_message(out, message(10), static_cast<compressor>(9)).has_value());
  CHECK_FALSE(compress_message(out, message(10), compressor::zlib, 42).has_value());
  CHECK(out.empty());
}
