// Decodes a capture and renders every change as a line of the native envelope, as tidewire decode does.
#pragma once

#include "bench/decode/decode_pass.hpp"
#include "pgoutput/row_changes.hpp"

namespace tidewire::bench {

[[gnu::noinline]] inline tally ndjson_pass(byte_view file) {
  constexpr std::size_t batch_bytes = 256 * 1024;
  tally seen;
  pgoutput::row_changes changes({});
  json::buffer lines;
  changes.write_to(lines);
  auto write_out = [&] {
    if (lines.size() < batch_bytes) return;
    seen.output_bytes += lines.size();
    lines.clear();
    changes.write_to(lines);
  };
  pgoutput::capture_reader records(file);
  while (auto record = checked(records.next())) {
    if ((*record)[0] != 'w') {
      seen.keepalives += (*record)[0] == 'k';
      continue;
    }
    ++seen.messages;
    byte_view message = record->subspan(xlog_data_header_bytes);
    seen.rows += message[0] == 'I' || message[0] == 'U' || message[0] == 'D';
    changes.take(message);
    for (; changes.replaying(); write_out()) changes.replay_more();
    write_out();
  }
  seen.output_bytes += lines.size();
  return seen;
}

}  // namespace tidewire::bench
