// CRC-32 (IEEE 802.3), which ends every event since MySQL 5.6 and MariaDB 5.3.
#pragma once

#include "binlog/event.hpp"

namespace tidewire::binlog {

/// Continues `crc` (0 at the start) over `bytes`.
std::uint32_t crc32(std::uint32_t crc, byte_view bytes);
/// The same without instructions that not every processor has.
std::uint32_t portable_crc32(std::uint32_t crc, byte_view bytes);

/// The checksum of an event given without its last four bytes. A format description's in-use flag, which the
/// server clears when it closes the file, does not count.
std::uint32_t event_checksum(byte_view event);

/// Appends a whole event: header (its size is computed), body, and the checksum if there is one.
void encode_event(std::vector<std::uint8_t>& out, event_header header, byte_view body,
                  checksum_algorithm checksum);

}  // namespace tidewire::binlog
