// Events of MySQL's group replication. They carry no changes; a change stream passes over them.
#pragma once

#include "binlog/event.hpp"

namespace tidewire::binlog {

/// The group's members changed. Borrows.
struct view_change_view {
  std::string_view view_id;
  std::uint64_t sequence_number = 0;
  std::uint32_t certification_count = 0;
  byte_view certification;  // count × (u16 length, key, u32 length, value)
};

inline decoded<view_change_view> decode_view_change(const event_view& event) {
  cursor in = detail::body_of(event, event_type::view_change);
  view_change_view m;
  std::string_view id = in.text(40, "view id");
  m.view_id = id.substr(0, id.find('\0'));
  m.sequence_number = in.le<std::uint64_t>("sequence number");
  m.certification_count = in.le<std::uint32_t>("certification count");
  std::size_t at = in.offset();
  for (std::uint32_t i = 0; i < m.certification_count && in.ok(); ++i) {
    in.bytes(in.le<std::uint16_t>("key length"), "key");
    in.bytes(in.le<std::uint32_t>("value length"), "value");
  }
  if (in.ok()) m.certification = event.bytes.subspan(at, in.offset() - at);
  return in.finish(m);
}

/// What a transaction read and wrote, for certification; in relay logs only. Borrows.
struct transaction_context_view {
  std::string_view server_uuid;
  std::uint32_t thread_id = 0;
  bool gtid_specified = false;
  byte_view snapshot_version;  // an encoded GTID set
  std::uint32_t write_count = 0;
  std::uint32_t read_count = 0;
  byte_view writes;  // count × (u16 length, hash)
  byte_view reads;
};

inline decoded<transaction_context_view> decode_transaction_context(const event_view& event) {
  cursor in = detail::body_of(event, event_type::transaction_context);
  transaction_context_view m;
  std::size_t uuid_size = in.u8("server uuid length");
  m.thread_id = in.le<std::uint32_t>("thread id");
  m.gtid_specified = in.u8("gtid specified") != 0;
  auto snapshot_size = in.le<std::uint32_t>("snapshot version length");
  m.write_count = in.le<std::uint32_t>("write set count");
  m.read_count = in.le<std::uint32_t>("read set count");
  m.server_uuid = in.text(uuid_size, "server uuid");
  m.snapshot_version = in.bytes(snapshot_size, "snapshot version");
  auto take_set = [&](std::uint32_t count, const char* field) {
    std::size_t at = in.offset();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) in.bytes(in.le<std::uint16_t>(field), field);
    return in.ok() ? event.bytes.subspan(at, in.offset() - at) : byte_view{};
  };
  m.writes = take_set(m.write_count, "write set");
  m.reads = take_set(m.read_count, "read set");
  return in.finish(m);
}

}  // namespace tidewire::binlog
