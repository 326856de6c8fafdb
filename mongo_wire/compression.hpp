// Messages into and out of OP_COMPRESSED, with zlib, zstd and snappy.
#pragma once

#include <memory>
#include <vector>

#include "mongo_wire/op_compressed.hpp"

namespace tidewire::mongo_wire {

/// Keeps the libraries' states and the memory of the last message: one per connection.
class decompressor {
 public:
  decompressor();
  ~decompressor();
  decompressor(const decompressor&) = delete;
  decompressor& operator=(const decompressor&) = delete;

  /// The original message, header and all; borrowed until the next call. No more than the stated size is ever
  /// written. bad_value for data that the library refuses, bad_length where its size is not the stated one.
  decoded<byte_view> unwrap(const op_compressed_view& message);

 private:
  struct states;
  std::unique_ptr<states> states_;
  std::vector<std::uint8_t> out_;
};

/// zlib's own level from 0 to 9; -1 is its default. The others have one level.
inline constexpr int default_zlib_level = -1;

/// Appends `frame`, which is one whole message, in a compressed wrapping.
decoded<std::size_t> compress_message(std::vector<std::uint8_t>& out, byte_view frame, compressor id,
                                      int zlib_level = default_zlib_level);

}  // namespace tidewire::mongo_wire
