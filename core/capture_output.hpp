// The file of a --capture: a new one, written in large pieces beside a stream.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/posix_file.hpp"

namespace tidewire {

/// What is not written yet is by close() or the destructor. What a crash loses is the end.
class capture_output {
 public:
  /// Throws failure TW-CAPTURE-FILE: refused if there is a file already, else what the system says.
  explicit capture_output(std::string path);
  ~capture_output();
  capture_output(const capture_output&) = delete;
  capture_output& operator=(const capture_output&) = delete;

  /// Goes to the end of the file: append to it, then appended(), which throws failure TW-CAPTURE-FILE when it
  /// can't be written.
  std::vector<std::uint8_t>& pending() { return pending_; }
  void appended();
  void append(byte_view bytes);

  /// Of all that was appended.
  std::uint64_t size() const { return written_ + pending_.size(); }
  /// Takes back what is behind that size.
  void cut(std::uint64_t size);
  void close();

 private:
  void write_out();
  [[noreturn]] void fail(int error);

  std::string path_;
  posix::descriptor file_;
  std::vector<std::uint8_t> pending_;
  std::uint64_t written_ = 0;
};

}  // namespace tidewire
