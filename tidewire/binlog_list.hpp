// tidewire decode --list: what a binlog consists of, for people.
#pragma once

#include <string>

#include "binlog/event_reader.hpp"
#include "binlog/transaction_payload.hpp"

namespace tidewire {

class binlog_list {
 public:
  explicit binlog_list(binlog::payload_reader::limits bounds) : payload_(bounds) {}

  /// A line per event, and an indented one per event inside a payload. Throws failure TW-MY-DECODE.
  void add(std::string& out, const binlog::event_view& event, std::uint64_t offset,
           const binlog::format_description& format);

  static std::string head();

 private:
  binlog::payload_reader payload_;
};

}  // namespace tidewire
