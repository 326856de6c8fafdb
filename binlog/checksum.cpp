#include "binlog/checksum.hpp"

#include <zlib.h>

namespace tidewire::binlog {

std::uint32_t crc32(std::uint32_t crc, byte_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(crc, bytes.data(), bytes.size()));
}

std::uint32_t event_checksum(byte_view event) {
  constexpr std::size_t flags_at = 17;
  if (event.size() < header_bytes || event[4] != static_cast<std::uint8_t>(event_type::format_description) ||
      !(event[flags_at] & event_flag::in_use)) [[likely]]
    return crc32(0, event);
  std::uint8_t flags = event[flags_at] & static_cast<std::uint8_t>(~event_flag::in_use);
  std::uint32_t crc = crc32(0, event.first(flags_at));
  crc = crc32(crc, {&flags, 1});
  return crc32(crc, event.subspan(flags_at + 1));
}

void encode_event(std::vector<std::uint8_t>& out, event_header header, byte_view body,
                  checksum_algorithm checksum) {
  bool summed = checksum == checksum_algorithm::crc32;
  header.event_size = static_cast<std::uint32_t>(header_bytes + body.size() + (summed ? checksum_bytes : 0));
  std::size_t begin = out.size();
  encoder to(out);
  encode_event_header(to, header);
  to.bytes(body);
  if (summed) to.le(event_checksum(byte_view(out).subspan(begin)));
}

}  // namespace tidewire::binlog
