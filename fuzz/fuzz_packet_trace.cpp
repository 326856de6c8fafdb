// A connection's packets as lines: whatever comes in whatever order, each gives one line of a bounded length
// that a terminal can be shown, and no byte of an answer to an authentication.
//   input: a byte (the direction, and how many more bytes tell the length), the length, the payload; and so
//   on
#include <string>

#include "binlog/packet_trace.hpp"
#include "binlog_fuzz.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

std::size_t lines = 0;

void check(const std::string& line) {
  ++lines;
  require(line.size() < 32'768 && (line.starts_with("B\t") || line.starts_with("F\t")));
  for (char c : line) require(c == '\t' || (c >= 0x20 && c < 0x7f));
  require(!line.starts_with("F\tNN\tAuthResponse") || line == "F\tNN\tAuthResponse\t (hidden)");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_view in(data, size);
  packet_trace trace(check);
  std::size_t packets = 0;
  lines = 0;
  while (in.size() >= 2) {
    bool sent = in[0] & 1;
    std::size_t length = in[1];
    std::size_t head = 2;
    if (in[0] & 2 && in.size() >= 3) length |= std::size_t{in[head++]} << 8;
    in = in.subspan(head);
    std::vector<std::uint8_t> payload = exact(in.first(std::min(length, in.size())));
    in = in.subspan(payload.size());
    if (sent)
      trace.sent(payload);
    else
      trace.received(payload);
    require(lines == ++packets);
  }
  std::string_view text = as_text(byte_view(data, size));
  std::size_t secret = secret_in(text);
  require(secret == text.npos || secret < text.size());
  return 0;
}
