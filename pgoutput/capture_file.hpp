// Writes a capture (docs/capture_format.md) beside a stream.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "wire/lsn.hpp"

namespace tidewire::pgoutput {

/// A new file; written in large pieces, the last one by close() or the destructor. What a crash loses is the
/// end.
class capture_file {
 public:
  /// Throws failure TW-CAPTURE-FILE: refused if there is a file already, else what the system says.
  explicit capture_file(std::string path);
  ~capture_file();
  capture_file(const capture_file&) = delete;
  capture_file& operator=(const capture_file&) = delete;

  /// A connection begins, and goes on from there.
  void connected(wire::lsn from);
  /// One CopyData message's payload. Throws failure TW-CAPTURE-FILE when it can't be written.
  void add(byte_view payload);
  void close();

 private:
  void write_out();

  std::string path_;
  int file_ = -1;
  std::vector<std::uint8_t> pending_;
};

}  // namespace tidewire::pgoutput
