#include "binlog/compressed_packets.hpp"

#include <algorithm>
#include <new>
#include <zstd.h>

#include "binlog/packet.hpp"

namespace tidewire::binlog {

struct compressed_packets::zstd {
  ZSTD_DCtx* context = ZSTD_createDCtx();

  zstd() {
    if (!context) throw std::bad_alloc();
  }
  zstd(const zstd&) = delete;
  zstd& operator=(const zstd&) = delete;
  ~zstd() { ZSTD_freeDCtx(context); }
};

compressed_packets::compressed_packets(compression_algorithm by)
    : by_(by), raw_({.max = compressed_most_bytes + (std::size_t{2} << 20)}) {
  if (by == compression_algorithm::zstd) zstd_ = std::make_unique<zstd>();
}
compressed_packets::~compressed_packets() = default;

std::span<std::uint8_t> compressed_packets::space() {
  constexpr std::size_t least = 64 * 1024, most = 1024 * 1024;
  return raw_.free(std::clamp(raw_.pending().size(), least, most));
}

decoded<bool> compressed_packets::unwrap(frame_buffer& into) {
  byte_view pending = raw_.pending();
  if (pending.size() < compressed_head_bytes) return false;
  compressed_head head = decode_compressed_head(pending);
  if (pending.size() < compressed_head_bytes + head.size) return false;
  byte_view data = raw_.take(compressed_head_bytes + head.size).subspan(compressed_head_bytes);
  number_ = static_cast<std::uint8_t>(head.number + 1);
  std::size_t size = head.whole_size != 0 ? head.whole_size : data.size();
  if (size == 0) return true;
  std::span<std::uint8_t> room = into.free(size);
  if (room.size() < size)
    return std::unexpected(decode_error{decode_errc::limit_exceeded, 4, "uncompressed length"});
  if (head.whole_size == 0)
    std::copy(data.begin(), data.end(), room.begin());
  else if (!decompress(data, room.first(size)))
    return std::unexpected(decode_error{decode_errc::bad_value, compressed_head_bytes, "compressed packet"});
  into.commit(size);
  return true;
}

bool compressed_packets::decompress(byte_view data, std::span<std::uint8_t> whole) {
  if (!zstd_) return inflate_.run(data, false, whole.data(), whole.size());
  std::size_t got = ZSTD_decompressDCtx(zstd_->context, whole.data(), whole.size(), data.data(), data.size());
  return !ZSTD_isError(got) && got == whole.size();
}

void compressed_packets::wrap(std::vector<std::uint8_t>& out) {
  if (out.empty()) return;
  // A new command begins to count anew, within its packets and around them.
  if (out.size() >= packet_head_bytes && out[3] == 0) number_ = 0;
  std::vector<std::uint8_t> wrapped;
  encoder to(wrapped);
  for (byte_view left = out; !left.empty();) {
    byte_view now = left.first(std::min(left.size(), compressed_most_bytes));
    encode_compressed_head(to, {now.size(), number_++, 0});
    to.bytes(now);
    left = left.subspan(now.size());
  }
  out = std::move(wrapped);
}

}  // namespace tidewire::binlog
