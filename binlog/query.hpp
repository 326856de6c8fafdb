// Query: a statement as text, with the session's settings that it ran under.
#pragma once

#include "binlog/format_description.hpp"
#include "binlog/lenenc.hpp"

namespace tidewire::binlog {

/// The servers' limit of an identifier in bytes (64 characters of up to 3 bytes), and one more.
inline constexpr std::size_t max_name_bytes = 64 * 4;

/// Borrows.
struct query_view {
  std::uint32_t thread_id = 0;
  std::uint32_t execution_seconds = 0;
  std::uint16_t error_code = 0;
  byte_view status_vars;           // see decode_status_vars
  std::size_t status_vars_at = 0;  // their offset in the event
  std::string_view database;
  std::string_view sql;  // in the session's client character set
};

inline decoded<query_view> decode_query(const event_view& event, const format_description& format) {
  constexpr std::size_t post_header = 13;
  cursor in = detail::body_of(event, event_type::query);
  std::size_t told = format.post_header(event_type::query, post_header);
  if (told < post_header) in.fail(decode_errc::unsupported, "post-header length");
  query_view m;
  m.thread_id = in.le<std::uint32_t>("thread id");
  m.execution_seconds = in.le<std::uint32_t>("execution time");
  std::size_t database_size = in.u8("database length");
  m.error_code = in.le<std::uint16_t>("error code");
  auto vars_size = in.le<std::uint16_t>("status variables length");
  if (in.ok()) in.bytes(told - post_header, "post-header");
  m.status_vars_at = in.offset();
  m.status_vars = in.bytes(vars_size, "status variables");
  m.database = in.text(database_size, "database");
  std::size_t at = in.offset();
  if (in.u8("database end") != 0) in.fail_at(at, decode_errc::unterminated_string, "database end");
  if (in.ok()) m.sql = as_text(in.rest());
  return in.finish(m);
}

inline void encode_query(encoder& out, const query_view& m) {
  if (m.database.size() > 255) return out.fail(decode_errc::limit_exceeded, "database length");
  if (m.status_vars.size() > 0xffff) return out.fail(decode_errc::limit_exceeded, "status variables length");
  out.le(m.thread_id);
  out.le(m.execution_seconds);
  out.u8(static_cast<std::uint8_t>(m.database.size()));
  out.le(m.error_code);
  out.le(static_cast<std::uint16_t>(m.status_vars.size()));
  out.bytes(m.status_vars);
  out.text(m.database);
  out.u8(0);
  out.text(m.sql);
}

/// What a query's status variables say; a `has_` is false where the server wrote none. Borrows.
struct status_vars_view {
  bool has_flags2 = false;
  std::uint32_t flags2 = 0;
  bool has_sql_mode = false;
  std::uint64_t sql_mode = 0;
  std::string_view catalog;
  bool has_auto_increment = false;
  std::uint16_t auto_increment_increment = 1;
  std::uint16_t auto_increment_offset = 1;
  bool has_charset = false;
  std::uint16_t client_collation = 0;
  std::uint16_t connection_collation = 0;
  std::uint16_t server_collation = 0;
  std::string_view time_zone;
  std::uint16_t lc_time_names = 0;
  std::uint16_t database_collation = 0;  // of LOAD DATA; 0: the default
  std::uint64_t table_map_for_update = 0;
  std::string_view invoker_user;
  std::string_view invoker_host;
  byte_view updated_databases;              // NUL-terminated names
  std::uint8_t updated_database_count = 0;  // 254: too many to list
  bool has_microseconds = false;
  std::uint32_t microseconds = 0;
  bool has_xid = false;
  std::uint64_t xid = 0;  // of a DDL statement that commits
  /// The variable at which reading stopped, because a newer server wrote it and its length is not told; 0 if
  /// all could be read. Those behind it are not known then.
  std::uint8_t unknown = 0;
};

/// Errors are those of variables that we know and that are cut off.
inline decoded<status_vars_view> decode_status_vars(const query_view& query) {
  cursor in(query.status_vars);
  status_vars_view m;
  while (in.ok() && in.remaining()) {
    std::uint8_t code = in.u8("variable");
    switch (code) {
      case 0:
        m.has_flags2 = true;
        m.flags2 = in.le<std::uint32_t>("flags2");
        break;
      case 1:
        m.has_sql_mode = true;
        m.sql_mode = in.le<std::uint64_t>("sql_mode");
        break;
      case 2: {  // 5.0.0 to 5.0.3: with a NUL
        std::size_t size = in.u8("catalog length");
        m.catalog = in.text(size, "catalog");
        in.u8("catalog end");
        break;
      }
      case 3:
        m.has_auto_increment = true;
        m.auto_increment_increment = in.le<std::uint16_t>("auto_increment_increment");
        m.auto_increment_offset = in.le<std::uint16_t>("auto_increment_offset");
        break;
      case 4:
        m.has_charset = true;
        m.client_collation = in.le<std::uint16_t>("character_set_client");
        m.connection_collation = in.le<std::uint16_t>("collation_connection");
        m.server_collation = in.le<std::uint16_t>("collation_server");
        break;
      case 5: {
        std::size_t size = in.u8("time_zone length");
        m.time_zone = in.text(size, "time_zone");
        break;
      }
      case 6: {
        std::size_t size = in.u8("catalog length");
        m.catalog = in.text(size, "catalog");
        break;
      }
      case 7: m.lc_time_names = in.le<std::uint16_t>("lc_time_names"); break;
      case 8: m.database_collation = in.le<std::uint16_t>("collation_database"); break;
      case 9: m.table_map_for_update = in.le<std::uint64_t>("table_map_for_update"); break;
      case 10: in.le<std::uint32_t>("original length"); break;
      case 11: {
        std::size_t user = in.u8("invoker length");
        m.invoker_user = in.text(user, "invoker");
        std::size_t host = in.u8("invoker host length");
        m.invoker_host = in.text(host, "invoker host");
        break;
      }
      case 12: {
        m.updated_database_count = in.u8("database count");
        std::size_t at = in.offset();
        if (m.updated_database_count < 254)
          for (int i = 0; i < m.updated_database_count && in.ok(); ++i) in.cstring("updated database");
        if (in.ok()) m.updated_databases = query.status_vars.subspan(at, in.offset() - at);
        break;
      }
      case 13:
        m.has_microseconds = true;
        m.microseconds = static_cast<std::uint32_t>(detail::take_le(in, 3, "microseconds"));
        break;
      case 16: in.u8("explicit_defaults_for_timestamp"); break;
      case 17:
      case 129:  // MariaDB's number of the same
        m.has_xid = true;
        m.xid = in.le<std::uint64_t>("xid");
        break;
      case 18: in.le<std::uint16_t>("default_collation_for_utf8mb4"); break;
      case 19: in.u8("sql_require_primary_key"); break;
      case 20: in.u8("default_table_encryption"); break;
      case 128:
        m.has_microseconds = true;
        m.microseconds = static_cast<std::uint32_t>(detail::take_le(in, 3, "microseconds"));
        break;
      case 130:
        if (in.le<std::uint16_t>("gtid flags") & 0xc) in.le<std::uint64_t>("alter sequence number");
        break;
      case 131: {
        std::size_t count = in.u8("character_set_collations");
        in.bytes(count * 4, "character_set_collations");
        break;
      }
      case 255: break;  // fills room that was kept for another variable
      default: m.unknown = code; in.rest();
    }
  }
  auto done = in.finish(m);
  if (!done)
    return std::unexpected(
        decode_error{done.error().code, done.error().offset + query.status_vars_at, done.error().field});
  return done;
}

}  // namespace tidewire::binlog
