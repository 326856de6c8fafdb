// Decodes a binlog and renders every change as a line of the native envelope, as tidewire decode does.
#pragma once

#include "bench/measure.hpp"
#include "binlog/event_reader.hpp"
#include "binlog/row_changes.hpp"

namespace tidewire::bench {

[[gnu::noinline]] inline tally ndjson_pass(byte_view file) {
  constexpr std::size_t batch_bytes = 256 * 1024;
  tally seen;
  binlog::row_changes changes({});
  json::buffer lines;
  changes.file("binlog.000001");
  changes.write_to(lines);
  binlog::event_reader reader(file);
  while (auto event = checked(reader.next())) {
    ++seen.messages;
    changes.take(*event, reader.format(), {reader.event_offset(), reader.offset()});
    while (changes.replaying()) changes.replay_more(batch_bytes);
    if (lines.size() < batch_bytes) continue;
    seen.output_bytes += lines.size();
    lines.clear();
    changes.write_to(lines);
  }
  seen.output_bytes += lines.size();
  seen.rows = changes.changes();
  return seen;
}

}  // namespace tidewire::bench
