// Messages of MongoDB as lines: any bytes give one line of a bounded length that a terminal can be shown.
//   input: a byte that chooses (the direction, what it belongs to, whether the length is put right), a
//   message
#include <string>

#include "core/bytes.hpp"
#include "mongo_wire/compression.hpp"
#include "mongo_wire/message_trace.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::vector<std::uint8_t> frame(data + 1, data + size);
  bool from_server = data[0] & 1;
  auto kind = static_cast<trace_of>(data[0] / 2 % 3);
  // What differs in nothing else would be a waste of the fuzzer's time.
  if (data[0] & 0x80 && frame.size() >= 4) store_le(frame.data(), static_cast<std::uint32_t>(frame.size()));
  decoded<message_view> plain = split_message(frame);
  decompressor decompress;
  if (plain && plain->header.code == opcode::compressed) {
    auto wrapped = decode_op_compressed(frame, 1u << 20);
    decoded<byte_view> message = wrapped ? decompress.unwrap(*wrapped) : std::unexpected(wrapped.error());
    plain = message ? split_message(*message) : std::unexpected(message.error());
  }
  std::string line = trace_line(from_server, frame, plain, kind);
  require(line.size() < 32'768 && line.starts_with(from_server ? "B\t" : "F\t"));
  for (char c : line) require(c == '\t' || (c >= 0x20 && c < 0x7f));
  return 0;
}
