// Rows events, the hot path: where each value of a row lies is found in one loop over local pointers.
#pragma once

#include <bit>

#include "binlog/table_definition.hpp"

namespace tidewire::binlog {

enum class change_kind : std::uint8_t { insert, update, remove };

enum class cell_kind : std::uint8_t {
  absent,  // the row image does not have the column
  null,
  present,
  diff,  // a JSON column of an update, of which only changes are there (see json_diff.hpp)
};

/// One column's bytes as they lie in the event, without their length. Borrows.
struct cell {
  const std::uint8_t* data = nullptr;
  std::uint32_t size = 0;
  cell_kind kind = cell_kind::absent;

  byte_view bytes() const { return {data, size}; }
};

inline constexpr std::uint32_t no_partition = ~std::uint32_t{0};

/// Borrows. Rows are read by rows_reader.
struct rows_view {
  change_kind kind = change_kind::insert;
  bool partial = false;  // Update_rows_partial: after images begin with their options
  std::uint64_t table_id = 0;
  std::uint16_t flags = 0;
  std::uint32_t partition = no_partition;         // of the row; of an update's new row
  std::uint32_t source_partition = no_partition;  // of an update's old row
  byte_view extra;                                // the whole extra data, NDB's included
  std::size_t column_count = 0;
  byte_view before_columns;  // a bit per column that the old row has, the lowest first; empty for inserts
  byte_view after_columns;   // of the new row; empty for deletes
  byte_view bytes;           // the event
  std::size_t rows_at = 0;

  /// The last rows event of its statement: the ids of its table maps are free again.
  bool ends_statement() const { return flags & 0x1; }
  /// Only ends the statement.
  bool is_dummy() const { return table_id == dummy_table_id && rows_at == bytes.size(); }
};

namespace detail {

inline bool is_rows_v2(event_type type) {
  return type == event_type::write_rows_v2 || type == event_type::update_rows_v2 ||
         type == event_type::delete_rows_v2 || type == event_type::partial_update_rows;
}

/// False if the type is not that of an (uncompressed) rows event.
inline bool rows_kind(event_type type, rows_view& m) {
  switch (type) {
    case event_type::write_rows_v1:
    case event_type::write_rows_v2: m.kind = change_kind::insert; return true;
    case event_type::partial_update_rows: m.partial = true; [[fallthrough]];
    case event_type::update_rows_v1:
    case event_type::update_rows_v2: m.kind = change_kind::update; return true;
    case event_type::delete_rows_v1:
    case event_type::delete_rows_v2: m.kind = change_kind::remove; return true;
    default: return false;
  }
}

/// u16 length, itself included, then fields that begin with a type byte: 0 is NDB's with a length behind it,
/// 1 the partition. What follows a type that we don't know can't be read, and is not needed.
inline void take_extra(cursor& in, rows_view& m) {
  std::size_t at = in.offset();
  auto length = in.le<std::uint16_t>("extra data length");
  if (in.ok() && length < 2) return in.fail_at(at, decode_errc::bad_length, "extra data length");
  m.extra = in.bytes(static_cast<std::size_t>(length) - 2, "extra data");
  if (!in.ok()) return;
  cursor fields(m.extra);
  while (fields.ok() && fields.remaining()) {
    std::uint8_t type = fields.u8("extra data");
    if (type == 0) {
      std::size_t size = fields.u8("extra data");  // counts itself
      fields.bytes(size ? size - 1 : 0, "extra data");
    } else if (type == 1) {
      m.partition = fields.le<std::uint16_t>("partition");
      if (m.kind == change_kind::update) m.source_partition = fields.le<std::uint16_t>("partition");
    } else {
      break;
    }
  }
  if (!fields.ok()) in.fail_at(at + 2 + fields.error().offset, fields.error().code, fields.error().field);
}

}  // namespace detail

constexpr bool is_rows(event_type type) {
  return (type >= event_type::write_rows_v1 && type <= event_type::delete_rows_v1) ||
         (type >= event_type::write_rows_v2 && type <= event_type::delete_rows_v2) ||
         type == event_type::partial_update_rows;
}

/// For any type of is_rows; MariaDB's compressed ones are decompressed first.
inline decoded<rows_view> decode_rows(const event_view& event, const format_description& format) {
  cursor in = detail::body_of(event);
  rows_view m;
  event_type type = event.header.type;
  if (!detail::rows_kind(type, m)) in.fail_at(4, decode_errc::unknown_tag, "event type");
  bool v2 = detail::is_rows_v2(type);
  std::size_t post_header = format.post_header(type, v2 ? 10 : 8);
  // MySQL ≥ 8.4 no longer knows the first version and writes 0 for its header.
  if (!v2 && post_header == 0) post_header = 8;
  if (post_header != (v2 ? 10u : 8u) && (v2 || post_header != 6))
    in.fail(decode_errc::unsupported, "post-header length");
  m.table_id = detail::take_table_id(in, post_header);
  m.flags = in.le<std::uint16_t>("flags");
  if (v2) detail::take_extra(in, m);
  std::size_t at = in.offset();
  m.column_count = detail::take_count(in, max_columns, "column count");
  if (in.ok() && m.column_count == 0 && m.table_id != dummy_table_id)
    in.fail_at(at, decode_errc::bad_value, "column count");
  std::size_t bitmap_bytes = (m.column_count + 7) / 8;
  if (m.kind != change_kind::insert) m.before_columns = in.bytes(bitmap_bytes, "columns");
  if (m.kind != change_kind::remove) m.after_columns = in.bytes(bitmap_bytes, "columns");
  m.bytes = event.bytes;
  m.rows_at = in.offset();
  if (in.ok()) in.rest();
  return in.finish(m);
}

/// The part before the rows; `rows` are their bytes.
inline void encode_rows(encoder& out, const rows_view& m, bool v2, byte_view rows) {
  detail::put_le_n(out, m.table_id, 6);
  out.le(m.flags);
  if (v2) {
    out.le(static_cast<std::uint16_t>(m.extra.size() + 2));
    out.bytes(m.extra);
  }
  detail::put_lenenc(out, m.column_count);
  out.bytes(m.before_columns);
  out.bytes(m.after_columns);
  out.bytes(rows);
}

namespace detail {

/// How many of the first `columns` bits are set.
inline std::size_t count_bits(byte_view bits, std::size_t columns) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < columns / 8; ++i) count += static_cast<std::size_t>(std::popcount(bits[i]));
  if (columns % 8)
    count += static_cast<std::size_t>(
        std::popcount(static_cast<std::uint8_t>(bits[columns / 8] & ((1u << columns % 8) - 1))));
  return count;
}

inline bool bit(const std::uint8_t* bits, std::size_t n) {
  return bits[n / 8] >> (n % 8) & 1;
}

/// Takes one present value. Null if it does not fit into what is left.
[[gnu::always_inline]] inline const std::uint8_t* take_cell(const std::uint8_t* at, const std::uint8_t* end,
                                                            cell_layout layout, cell& out) {
  std::size_t left = static_cast<std::size_t>(end - at);
  std::uint32_t size = layout.size;
  if (layout.prefix) {
    if (left < layout.prefix) [[unlikely]]
      return nullptr;
    if (layout.prefix == 1)
      size = *at;
    else if (layout.prefix == 2)
      size = load_le<std::uint16_t>(at);
    else
      size = load_le<std::uint16_t>(at) | std::uint32_t{at[2]} << 16 |
             (layout.prefix == 4 ? std::uint32_t{at[3]} << 24 : 0);
    at += layout.prefix;
    left -= layout.prefix;
  }
  if (left < size) [[unlikely]]
    return nullptr;
  out = {at, size, cell_kind::present};
  return at + size;
}

}  // namespace detail

/// Hands out the rows of one event. Every row fills one cell per column of `before` (updates, deletes) and of
/// `after` (inserts, updates), which must have room for the table's columns; the cells point into the event.
class rows_reader {
 public:
  /// `table` is the definition of rows.table_id and must outlive the reader.
  rows_reader(const rows_view& rows, const table_definition& table, std::span<cell> before,
              std::span<cell> after)
      : rows_(rows), table_(table), before_(before), after_(after) {
    at_ = rows.bytes.data() + rows.rows_at;
    end_ = rows.bytes.data() + rows.bytes.size();
    if (rows.column_count != table.columns.size()) {
      error_ = {decode_errc::bad_value, rows.rows_at, "column count"};
      return;
    }
    if ((rows.kind != change_kind::insert && before.size() < rows.column_count) ||
        (rows.kind != change_kind::remove && after.size() < rows.column_count)) {
      error_ = {decode_errc::limit_exceeded, rows.rows_at, "column count"};
      return;
    }
    before_count_ =
        rows.before_columns.empty() ? 0 : detail::count_bits(rows.before_columns, rows.column_count);
    after_count_ = rows.after_columns.empty() ? 0 : detail::count_bits(rows.after_columns, rows.column_count);
    // An image without columns takes no bytes, so its rows can't be counted.
    if (before_count_ + after_count_ == 0 && at_ != end_)
      error_ = {decode_errc::bad_value, rows.rows_at, "columns"};
  }

  /// True: a row was found. False: there are no more.
  decoded<bool> next() {
    if (error_.code != decode_errc::none) [[unlikely]]
      return std::unexpected(error_);
    if (at_ == end_) return false;
    if (rows_.kind != change_kind::insert &&
        !take_image(rows_.before_columns.data(), before_count_, before_.data(), false)) [[unlikely]]
      return std::unexpected(error_);
    if (rows_.kind != change_kind::remove &&
        !take_image(rows_.after_columns.data(), after_count_, after_.data(), rows_.partial)) [[unlikely]]
      return std::unexpected(error_);
    return true;
  }

  std::span<const cell> before() const {
    return rows_.kind == change_kind::insert ? std::span<const cell>{} : before_.first(rows_.column_count);
  }
  std::span<const cell> after() const {
    return rows_.kind == change_kind::remove ? std::span<const cell>{} : after_.first(rows_.column_count);
  }
  /// Whether each row has every column, as a value or NULL.
  bool whole() const {
    return !rows_.partial && (rows_.kind == change_kind::insert || before_count_ == rows_.column_count) &&
           (rows_.kind == change_kind::remove || after_count_ == rows_.column_count);
  }
  /// Where in the event the next row begins.
  std::size_t offset() const { return static_cast<std::size_t>(at_ - rows_.bytes.data()); }

 private:
  bool fail(const std::uint8_t* at, decode_errc code, const char* field) {
    error_ = {code, static_cast<std::size_t>(at - rows_.bytes.data()), field};
    return false;
  }

  bool take_image(const std::uint8_t* columns, std::size_t count, cell* out, bool partial) {
    if (count == rows_.column_count && !partial && !table_.old_temporals) [[likely]]
      return take_whole_image(out);
    return take_some_image(columns, count, out, partial);
  }

  bool take_whole_image(cell* out) {
    const std::uint8_t* at = at_;
    const std::uint8_t* const end = end_;
    const std::size_t all = rows_.column_count;
    std::size_t null_bytes = (all + 7) / 8;
    if (static_cast<std::size_t>(end - at) < null_bytes) [[unlikely]]
      return fail(at, decode_errc::truncated, "null columns");
    const std::uint8_t* nulls = at;
    at += null_bytes;
    const cell_layout* layout = table_.layout.data();
    for (const cell* const last = out + all; out != last;) {
      // Eight columns share a byte of bits.
      unsigned null_bits = *nulls++;
      const cell* const stop = last - out < 8 ? last : out + 8;
      for (; out != stop; ++out, ++layout, null_bits >>= 1) {
        if (null_bits & 1) [[unlikely]] {
          *out = {nullptr, 0, cell_kind::null};
          continue;
        }
        const std::uint8_t* behind = detail::take_cell(at, end, *layout, *out);
        if (!behind) [[unlikely]]
          return fail(at, decode_errc::truncated, "value");
        at = behind;
      }
    }
    at_ = at;
    return true;
  }

  [[gnu::noinline]] bool take_some_image(const std::uint8_t* columns, std::size_t count, cell* out,
                                         bool partial) {
    const std::uint8_t* at = at_;
    const std::uint8_t* partial_bits = nullptr;
    if (partial && !take_options(at, partial_bits)) return false;
    std::size_t null_bytes = (count + 7) / 8;
    if (static_cast<std::size_t>(end_ - at) < null_bytes) [[unlikely]]
      return fail(at, decode_errc::truncated, "null columns");
    const std::uint8_t* nulls = at;
    at += null_bytes;
    // The servers set the bits that no column has.
    if (table_.old_temporals && count % 8 && nulls[null_bytes - 1] >> (count % 8) != 0xff >> (count % 8))
        [[unlikely]]
      return fail(nulls, decode_errc::unsupported, "old time with a fraction");
    std::size_t all = rows_.column_count;
    const cell_layout* layout = table_.layout.data();
    std::size_t seen = 0, json_seen = 0;
    for (std::size_t i = 0; i < all; ++i) {
      bool diff = false;
      if (partial_bits && table_.columns[i].type == column_type::json)
        diff = detail::bit(partial_bits, json_seen++);
      if (!detail::bit(columns, i)) {
        out[i] = {nullptr, 0, cell_kind::absent};
        continue;
      }
      if (detail::bit(nulls, seen++)) {
        out[i] = {nullptr, 0, cell_kind::null};
        continue;
      }
      cell_layout how = diff ? cell_layout{0, 4} : layout[i];
      const std::uint8_t* behind = detail::take_cell(at, end_, how, out[i]);
      if (!behind) return fail(at, decode_errc::truncated, "value");
      if (diff) out[i].kind = cell_kind::diff;
      at = behind;
    }
    at_ = at;
    return true;
  }

  /// A number whose bit 0 says that a bit per JSON column of the table follows.
  bool take_options(const std::uint8_t*& at, const std::uint8_t*& partial_bits) {
    cursor in({at, static_cast<std::size_t>(end_ - at)});
    std::uint64_t options = detail::take_lenenc(in, "row options");
    if (in.ok() && options > 1) in.fail_at(0, decode_errc::unsupported, "row options");
    byte_view bits;
    if (options == 1) bits = in.bytes((table_.json_columns + 7) / 8, "partial columns");
    if (!in.ok()) return fail(at + in.error().offset, in.error().code, in.error().field);
    if (options == 1 && table_.json_columns) partial_bits = bits.data();
    at += in.offset();
    return true;
  }

  const rows_view& rows_;
  const table_definition& table_;
  std::span<cell> before_;
  std::span<cell> after_;
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  std::size_t before_count_ = 0;
  std::size_t after_count_ = 0;
  decode_error error_;
};

}  // namespace tidewire::binlog
