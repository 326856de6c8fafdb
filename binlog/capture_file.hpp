// What a dump brings, as a binlog file (docs/capture_format.md).
#pragma once

#include <optional>

#include "binlog/format_description.hpp"
#include "binlog/row_changes.hpp"
#include "core/capture_output.hpp"

namespace tidewire::binlog {

/// The events of a framer, in order, in the form of a relay log: an artificial Rotate stands before what
/// comes of each file of the server, behind the first format description. Left out are heartbeats, and what
/// says that events are encrypted, because they come in the clear.
class capture_file {
 public:
  /// See capture_output.
  explicit capture_file(const std::string& path);

  /// A dump begins: what the last one left unfinished comes again, and is taken back.
  void connected();
  /// Throws failure TW-CAPTURE-FILE. An event that has no place of its own is given one, where it is known.
  void take(const event_view& event, const format_description& format, const event_place& place);
  /// Nothing that was taken so far is unfinished.
  void whole();
  /// What is unfinished is taken back.
  void finish();

 private:
  void put(const event_header& header, byte_view body, bool summed);

  capture_output out_;
  bool summed_ = false;       // events have checksums, as the last format description says
  std::uint64_t whole_size_;  // up to which there are whole transactions
  bool whole_summed_ = false;
  struct rotate {
    event_header header;
    std::vector<std::uint8_t> body;
  };
  std::optional<rotate> before_format_;
};

}  // namespace tidewire::binlog
