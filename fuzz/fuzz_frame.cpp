// A stream split into messages all at once and piece by piece gives the same messages, ends at the same place
// and with the same error. Messages that follow each other without a gap are the stream.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/frame_buffer.hpp"
#include "wire/frame.hpp"

using namespace tidewire;
using namespace tidewire::wire;

namespace {

using framer = decoded<std::size_t> (*)(byte_view, std::uint32_t);
using frames = std::vector<std::vector<std::uint8_t>>;

constexpr std::uint32_t max_frame_bytes = 4096;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

template <class T>
void sink(const T& value) {
  asm volatile("" ::"g"(&value) : "memory");
}

struct reading {
  frames whole;
  std::size_t taken = 0;
  decode_error error;
};

/// Takes all whole frames off the front of what has been received. False if there can be no more.
template <class Take>
bool take_frames(framer sizes, byte_view pending, reading& result, Take take) {
  for (;;) {
    auto size = sizes(pending, max_frame_bytes);
    if (!size) {
      result.error = size.error();
      return false;
    }
    require(*size <= max_frame_bytes);
    if (*size == 0 || *size > pending.size()) return true;
    byte_view frame = take(*size);
    result.whole.emplace_back(frame.begin(), frame.end());
    result.taken += *size;
    pending = pending.subspan(*size);
  }
}

reading read_whole(framer sizes, byte_view stream) {
  reading result;
  std::vector<std::uint8_t> exact(stream.begin(), stream.end());
  byte_view all(exact);
  take_frames(sizes, all, result, [&](std::size_t size) { return all.subspan(result.taken, size); });
  return result;
}

/// In pieces of the lengths that `steps` says, over and over.
reading read_pieces(framer sizes, byte_view stream, byte_view steps) {
  reading result;
  frame_buffer buffer({.initial = 16, .usual = 256, .huge = 1024, .max = 2 * max_frame_bytes});
  std::size_t fed = 0;
  for (std::size_t i = 0; fed < stream.size(); ++i) {
    std::size_t step = 1 + steps[i % steps.size()] % 64;
    auto room = buffer.free(step);
    std::size_t count = std::min({step, room.size(), stream.size() - fed});
    require(count > 0);
    std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(fed), count, room.begin());
    buffer.commit(count);
    fed += count;
    if (!take_frames(sizes, buffer.pending(), result, [&](std::size_t size) { return buffer.take(size); }))
      break;
  }
  return result;
}

/// A frame of the right size is split, and its parts make the frame again.
template <class Message>
void split(byte_view frame, const decoded<Message>& message) {
  sink(message);
  if (!message) {
    require(message.error() == decode_error{decode_errc::unknown_tag, 0, "message tag"});
    return;
  }
  require(name_of(message->tag) && message->body.size() == frame.size() - frame_head_bytes);
  std::vector<std::uint8_t> again;
  encoder out(again);
  std::size_t mark = open_frame(out, message->tag);
  out.bytes(message->body);
  out.close_be32(mark);
  require(out.ok() && std::ranges::equal(again, frame));
}

void compare(framer sizes, byte_view stream, byte_view steps) {
  reading whole = read_whole(sizes, stream);
  reading pieces = read_pieces(sizes, stream, steps);
  sink(whole);
  sink(pieces);
  require(whole.whole == pieces.whole && whole.taken == pieces.taken && whole.error == pieces.error);
  std::vector<std::uint8_t> joined;
  for (const auto& each : whole.whole) joined.insert(joined.end(), each.begin(), each.end());
  require(std::ranges::equal(joined, stream.first(whole.taken)));
}

}  // namespace

/// One byte: how many bytes of steps follow it. Then the stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_view input(data, size);
  if (size < 2) return 0;
  std::size_t count = std::min<std::size_t>(1 + data[0] % 16, size - 1);
  byte_view steps = input.subspan(1, count), stream = input.subspan(1 + count);
  compare(frame_size, stream, steps);
  compare(startup_size, stream, steps);
  for (const auto& frame : read_whole(frame_size, stream).whole) {
    split(frame, split_backend(frame));
    split(frame, split_frontend(frame));
  }
  return 0;
}
