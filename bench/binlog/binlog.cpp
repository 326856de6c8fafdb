// How fast binlogs are decoded, on one thread; see measure.hpp.
#include "bench/binlog/decode_pass.hpp"
#include "bench/binlog/ndjson_pass.hpp"
#include "bench/binlog/walk.hpp"
#include "bench/measure.hpp"

namespace tidewire::bench {
namespace {

constexpr mode modes[] = {
    {"walk", walk_pass}, {"decode", decode_pass}, {"ndjson", ndjson_pass}, {"json", json_pass}};

byte_view head_of(byte_view file, std::size_t bytes) {
  binlog::event_reader reader(file.first(bytes));
  while (*reader.next()) continue;
  return file.first(bytes - reader.unread_bytes());
}

}  // namespace
}  // namespace tidewire::bench

int main(int count, char** words) {
  using namespace tidewire::bench;
  return run({"binlog", modes, head_of}, count, words);
}
