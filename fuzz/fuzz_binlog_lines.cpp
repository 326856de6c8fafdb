// A binlog file all the way to lines, with a reconnect somewhere: only failures of a kind that is known,
// whole lines, and transactions in one piece; what is read again after the reconnect comes once.
//   input: a byte that says how, then the file
#include <string>

#include "binlog/row_changes.hpp"
#include "binlog_fuzz.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

void check_lines(std::string_view lines, bool complete) {
  bool inside = false;
  while (!lines.empty()) {
    std::size_t end = lines.find('\n');
    require(end != lines.npos);
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 1);
    require(line.starts_with(R"({"v":1,"op":")") && line.ends_with("}"));
    require(json::is_value(line));
    std::string_view op = line.substr(13, line.find('"', 13) - 13);
    if (op == "begin") {
      require(!inside);
      inside = true;
    } else {
      require(inside);
      if (op == "commit" || op == "rollback") inside = false;
    }
  }
  require(!complete || !inside);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::uint8_t how = data[0];
  std::vector<std::uint8_t> padded(data + 1, data + size);
  byte_view file(padded);
  padded.resize(padded.size() + event_padding);
  file = byte_view(padded).first(size - 1);
  row_changes::settings with;
  with.payload = {std::uint32_t{1} << 20, std::uint64_t{1} << 20};
  with.event_bytes = std::uint32_t{1} << 20;
  with.write_statements = how & 1;
  with.track_gtids = how & 2;
  with.refuse_unknown_xa = how & 8;
  with.held_memory_bytes = how & 4 ? 0 : 1 << 16;
  row_changes changes(with);
  json::buffer out;
  changes.write_to(out);
  changes.file("binlog.000001");
  event_framer::options framing;
  framing.verify = false;
  framing.event_bytes = std::uint32_t{1} << 20;
  std::size_t reconnect_at = how >> 4;
  try {
    for (int pass = 0; pass < 2; ++pass) {
      event_reader reader(framing);
      reader.give(file);
      for (std::size_t number = 0;; ++number) {
        auto event = reader.next();
        if (!event || !*event) break;
        changes.take(**event, reader.format(), {reader.event_offset(), reader.offset()});
        for (int step = 0; changes.replaying() && step < 1000; ++step) {
          changes.replay_more(out.size() + 4096);
          if (out.size() > (4u << 20)) return 0;
        }
        if (changes.replaying() || out.size() > (4u << 20)) return 0;
        require(changes.done_bytes() <= out.size());
        // From the first event on everything comes again.
        if (pass == 0 && reconnect_at && number == reconnect_at) break;
      }
      if (!reconnect_at || changes.done().ended) break;
      changes.reconnected();
    }
  } catch (const failure& why) {
    require(why.code.starts_with("TW-"));
  }
  check_lines(out.view(), changes.between_transactions());
  sink(changes.done());
  return 0;
}
