// Every message of a server, and what its CopyData carries: what decodes, all its lists included, encodes to
// the same bytes, and the trace calls exactly the others malformed.
#include "fuzz/wire_message.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::fuzzing;

namespace {

/// The field that is looked for is the first of its kind that the reader hands out.
void look_up_fields(byte_view body) {
  auto m = decode_error_response(body);
  if (!m) return;
  for (const error_field& each : testing::list_of(*m)) {
    std::string_view found = field_of(*m, each.code);
    require(found.data() && found.data() <= each.text.data());
  }
}

void one_message(byte_view frame) {
  auto split = split_backend(frame);
  bool called_malformed = trace(true, frame, false);
  if (!split) {
    sink(split);
    return require(called_malformed);
  }
  bool well = round_trip(frame, [&](encoder& out) { return testing::encode_again(out, *split); });
  if (split->tag == backend_tag::copy_data)
    round_trip(split->body, [&](encoder& out) { return testing::encode_payload_again(out, split->body); });
  else
    require(well == !called_malformed);
  if (split->tag == backend_tag::error_response) look_up_fields(split->body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> as_it_is(data, data + size);
  one_message(as_it_is);
  one_message(with_length(as_it_is));
  trace(true, as_it_is, true);
  return 0;
}
