// Any bytes as a position file, and as the lines of one whose checksum is right: what decodes encodes to the
// same bytes, and no byte of it can be another one.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/position_store.hpp"

using namespace tidewire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void decode(std::string file) {
  std::vector<std::uint8_t> exact(file.begin(), file.end());
  auto p = decode_position(exact);
  asm volatile("" ::"g"(&p) : "memory");
  if (!p) {
    require(p.error().code != decode_errc::none && *p.error().field && p.error().offset <= file.size());
    return;
  }
  require(encode_position(*p) == file);
  require(p->identity.size() <= max_position_identity);
  check_same_source(*p, *p);
  std::size_t at = (p->sink_offset_bytes + file.size() / 2) % file.size();
  exact[at] ^= static_cast<std::uint8_t>(1 + p->changes % 255);
  require(!decode_position(exact).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  decode(text);
  // A seed is a whole file: its first and last line are made anew.
  // Of version 2 if it has a copy's lines.
  std::string version = text.find("\ncopy ") == text.npos ? "1" : "2";
  std::string lines =
      "tidewire position " + version + "\n" + text.substr(std::min(text.find('\n'), text.size() - 1) + 1);
  lines.resize(std::min(lines.find("\nchecksum "), lines.size() - 1) + 1);
  decode(lines + "checksum " + position_checksum(lines) + "\n");
  return 0;
}
