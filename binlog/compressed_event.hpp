// MariaDB's compressed events (log_bin_compress): a query's text, or all rows of a rows event, are deflated.
#pragma once

#include <vector>

#include "binlog/event.hpp"
#include "binlog/format_description.hpp"
#include "binlog/inflate.hpp"

namespace tidewire::binlog {

class event_decompressor {
 public:
  event_decompressor() = default;
  /// Events that would become larger than `event_bytes` are limit_exceeded.
  explicit event_decompressor(std::uint32_t event_bytes) : event_bytes_(event_bytes) {}

  /// The plain event of a type of is_compressed; valid until the next call. Its header says the plain type
  /// and size; offsets in it count from its own start.
  decoded<event_view> decompress(const event_view& event, const format_description& format);

 private:
  std::uint32_t event_bytes_ = max_event_bytes;
  inflater inflater_;
  std::vector<std::uint8_t> plain_;
};

namespace detail {

/// What stands before deflated data: a byte with 0x80, the algorithm in the three bits below, and in the
/// lowest three how many bytes of the plain size follow, big-endian.
struct deflated_view {
  std::uint32_t plain_size = 0;
  byte_view data;
};

inline deflated_view take_deflated(cursor& in) {
  deflated_view m;
  std::size_t at = in.offset();
  std::uint8_t head = in.u8("compression header");
  if (in.ok() && (head & 0x80) == 0) in.fail_at(at, decode_errc::bad_value, "compression header");
  if (in.ok() && (head & 0x70) != 0) in.fail_at(at, decode_errc::unsupported, "compression algorithm");
  std::size_t width = head & 7;
  if (in.ok() && (width < 1 || width > 4)) in.fail_at(at, decode_errc::bad_value, "compression header");
  byte_view size = in.bytes(width, "plain size");
  for (std::uint8_t byte : size) m.plain_size = m.plain_size << 8 | byte;
  m.data = in.rest();
  return m;
}

}  // namespace detail
}  // namespace tidewire::binlog
