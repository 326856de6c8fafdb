// zlib's decompression, for MariaDB's compressed events and columns.
#pragma once

#include <memory>

#include "core/bytes.hpp"

namespace tidewire::binlog {

/// Keeps its memory from one use to the next.
class inflater {
 public:
  inflater();
  ~inflater();
  inflater(inflater&&) noexcept;
  inflater& operator=(inflater&&) noexcept;

  /// Decompresses the whole of `in` to exactly `size` bytes at `out`. `raw`: without zlib's header and
  /// checksum. False if the data are damaged, or of another size.
  bool run(byte_view in, bool raw, std::uint8_t* out, std::size_t size);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace tidewire::binlog
