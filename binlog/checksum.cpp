#include "binlog/checksum.hpp"

#include <array>
#include <zlib.h>

namespace tidewire::binlog {

namespace {

constexpr std::size_t step = 16;

/// tables[n][b]: what the byte b, followed by n zero bytes, makes of the checksum.
constexpr auto tables = [] {
  std::array<std::array<std::uint32_t, 256>, step> made{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    made[0][byte] = crc;
  }
  for (std::size_t n = 1; n < step; ++n)
    for (std::size_t byte = 0; byte < 256; ++byte)
      made[n][byte] = made[n - 1][byte] >> 8 ^ made[0][made[n - 1][byte] & 0xff];
  return made;
}();

/// Sixteen bytes at a time. zlib takes short pieces byte by byte.
std::uint32_t short_crc32(std::uint32_t crc, byte_view bytes) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  crc = ~crc;
  for (; left >= step; left -= step, at += step) {
    std::uint64_t low = load_le<std::uint64_t>(at) ^ crc, high = load_le<std::uint64_t>(at + 8);
    crc = 0;
    for (unsigned i = 0; i < 8; ++i)
      crc ^= tables[15 - i][low >> 8 * i & 0xff] ^ tables[7 - i][high >> 8 * i & 0xff];
  }
  for (; left; --left) crc = crc >> 8 ^ tables[0][(crc ^ *at++) & 0xff];
  return ~crc;
}

}  // namespace

std::uint32_t crc32(std::uint32_t crc, byte_view bytes) {
  constexpr std::size_t most_short_bytes = 512;
  if (bytes.size() <= most_short_bytes) return short_crc32(crc, bytes);
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
