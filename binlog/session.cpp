#include "binlog/session.hpp"

namespace tidewire::binlog {

conversation<> session::command(std::vector<std::uint8_t> payload) {
  sequence_ = 0;
  co_await send(std::move(payload));
}

conversation<> session::send(std::vector<std::uint8_t> payload) {
  if (trace) trace->sent(payload);
  encoder out(to.out);
  encode_packet(out, sequence_, payload);
  sequence_ = static_cast<std::uint8_t>(sequence_ + payload.size() / packet_full_bytes + 1);
  co_await to.send();
}

conversation<byte_view> session::receive() {
  byte_view frame = co_await to.receive();
  byte_view payload = take(frame);
  co_return payload;
}

byte_view session::take(byte_view frame) {
  sequence_ = next_sequence(frame);
  constexpr std::size_t kept_bytes = std::size_t{64} << 20;
  if (joined_.capacity() > kept_bytes) joined_ = {};
  byte_view payload = well_formed(packet_payload(frame, joined_), "first");
  if (trace) [[unlikely]]
    trace->received(payload);
  if (payload.empty()) malformed("first", {decode_errc::truncated, 0, "payload"});
  return payload;
}

}  // namespace tidewire::binlog
