// A file read from its beginning through a window that grows with its largest record.
#pragma once

#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/socket.hpp"

namespace tidewire {

class file_window {
 public:
  /// Throws failure TW-CAPTURE-FILE, as does next().
  explicit file_window(const std::string& path);

  /// Moves the last `unread` bytes to the front and reads on, until `wanted` are there or the file ends. What
  /// it gives is valid until the next call, and may be read a little beyond its end (json::input_padding).
  byte_view next(std::size_t unread, std::size_t wanted);
  bool ended() const { return ended_; }

  /// Reads to the file's end; how many bytes that were.
  std::uint64_t skip_rest();

 private:
  [[noreturn]] void fail() const;
  std::size_t read_more();

  std::string path_;
  unique_fd file_;
  std::vector<std::uint8_t> window_;
  std::size_t size_ = 0;
  bool ended_ = false;
};

}  // namespace tidewire
