// How fast captures are decoded, on one thread; see measure.hpp.
#include "bench/decode/decode_pass.hpp"
#include "bench/decode/ndjson_pass.hpp"
#include "bench/decode/walk.hpp"
#include "bench/measure.hpp"

namespace tidewire::bench {
namespace {

constexpr mode modes[] = {{"walk", walk_pass}, {"decode", decode_pass}, {"ndjson", ndjson_pass}};

byte_view head_of(byte_view file, std::size_t bytes) {
  pgoutput::capture_reader reader(file.first(bytes));
  while (*reader.next()) continue;
  return file.first(bytes - reader.unread_bytes());
}

}  // namespace
}  // namespace tidewire::bench

int main(int count, char** words) {
  using namespace tidewire::bench;
  return run({"decode", modes, head_of}, count, words);
}
