// A transaction payload: its fields, and the events inside, plain and compressed. What is read from a payload
// that we compressed ourselves is what we put in.
//   input: the body of a Transaction_payload; it is also taken as plain bytes to compress
#include <zstd.h>

#include "binlog_fuzz.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

struct outcome {
  std::vector<std::uint8_t> events;
  decode_error error;
  friend bool operator==(const outcome&, const outcome&) = default;
};

outcome read(payload_reader& reader, const transaction_payload_view& payload) {
  outcome result;
  auto begun = reader.begin(payload);
  if (!begun) {
    result.error = begun.error();
    return result;
  }
  for (;;) {
    auto next = reader.next();
    if (!next) {
      require(next.error().code != decode_errc::none && *next.error().field);
      result.error = next.error();
      return result;
    }
    if (!*next) return result;
    touch((*next)->bytes);
    result.events.insert(result.events.end(), (*next)->bytes.begin(), (*next)->bytes.end());
    require(reader.offset() == result.events.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static payload_reader reader{{std::uint32_t{1} << 22, std::uint64_t{1} << 23}};
  std::vector<std::uint8_t> body = exact({data, size}), whole;
  event_header header;
  header.type = event_type::transaction_payload;
  encode_event(whole, header, body, checksum_algorithm::none);
  event_view event{*decode_event_header(whole), whole};
  auto payload = decode_transaction_payload(event);
  if (good(payload, whole.size())) {
    sink(read(reader, *payload));
    std::vector<std::uint8_t> again;
    encoder out(again);
    encode_transaction_payload(out, *payload);
    std::vector<std::uint8_t> again_whole;
    encode_event(again_whole, header, again, checksum_algorithm::none);
    auto once_more = decode_transaction_payload({*decode_event_header(again_whole), again_whole});
    require(once_more.has_value() && as_text(once_more->payload) == as_text(payload->payload));
    require(once_more->plain_size == payload->plain_size ||
            payload->compression == payload_compression::none);
  }
  std::vector<std::uint8_t> packed(ZSTD_compressBound(size));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), data, size, 1));
  outcome plain = read(reader, {payload_compression::none, size, body, 0});
  outcome unpacked = read(reader, {payload_compression::zstd, size, packed, 0});
  require(plain == unpacked);
  return 0;
}
