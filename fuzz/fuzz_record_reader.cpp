// Any bytes as a file of documents and of messages, in windows of any size: the same records as in one piece,
// the same end, the same error. The first byte is the size of a step.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "mongo_wire/record_reader.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

struct reading {
  std::vector<std::size_t> sizes;
  std::uint64_t offset = 0;
  decode_error error;

  friend bool operator==(const reading&, const reading&) = default;
};

reading read(record_framer framer, byte_view file, std::size_t step) {
  reading result;
  record_reader reader(framer);
  std::size_t taken = 0, have = 0;
  while (have < file.size() && result.error.code == decode_errc::none) {
    have = std::min(file.size(), have + step);
    std::vector<std::uint8_t> window(file.begin() + static_cast<std::ptrdiff_t>(taken),
                                     file.begin() + static_cast<std::ptrdiff_t>(have));
    reader.give(window);
    for (;;) {
      auto record = reader.next();
      if (!record) {
        result.error = record.error();
        require(result.error.offset <= file.size());
        break;
      }
      if (!*record) break;
      require(std::ranges::equal(**record, file.subspan(taken, (*record)->size())));
      taken += (*record)->size();
      result.sizes.push_back((*record)->size());
    }
    require(reader.offset() == taken && reader.unread_bytes() == have - taken);
    // A window of the wanted size leads on, or the file is shorter.
    require(result.error.code != decode_errc::none || reader.wanted_bytes() > have - taken);
  }
  result.offset = reader.offset();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  byte_view file(data + 1, size - 1);
  for (record_framer framer : {document_record, message_record}) {
    reading whole = read(framer, file, file.size());
    reading pieces = read(framer, file, 1 + data[0] % 64);
    asm volatile("" ::"g"(&whole), "g"(&pieces) : "memory");
    require(whole == pieces);
  }
  return 0;
}
