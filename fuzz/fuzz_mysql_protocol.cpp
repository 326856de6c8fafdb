// What a server or a user can send outside the binlog: packets, greetings, answers, result rows, XA
// statements, positions, URLs, schema files. What has an encoder or a text form comes back the same.
//   input: a byte that chooses, then the thing
#include <algorithm>
#include <string>

#include "binlog/compressed_packets.hpp"
#include "binlog/connection_url.hpp"
#include "binlog/dump_request.hpp"
#include "binlog/handshake.hpp"
#include "binlog/packet.hpp"
#include "binlog/position.hpp"
#include "binlog/response.hpp"
#include "binlog/schema_book.hpp"
#include "binlog/server_error.hpp"
#include "binlog/xa_statement.hpp"
#include "binlog_fuzz.hpp"
#include "core/failure.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

void packets(byte_view in) {
  std::vector<std::uint8_t> joined;
  while (!in.empty()) {
    auto size = packet_size(in, 1u << 26);
    if (!good(size, in.size()) || *size == 0 || *size > in.size()) break;
    std::vector<std::uint8_t> frame = exact(in.first(*size));
    auto payload = packet_payload(frame, joined);
    require(payload.has_value());
    touch(*payload);
    std::vector<std::uint8_t> again;
    encoder out(again);
    encode_packet(out, frame[3], *payload);
    require(again == frame);
    in = in.subspan(*size);
  }
  std::vector<std::uint8_t> any = exact(in);
  good(packet_payload(any, joined), any.size());
}

/// The first byte chooses; every unit is given in pieces.
void compressed(byte_view in) {
  if (in.empty()) return;
  auto by = in[0] % 2 ? compression_algorithm::zlib : compression_algorithm::zstd;
  std::size_t piece = in[0] / 2 + 1;
  in = in.subspan(1);
  compressed_packets codec(by);
  frame_buffer out({.max = std::size_t{40} << 20});
  while (!in.empty()) {
    std::span<std::uint8_t> space = codec.space();
    require(!space.empty());
    std::size_t count = std::min({piece, in.size(), space.size()});
    std::copy_n(in.begin(), count, space.begin());
    codec.commit(count);
    in = in.subspan(count);
    for (;;) {
      decoded<bool> more = codec.unwrap(out);
      if (!more) return;
      if (!*more) break;
      touch(out.take(out.pending().size()));
    }
  }
}

void greeting(byte_view in) {
  auto m = decode_greeting(in);
  if (!good(m, in.size())) return;
  touch(m->server_version);
  touch(m->plugin);
  touch(as_bytes(m->salt()));
  sink(m->mariadb());
}

void answers(byte_view in) {
  if (auto m = decode_auth_switch(in); good(m, in.size())) touch(m->plugin), touch(m->data);
  good(decode_ok(in), in.size());
  if (auto m = decode_error_packet(in); good(m, in.size())) {
    server_failure why("test", *m);
    require(why.code.starts_with("TW-"));
    std::vector<std::uint8_t> again;
    encoder out(again);
    encode_error_packet(out, *m);
    require(std::ranges::equal(again, in));
  }
  if (auto m = decode_column(in); good(m, in.size())) touch(*m);
  std::optional<std::string_view> values[5];
  if (good(decode_text_row(in, values), in.size()))
    for (const auto& each : values)
      if (each) touch(*each);
}

void texts(std::string_view text) {
  if (auto id = xa_id_of("XA COMMIT " + std::string(text))) require(xa_id_of("XA COMMIT " + *id) == *id);
  classify_query(text);
  if (auto at = parse_position(text)) {
    auto again = parse_position(to_string(*at));
    require(again.has_value() && *again == *at);
  }
  try {
    schema_book book = schema_book::parse(text);
    sink(book.empty());
  } catch (const failure& why) {
    require(why.code == "TW-MY-SCHEMA-FILE");
  }
  environment nothing = [](std::string_view) { return std::nullopt; };
  for (std::string_view scheme : {"", "mysql://"}) {
    try {
      connection_url url = parse_connection_url(std::string(scheme) + std::string(text), nothing);
      require(url.port != 0 && !url.user.empty());
      sink(url.effective_mode());
    } catch (const failure& why) {
      require(why.code == "TW-USAGE-CONNECTION-STRING");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::vector<std::uint8_t> rest(data + 1, data + size);
  switch (data[0] % 5) {
    case 0: packets(rest); break;
    case 1: greeting(rest); break;
    case 2: answers(rest); break;
    case 3: texts(as_text(rest)); break;
    case 4: compressed(rest); break;
  }
  return 0;
}
