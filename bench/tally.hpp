// What a pass over a capture saw. Passes that read the same things must arrive at the same tally: that is how
// a benchmark proves that it did the work, and what keeps the compiler from leaving it out.
#pragma once

#include <cstdint>

#include "core/bytes.hpp"

namespace tidewire::bench {

struct tally {
  std::uint64_t messages = 0;  // logical replication messages; a binlog's events
  std::uint64_t keepalives = 0;
  std::uint64_t rows = 0;
  std::uint64_t images = 0;       // of a binlog: an update has two
  std::uint64_t values = 0;       // that have bytes
  std::uint64_t value_bytes = 0;  // of all values together
  std::uint64_t missing = 0;      // NULL and unchanged values
  std::uint64_t places = 0;       // the values' places in the file, added up
  std::uint64_t output_bytes = 0;

  void value(const std::uint8_t* data, std::uint32_t size, const std::uint8_t* file) {
    ++values;
    value_bytes += size;
    places += static_cast<std::uint64_t>(data - file);
  }

  bool same_input(const tally& other) const {
    return messages == other.messages && keepalives == other.keepalives && rows == other.rows &&
           images == other.images && values == other.values && value_bytes == other.value_bytes &&
           missing == other.missing && places == other.places;
  }
};

}  // namespace tidewire::bench
