// Text of every character set: what is legal becomes well-formed UTF-8 within the room that was asked for,
// and twice the text becomes twice that.
//   input: a byte that names the set; text
#include <algorithm>
#include <memory>
#include <string>

#include "binlog_fuzz.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

constexpr std::string_view sets[] = {
    "big5", "cp932", "eucjpms", "euckr", "gb18030", "gb2312",   "gbk",   "sjis",     "ujis",
    "swe7", "utf16", "utf16le", "utf32", "latin1",  "armscii8", "cp850", "macroman", "tis620",
};

bool well_formed_utf8(std::string_view text) {
  constexpr std::uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
  for (std::size_t at = 0; at < text.size();) {
    auto lead = static_cast<std::uint8_t>(text[at]);
    std::size_t size = lead < 0x80   ? 1
                       : lead < 0xc0 ? 0
                       : lead < 0xe0 ? 2
                       : lead < 0xf0 ? 3
                       : lead < 0xf8 ? 4
                                     : 0;
    if (size == 0 || text.size() - at < size) return false;
    std::uint32_t code = size == 1 ? lead : lead & (0x7fu >> size);
    for (std::size_t i = 1; i < size; ++i) {
      if ((text[at + i] & 0xc0) != 0x80) return false;
      code = code << 6 | (text[at + i] & 0x3f);
    }
    if (code < lowest[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    at += size;
  }
  return true;
}

/// False if it is not legal.
bool convert(const text_conversion& how, byte_view text, std::string& to) {
  std::vector<std::uint8_t> from = exact(text);
  std::size_t size = from.size() * worst_utf8_growth;
  auto room = std::make_unique<char[]>(size);
  char* end = put_as_utf8(room.get(), how, from);
  if (!end) return false;
  require(end >= room.get() && end <= room.get() + size);
  to.assign(room.get(), end);
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 5'000) return 0;
  std::string_view set = sets[data[0] % std::size(sets)];
  const text_conversion* how = conversion_of(set);
  require(how && charset_of(collation_of(set)) == charset::converted);
  std::vector<std::uint8_t> text = exact({data + 1, size - 1});
  std::string once, twice;
  bool legal = convert(*how, text, once);
  bool ascii = std::ranges::all_of(text, [](std::uint8_t byte) { return byte < 0x80; });
  if (ascii && how->keeps_ascii()) require(legal && once == as_text(byte_view(text)));
  if (!legal) return 0;
  require(well_formed_utf8(once));
  text.insert(text.end(), data + 1, data + size);
  require(convert(*how, text, twice) && twice == once + once);
  return 0;
}
