// A binlog file, plain or gzipped, through a window that grows with its largest event.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/socket.hpp"

namespace tidewire {

class binlog_input {
 public:
  /// Throws failure TW-MY-FILE.
  explicit binlog_input(const std::string& path);
  ~binlog_input();
  binlog_input(const binlog_input&) = delete;
  binlog_input& operator=(const binlog_input&) = delete;

  /// Moves the last `unread` bytes to the front and reads on, until `wanted` are there or the file ends.
  /// Behind the window are 16 readable bytes.
  byte_view next(std::size_t unread, std::size_t wanted);
  bool ended() const { return ended_; }

  const std::string& path() const { return path_; }
  /// Without its folder and the ending .gz: what positions call it.
  std::string name() const;

 private:
  struct unzip;
  [[noreturn]] void fail(const std::string& why) const;
  std::size_t read(std::uint8_t* into, std::size_t size);

  std::string path_;
  unique_fd file_;
  std::unique_ptr<unzip> unzip_;
  std::vector<std::uint8_t> window_;
  std::size_t size_ = 0;
  bool ended_ = false;
};

}  // namespace tidewire
