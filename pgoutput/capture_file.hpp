// Writes a capture (docs/capture_format.md) beside a stream.
#pragma once

#include "core/bytes.hpp"
#include "core/capture_output.hpp"
#include "wire/lsn.hpp"

namespace tidewire::pgoutput {

class capture_file {
 public:
  /// See capture_output.
  explicit capture_file(std::string path);

  /// A connection begins, and goes on from there.
  void connected(wire::lsn from);
  /// One CopyData message's payload. Throws failure TW-CAPTURE-FILE when it can't be written.
  void add(byte_view payload);
  void close() { out_.close(); }

 private:
  capture_output out_;
};

}  // namespace tidewire::pgoutput
