// Every message of a client, what its CopyData carries and the packets that open a connection: what decodes,
// all its lists included, encodes to the same bytes, and the trace calls exactly the others malformed.
#include "fuzz/wire_message.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::fuzzing;

namespace {

void one_message(byte_view frame) {
  using enum testing::password_kind;
  auto split = split_frontend(frame);
  bool called_malformed = trace(false, frame, false);
  if (!split) {
    sink(split);
    return require(called_malformed);
  }
  bool well = false;
  for (auto kind : {password, sasl_initial_response, sasl_response})
    well = round_trip(frame, [&](encoder& out) { return testing::encode_again(out, *split, kind); });
  if (split->tag == frontend_tag::copy_data)
    round_trip(split->body, [&](encoder& out) { return testing::encode_payload_again(out, split->body); });
  else
    require(well == !called_malformed);
}

void one_packet(byte_view packet) {
  bool well = round_trip(packet, [&](encoder& out) { return testing::encode_startup_again(out, packet); });
  require(well == !trace(false, packet, true));
  if (well) require(startup_size(packet, ~0u) == packet.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> as_it_is(data, data + size);
  one_message(as_it_is);
  one_message(with_length(as_it_is));
  one_packet(as_it_is);
  if (size >= 4) store_be(as_it_is.data(), static_cast<std::uint32_t>(size));
  one_packet(as_it_is);
  return 0;
}
