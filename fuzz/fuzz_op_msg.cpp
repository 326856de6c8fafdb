// Any bytes as a message of the wire protocol: what decodes encodes to the same bytes. The first byte says
// what is put right before: nothing, the length, or the length and the checksum.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "mongo_wire/op_compressed.hpp"
#include "mongo_wire/op_legacy.hpp"
#include "mongo_wire/op_msg.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

using bytes = std::vector<std::uint8_t>;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

template <class T>
bool good(const decoded<T>& result, byte_view frame) {
  asm volatile("" ::"g"(&result) : "memory");
  if (!result)
    require(result.error().code != decode_errc::none && *result.error().field &&
            result.error().offset <= frame.size());
  return result.has_value();
}

void each_document(byte_view documents) {
  document_reader reader(documents);
  std::size_t total = 0;
  for (bson_view each; reader.next(each); total += each.size)
    require(decode_document(each.bytes()).has_value());
  require(total == documents.size());
}

void op_msg(byte_view frame) {
  auto message = decode_op_msg(frame);
  if (!good(message, frame)) return;
  bytes again;
  std::size_t mark =
      open_op_msg(again, message->header.request_id, message->flags, message->header.response_to);
  const std::uint8_t* body = message->body.outer;
  bool body_put = false;
  std::uint32_t sequences = 0;
  sequence_reader reader(*message);
  for (document_sequence_view each; reader.next(each); ++sequences) {
    if (!body_put && body < each.documents.data()) put_body(again, message->body.bytes()), body_put = true;
    require(put_sequence(again, each).has_value());
    each_document(each.documents);
  }
  if (!body_put) put_body(again, message->body.bytes());
  require(sequences == message->sequences);
  require(frame.data() + message->body_offset == body);
  require(close_op_msg(again, mark).has_value() && std::ranges::equal(again, frame));
}

void compressed(byte_view frame) {
  auto message = decode_op_compressed(frame, 1 << 20);
  if (!good(message, frame)) return;
  require(message->uncompressed_bytes <= (1 << 20) - message_header_bytes);
  message_header original = message->header;
  original.code = message->original;
  bytes again;
  require(encode_op_compressed(again, original, message->uncompressed_bytes, message->id, message->data) &&
          std::ranges::equal(again, frame));
}

void legacy(byte_view frame) {
  bytes again;
  if (auto query = decode_op_query(frame); good(query, frame))
    require(encode_op_query(again, *query).has_value() && std::ranges::equal(again, frame));
  again.clear();
  if (auto reply = decode_op_reply(frame); good(reply, frame)) {
    each_document(reply->documents);
    require(encode_op_reply(again, *reply).has_value() && std::ranges::equal(again, frame));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  bytes frame(data + 1, data + size);
  if (data[0] % 3 >= 1 && frame.size() >= 4) store_le(frame.data(), static_cast<std::uint32_t>(frame.size()));
  if (data[0] % 3 == 2 && frame.size() >= 24) {
    frame[16] |= 1;
    store_le(frame.data() + frame.size() - 4, crc32c(byte_view(frame).first(frame.size() - 4)));
  }
  require(crc32c(frame) == crc32c_scalar(frame));
  auto total = message_size(frame, max_message_bytes);
  auto split = split_message(frame);
  if (good(split, frame)) require(total.has_value() && *total == frame.size());
  op_msg(frame);
  compressed(frame);
  legacy(frame);
  return 0;
}
