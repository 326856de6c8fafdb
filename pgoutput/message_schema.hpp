// R and Y: what a table, and a type that is not built in, look like; sent before their first use.
#pragma once

#include "pgoutput/message_tag.hpp"

namespace tidewire::pgoutput {

/// More columns than Postgres can put into one tuple (MaxTupleAttributeNumber; a table has up to 1600).
inline constexpr std::uint16_t max_columns = 1664;

/// Which columns an old row carries.
enum class replica_identity : std::uint8_t { primary_key = 'd', nothing = 'n', full = 'f', index = 'i' };

/// Borrows.
struct column_view {
  std::uint8_t flags = 0;  // bit 0: part of the replica identity; the other bits are kept as they come
  std::string_view name;
  std::uint32_t type_id = 0;
  std::int32_t type_modifier = -1;

  bool key() const { return flags & 1; }
};

/// Borrows. The columns are read by a column_reader.
struct relation_view {
  std::uint32_t xid = 0;  // inside a streamed block only
  std::uint32_t oid = 0;
  std::string_view schema;  // empty for pg_catalog
  std::string_view name;
  replica_identity identity = replica_identity::primary_key;
  std::uint16_t column_count = 0;
  byte_view columns;
};

namespace detail {

inline column_view decode_column(cursor& in) {
  column_view c;
  c.flags = in.u8("column flags");
  c.name = in.cstring("column name");
  c.type_id = in.be<std::uint32_t>("column type");
  c.type_modifier = in.be<std::int32_t>("column type modifier");
  return c;
}

}  // namespace detail

/// Hands out the columns of a decoded relation one after the other.
class column_reader {
 public:
  explicit column_reader(const relation_view& of) : in_(of.columns), left_(of.column_count) {}

  /// False when there are no more.
  bool next(column_view& column) {
    if (left_ == 0) return false;
    --left_;
    column = detail::decode_column(in_);
    return in_.ok();
  }

 private:
  cursor in_;
  std::uint16_t left_;
};

inline decoded<relation_view> decode_relation(byte_view body, bool streamed) {
  cursor in(body);
  relation_view m;
  m.xid = detail::decode_xid(in, streamed);
  m.oid = in.be<std::uint32_t>("relation");
  m.schema = in.cstring("schema name");
  m.name = in.cstring("relation name");
  std::size_t at = in.offset();
  std::uint8_t identity = in.u8("replica identity");
  if (in.ok() && identity != 'd' && identity != 'n' && identity != 'f' && identity != 'i')
    in.fail_at(at, decode_errc::bad_value, "replica identity");
  m.identity = static_cast<replica_identity>(identity);
  at = in.offset();
  auto count = in.be<std::int16_t>("column count");
  if (count < 0)
    in.fail_at(at, decode_errc::bad_length, "column count");
  else if (count > max_columns)
    in.fail_at(at, decode_errc::limit_exceeded, "column count");
  at = in.offset();
  for (int i = 0; i < count && in.ok(); ++i) detail::decode_column(in);
  if (in.ok()) {
    m.column_count = static_cast<std::uint16_t>(count);
    m.columns = body.subspan(at, in.offset() - at);
  }
  return in.finish(m);
}

/// The columns are `columns`; `m.columns` and `m.column_count` are not looked at.
inline void encode_relation(encoder& out, const relation_view& m, std::span<const column_view> columns,
                            bool streamed) {
  detail::encode_tag(out, message_tag::relation);
  detail::encode_xid(out, m.xid, streamed);
  out.be(m.oid);
  out.cstring(m.schema, "schema name");
  out.cstring(m.name, "relation name");
  out.u8(static_cast<std::uint8_t>(m.identity));
  if (columns.size() > max_columns) return out.fail(decode_errc::limit_exceeded, "column count");
  out.be(static_cast<std::int16_t>(columns.size()));
  for (const column_view& c : columns) {
    out.u8(c.flags);
    out.cstring(c.name, "column name");
    out.be(c.type_id);
    out.be(c.type_modifier);
  }
}

/// Borrows. For a domain Postgres sends the domain's oid with the *base type's* schema and name.
struct type_view {
  std::uint32_t xid = 0;  // inside a streamed block only
  std::uint32_t oid = 0;
  std::string_view schema;  // empty for pg_catalog
  std::string_view name;
};

inline decoded<type_view> decode_type(byte_view body, bool streamed) {
  cursor in(body);
  type_view m;
  m.xid = detail::decode_xid(in, streamed);
  m.oid = in.be<std::uint32_t>("type");
  m.schema = in.cstring("schema name");
  m.name = in.cstring("type name");
  return in.finish(m);
}

inline void encode_type(encoder& out, const type_view& m, bool streamed) {
  detail::encode_tag(out, message_tag::type);
  detail::encode_xid(out, m.xid, streamed);
  out.be(m.oid);
  out.cstring(m.schema, "schema name");
  out.cstring(m.name, "type name");
}

}  // namespace tidewire::pgoutput
