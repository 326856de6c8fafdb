// A protocol that wraps another one's bytes on a connection: compression. It stands between the bytes that
// the driver reads and writes and the frames that a conversation sees.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/decode_error.hpp"
#include "core/frame_buffer.hpp"

namespace tidewire {

class link_codec {
 public:
  link_codec() = default;
  link_codec(const link_codec&) = delete;
  link_codec& operator=(const link_codec&) = delete;
  virtual ~link_codec() = default;

  /// Room for the next read, never empty, and that the first `count` bytes of it have been read.
  virtual std::span<std::uint8_t> space() = 0;
  virtual void commit(std::size_t count) = 0;

  /// What the next whole unit holds is put behind the pending bytes of `into`: one unit at a time, so that
  /// memory follows what is used. False: none is complete. Errors count offsets within the unit.
  virtual decoded<bool> unwrap(frame_buffer& into) = 0;

  /// What is to be written, in place.
  virtual void wrap(std::vector<std::uint8_t>& out) = 0;
};

}  // namespace tidewire
