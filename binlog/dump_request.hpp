// The commands that ask a server for its binlog.
#pragma once

#include "binlog/gtid_set.hpp"
#include "binlog/lenenc.hpp"

namespace tidewire::binlog {

namespace command {
inline constexpr std::uint8_t quit = 0x01;
inline constexpr std::uint8_t query = 0x03;
inline constexpr std::uint8_t ping = 0x0e;
inline constexpr std::uint8_t binlog_dump = 0x12;
inline constexpr std::uint8_t register_slave = 0x15;
inline constexpr std::uint8_t binlog_dump_gtid = 0x1e;
}  // namespace command

namespace dump_flag {
inline constexpr std::uint16_t non_blocking = 0x1;   // the server ends the dump where its log ends
inline constexpr std::uint16_t annotate_rows = 0x2;  // MariaDB
inline constexpr std::uint16_t through_gtid = 0x4;
}  // namespace dump_flag

/// What SHOW REPLICAS on the server tells of us.
inline void encode_register(encoder& out, std::uint32_t server_id, std::string_view host) {
  out.u8(command::register_slave);
  out.le(server_id);
  std::string_view shown = host.substr(0, 60);
  out.u8(static_cast<std::uint8_t>(shown.size()));
  out.text(shown);
  out.u8(0);  // user
  out.u8(0);  // password
  out.le(std::uint16_t{0});
  out.le(std::uint32_t{0});
  out.le(std::uint32_t{0});
}

/// `offset` has 32 bits in the protocol: limit_exceeded beyond.
inline void encode_dump(encoder& out, std::uint32_t server_id, std::uint16_t flags, std::string_view file,
                        std::uint64_t offset) {
  if (offset > 0xffffffff) out.fail(decode_errc::limit_exceeded, "binlog offset");
  out.u8(command::binlog_dump);
  out.le(static_cast<std::uint32_t>(offset));
  out.le(flags);
  out.le(server_id);
  out.text(file);
}

/// All transactions that are not in `have`.
inline void encode_dump_gtid(encoder& out, std::uint32_t server_id, std::uint16_t flags,
                             const gtid_set& have) {
  std::vector<std::uint8_t> set;
  have.encode(set);
  out.u8(command::binlog_dump_gtid);
  out.le(static_cast<std::uint16_t>(flags | dump_flag::through_gtid));
  out.le(server_id);
  out.le(std::uint32_t{0});  // no file name
  out.le(std::uint64_t{4});
  out.le(static_cast<std::uint32_t>(set.size()));
  out.bytes(set);
}

}  // namespace tidewire::binlog
