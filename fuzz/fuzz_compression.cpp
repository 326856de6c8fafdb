// Any bytes as compressed data never give more than the stated size, and what a compressor makes of any
// message comes out again. First byte: the compressor; the next two: the stated size.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "mongo_wire/compression.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

using bytes = std::vector<std::uint8_t>;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void round_trip(decompressor& from, byte_view body, compressor id) {
  bytes frame, wrapped;
  std::size_t mark = open_message(frame, opcode::msg, 7, -1);
  frame.insert(frame.end(), body.begin(), body.end());
  require(close_message(frame, mark).has_value());
  require(compress_message(wrapped, frame, id).has_value());
  auto message = decode_op_compressed(wrapped);
  require(message.has_value());
  auto again = from.unwrap(*message);
  require(again.has_value() && std::ranges::equal(*again, frame));
  // One byte less or more than stated is not taken.
  for (int step : {-1, 1}) {
    op_compressed_view wrong = *message;
    if (step < 0 && wrong.uncompressed_bytes == 0) continue;
    wrong.uncompressed_bytes += static_cast<std::uint32_t>(step);
    require(!from.unwrap(wrong).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static decompressor from;  // also what an earlier message left behind must do no harm
  if (size < 3) return 0;
  bytes exact(data + 3, data + size);
  op_compressed_view message;
  message.id = static_cast<compressor>(data[0] % 4);
  message.uncompressed_bytes = load_le<std::uint16_t>(data + 1);
  message.data = exact;
  auto result = from.unwrap(message);
  asm volatile("" ::"g"(&result) : "memory");
  if (result)
    require(result->size() == message_header_bytes + message.uncompressed_bytes && split_message(*result));
  else
    require(result.error().code != decode_errc::none && *result.error().field);
  round_trip(from, exact, message.id);
  return 0;
}
