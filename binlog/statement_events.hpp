// The context of statements that were logged as text: values for the query that follows, blocks of a LOAD
// DATA file, and the original text of logged rows.
#pragma once

#include "binlog/event.hpp"

namespace tidewire::binlog {

/// A value of LAST_INSERT_ID (1) or INSERT_ID (2) for the next query. Only statement-based logging has it.
struct intvar_event {
  std::uint8_t kind = 0;
  std::uint64_t value = 0;
};

inline decoded<intvar_event> decode_intvar(const event_view& event) {
  cursor in = detail::body_of(event, event_type::intvar);
  intvar_event m;
  std::size_t at = in.offset();
  m.kind = in.u8("variable");
  if (in.ok() && m.kind != 1 && m.kind != 2) in.fail_at(at, decode_errc::bad_value, "variable");
  m.value = in.le<std::uint64_t>("value");
  return in.finish(m);
}

inline void encode_intvar(encoder& out, const intvar_event& m) {
  out.u8(m.kind);
  out.le(m.value);
}

/// The seeds of RAND() in the next query.
struct rand_event {
  std::uint64_t seed1 = 0;
  std::uint64_t seed2 = 0;
};

inline decoded<rand_event> decode_rand(const event_view& event) {
  cursor in = detail::body_of(event, event_type::rand);
  rand_event m;
  m.seed1 = in.le<std::uint64_t>("seed 1");
  m.seed2 = in.le<std::uint64_t>("seed 2");
  return in.finish(m);
}

inline void encode_rand(encoder& out, const rand_event& m) {
  out.le(m.seed1);
  out.le(m.seed2);
}

/// A user variable for the next query. Borrows.
struct user_var_view {
  std::string_view name;
  bool null = true;
  std::uint8_t type = 0;  // 0 string, 1 real, 2 integer, 4 decimal
  std::uint32_t collation = 0;
  byte_view value;
  std::uint8_t flags = 0;  // bit 0: unsigned
  bool has_flags = false;  // MySQL 5.5 and older leave the byte out
};

inline decoded<user_var_view> decode_user_var(const event_view& event) {
  cursor in = detail::body_of(event, event_type::user_var);
  user_var_view m;
  auto name_size = in.le<std::uint32_t>("name length");
  m.name = in.text(name_size, "name");
  m.null = in.u8("null flag") != 0;
  if (!m.null) {
    m.type = in.u8("type");
    m.collation = in.le<std::uint32_t>("collation");
    auto size = in.le<std::uint32_t>("value length");
    m.value = in.bytes(size, "value");
    if (in.ok() && in.remaining()) {
      m.flags = in.u8("flags");
      m.has_flags = true;
    }
  } else if (in.ok() && in.remaining()) {
    // MySQL writes the same fields for a NULL, with nothing in them.
    m.type = in.u8("type");
    m.collation = in.le<std::uint32_t>("collation");
    auto size = in.le<std::uint32_t>("value length");
    m.value = in.bytes(size, "value");
    if (in.ok() && in.remaining()) {
      m.flags = in.u8("flags");
      m.has_flags = true;
    }
  }
  return in.finish(m);
}

/// A NULL is written the short way.
inline void encode_user_var(encoder& out, const user_var_view& m) {
  out.le(static_cast<std::uint32_t>(m.name.size()));
  out.text(m.name);
  out.u8(m.null);
  if (m.null) return;
  out.u8(m.type);
  out.le(m.collation);
  out.le(static_cast<std::uint32_t>(m.value.size()));
  out.bytes(m.value);
  if (m.has_flags) out.u8(m.flags);
}

/// A piece of a file for LOAD DATA: begin_load_query and append_block. Borrows.
struct load_block_view {
  std::uint32_t file_id = 0;
  byte_view data;
};

inline decoded<load_block_view> decode_load_block(const event_view& event) {
  cursor in = detail::body_of(event);
  if (event.header.type != event_type::begin_load_query && event.header.type != event_type::append_block)
    in.fail_at(4, decode_errc::unknown_tag, "event type");
  load_block_view m;
  m.file_id = in.le<std::uint32_t>("file id");
  if (in.ok()) m.data = in.rest();
  return in.finish(m);
}

inline void encode_load_block(encoder& out, const load_block_view& m) {
  out.le(m.file_id);
  out.bytes(m.data);
}

/// The file of that id is not wanted any more.
inline decoded<std::uint32_t> decode_delete_file(const event_view& event) {
  cursor in = detail::body_of(event, event_type::delete_file);
  auto file_id = in.le<std::uint32_t>("file id");
  return in.finish(file_id);
}

/// The statement that the rows which follow came from (binlog_rows_query_log_events,
/// binlog_annotate_row_events). Its first byte, a length that does not reach far enough, is not looked at.
inline decoded<std::string_view> decode_rows_query(const event_view& event) {
  cursor in = detail::body_of(event, event_type::rows_query);
  in.u8("length");
  std::string_view sql;
  if (in.ok()) sql = as_text(in.rest());
  return in.finish(sql);
}

inline void encode_rows_query(encoder& out, std::string_view sql) {
  out.u8(static_cast<std::uint8_t>(sql.size() < 255 ? sql.size() : 255));
  out.text(sql);
}

/// MariaDB's form of the same.
inline decoded<std::string_view> decode_annotate_rows(const event_view& event) {
  cursor in = detail::body_of(event, event_type::annotate_rows);
  std::string_view sql = as_text(in.rest());
  return in.finish(sql);
}

}  // namespace tidewire::binlog
