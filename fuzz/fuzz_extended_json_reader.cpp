// Any text as Extended JSON: what is read is well-formed BSON whose canonical text reads to the same bytes.
#include <cstdint>
#include <string>
#include <vector>

#include "mongo_wire/bson_walk.hpp"
#include "mongo_wire/extended_json.hpp"
#include "mongo_wire/extended_json_reader.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<char> exact(data, data + size);
  std::vector<std::uint8_t> once{7}, twice;
  auto read = parse_extended_json({exact.data(), size}, once);
  if (!read) {
    require(once.size() == 1 && read.error().code != decode_errc::none && *read.error().field);
    require(read.error().offset <= size);
    return 0;
  }
  once.erase(once.begin());
  auto document = validate_document(once);
  require(document.has_value());
  json::buffer out;
  require(put_extended_json(out, *document, {extended_form::canonical}).has_value());
  require(parse_extended_json(out.view(), twice).has_value() && twice == once);
  return 0;
}
