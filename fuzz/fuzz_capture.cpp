// A capture read whole and in windows gives the same records, ends at the same place with the same error, and
// what was read writes the same bytes again.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "pgoutput/capture.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

struct reading {
  std::vector<std::uint8_t> again;
  std::uint64_t offset = 0;
  std::size_t lost = 0;
  decode_error error;
};

/// True when the window has nothing more to give.
bool read_window(capture_reader& reader, encoder& again, reading& result) {
  for (;;) {
    auto next = reader.next();
    if (!next) {
      result.error = next.error();
      return false;
    }
    if (!*next) return true;
    encode_capture_record(again, **next);
    require(again.ok());
  }
}

void finish(const capture_reader& reader, reading& result) {
  result.offset = reader.offset();
  result.lost = reader.unread_bytes();
}

reading read_whole(byte_view file) {
  reading result;
  encoder again(result.again);
  encode_capture_header(again);
  capture_reader reader(file);
  read_window(reader, again, result);
  finish(reader, result);
  return result;
}

reading read_windows(byte_view file, std::size_t step) {
  reading result;
  encoder again(result.again);
  encode_capture_header(again);
  capture_reader reader;
  std::size_t end = 0;
  for (;;) {
    bool more = read_window(reader, again, result);
    finish(reader, result);
    if (!more || end == file.size()) return result;
    require(reader.wanted_bytes() > reader.unread_bytes());
    std::size_t begin = end - reader.unread_bytes();
    require(begin == reader.offset());
    end = std::min(file.size(), end + step);
    std::vector<std::uint8_t> window(file.begin() + static_cast<std::ptrdiff_t>(begin),
                                     file.begin() + static_cast<std::ptrdiff_t>(end));
    reader.give(window);
    more = read_window(reader, again, result);
    finish(reader, result);
    if (!more || end == file.size()) return result;
    reader.give(file.subspan(reader.offset(), end - reader.offset()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_view file(data, size);
  reading whole = read_whole(file);
  require(whole.offset + whole.lost == size);
  if (whole.offset >= capture_magic.size()) {
    require(whole.offset == whole.again.size());
    require(std::ranges::equal(whole.again, file.first(whole.offset)));
  }
  reading windows = read_windows(file, 1 + size % 31);
  require(windows.again == whole.again && windows.offset == whole.offset && windows.error == whole.error);
  require(windows.error.code != decode_errc::none || windows.lost == whole.lost);
  asm volatile("" ::"g"(&whole), "g"(&windows) : "memory");
  return 0;
}
