// The compressed protocol: packets travel in larger ones, which hold zlib or zstd data, or bytes as they are
// ("Compressed Packet" in MySQL's and MariaDB's protocol documentation).
#pragma once

#include "binlog/inflate.hpp"
#include "core/cursor.hpp"
#include "core/encoder.hpp"
#include "core/link_codec.hpp"

namespace tidewire::binlog {

enum class compression_algorithm : std::uint8_t { none, zlib, zstd };

inline constexpr std::size_t compressed_head_bytes = 7;
inline constexpr std::size_t compressed_most_bytes = 0xffffff;  // of what a packet holds, in either form

/// Three bytes of length, a number, three bytes of length before compression: 0 if it was not worth it.
struct compressed_head {
  std::size_t size = 0;
  std::uint8_t number = 0;
  std::size_t whole_size = 0;
};

/// `packet` begins with compressed_head_bytes at least.
inline compressed_head decode_compressed_head(byte_view packet) {
  auto three = [&](std::size_t at) {
    return packet[at] | std::size_t{packet[at + 1]} << 8 | std::size_t{packet[at + 2]} << 16;
  };
  return {three(0), packet[3], three(4)};
}

inline void encode_compressed_head(encoder& out, const compressed_head& head) {
  auto three = [&](std::size_t value) {
    for (int shift : {0, 8, 16}) out.u8(static_cast<std::uint8_t>(value >> shift));
  };
  three(head.size);
  out.u8(head.number);
  three(head.whole_size);
}

class compressed_packets final : public link_codec {
 public:
  explicit compressed_packets(compression_algorithm by);
  ~compressed_packets() override;

  std::span<std::uint8_t> space() override;
  void commit(std::size_t count) override { raw_.commit(count); }
  /// bad_value: the data are damaged, or of another size than they say.
  decoded<bool> unwrap(frame_buffer& into) override;
  /// Our own commands are short: they go as they are.
  void wrap(std::vector<std::uint8_t>& out) override;

 private:
  bool decompress(byte_view data, std::span<std::uint8_t> whole);

  struct zstd;
  compression_algorithm by_;
  frame_buffer raw_;
  inflater inflate_;
  std::unique_ptr<zstd> zstd_;
  std::uint8_t number_ = 0;  // of the next packet that we send within an exchange
};

}  // namespace tidewire::binlog
