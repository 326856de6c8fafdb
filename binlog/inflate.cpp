#include "binlog/inflate.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <zlib.h>

namespace tidewire::binlog {

struct inflater::state {
  z_stream stream{};
  bool ready = false;

  ~state() {
    if (ready) inflateEnd(&stream);
  }
};

inflater::inflater() = default;
inflater::~inflater() = default;
inflater::inflater(inflater&&) noexcept = default;
inflater& inflater::operator=(inflater&&) noexcept = default;

bool inflater::run(byte_view in, bool raw, std::uint8_t* out, std::size_t size) {
  int window = raw ? -MAX_WBITS : MAX_WBITS;
  if (!state_) state_ = std::make_unique<state>();
  z_stream& stream = state_->stream;
  if (!state_->ready) {
    if (inflateInit2(&stream, window) != Z_OK) throw std::bad_alloc();
    state_->ready = true;
  } else if (inflateReset2(&stream, window) != Z_OK) {
    return false;
  }
  std::uint8_t nothing = 0;  // zlib wants a place even for no output
  stream.next_in = const_cast<Bytef*>(in.data());
  stream.next_out = size ? out : &nothing;
  std::size_t in_left = in.size(), out_left = size;
  constexpr std::size_t most = std::numeric_limits<uInt>::max();
  for (;;) {
    uInt in_now = stream.avail_in = static_cast<uInt>(std::min(in_left, most));
    uInt out_now = stream.avail_out = static_cast<uInt>(std::min(out_left, most));
    int result = inflate(&stream, in_left <= most && out_left <= most ? Z_FINISH : Z_NO_FLUSH);
    in_left -= in_now - stream.avail_in;
    out_left -= out_now - stream.avail_out;
    if (result == Z_STREAM_END) return in_left == 0 && out_left == 0;
    bool moved = in_now != stream.avail_in || out_now != stream.avail_out;
    if (result != Z_OK || !moved) return false;
  }
}

}  // namespace tidewire::binlog
