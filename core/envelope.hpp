// The native envelope, version 1 (docs/envelope.md): one JSON object a line. Everything a table's lines have
// in common is rendered once into a table_plan, everything a transaction's lines have in common once at its
// begin; a row is then a few copies and its values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/json_check.hpp"
#include "core/table.hpp"
#include "core/utc_time.hpp"
#include "core/value.hpp"

namespace tidewire {

enum class row_op : std::uint8_t { insert, update, remove };

/// What an old row holds: nothing was sent, the key columns only, or every column.
enum class old_row : std::uint8_t { none, key, full };

/// The rendered parts of one table's lines. Made once per relation; owns all it needs.
class table_plan {
 public:
  table_plan() = default;
  explicit table_plan(const table& of);

  /// `,"name":` of a column, with json::input_padding bytes behind it. Lives as long as the plan.
  std::string_view member(std::size_t column) const {
    return std::string_view(names_).substr(columns_[column].offset, columns_[column].size);
  }

 private:
  friend class envelope_writer;
  struct column_plan {
    std::uint32_t offset;  // of `,"name":` in names_
    std::uint32_t size;
    json_form form;
    bool key;
  };
  struct fragment {
    std::string text;  // followed by padding
    std::size_t size = 0;
  };
  static fragment padded(std::string text);

  fragment head_[3];  // `{"v":1,"op":"insert","schema":"s","table":"t",`, by row_op
  fragment read_head_;
  std::string names_;
  std::vector<column_plan> columns_;
  std::size_t fixed_size_ = 0;  // of a row's line, without values and transaction
};

/// What begins or ends in an initial copy: all of it, or one table of it.
struct snapshot_mark {
  const char* stage = "begin";  // begin, resume (of all), restart (of a table), end
  const table* of = nullptr;    // null: all of it
  std::string_view position;
  std::string_view visible;                   // which transactions the rows hold: xmin:xmax:xip,…
  std::optional<std::uint64_t> tables, rows;  // nothing: not told
  std::string_view fields;                    // members instead of position and visible, as in begin_fields
};

/// Writes lines into a buffer that belongs to the caller. Calls follow the stream: begin, rows, commit.
/// Values must have json::input_padding readable bytes behind them.
class envelope_writer {
 public:
  explicit envelope_writer(json::buffer& out) : out_(&out) {}

  /// The buffer that the next lines go to.
  void write_to(json::buffer& out) { out_ = &out; }

  /// Opens a transaction: its lines all carry this position and time. `gid` is that of a prepared
  /// transaction.
  void begin(std::string_view position, std::uint64_t xid, std::int64_t commit_unix_us,
             std::string_view gid = {});

  /// Takes over a transaction's common fields without writing a line, when its first lines were written
  /// before a reconnect.
  void enter(std::string_view position, std::uint64_t xid, std::int64_t commit_unix_us);

  /// One row. `before` has one value per column if `old` says there is an old row; `after` is empty for a
  /// delete. `payload_bytes` is at least the sum of the values' sizes.
  void row(row_op op, const table_plan& plan, std::uint64_t seq, old_row old, std::span<const value> before,
           std::span<const value> after, std::size_t payload_bytes);

  /// As row(), for whole rows whose values come in another way: `put(at, op)` writes the members of the old
  /// row (row_op::remove) and of the new one (row_op::insert) and gives the end. Where it gives null, nothing
  /// is written and the result is false. `room`: the most bytes that it writes in all.
  template <class Put>
  bool row_by(row_op op, const table_plan& plan, std::uint64_t seq, std::size_t room, Put put);

  /// The position that the rows of read() carry.
  void enter_read(std::string_view position);
  void enter_read_fields(std::string_view fields);
  /// A row of an initial copy.
  void read(const table_plan& plan, std::span<const value> row, std::size_t payload_bytes);
  void snapshot(const snapshot_mark& mark);

  /// The last line: `op` is commit, prepare, commit_prepared or rollback_prepared.
  void end(std::string_view op, std::string_view end_position, std::uint64_t changes,
           std::string_view gid = {});

  void truncate(std::uint64_t seq, std::span<const table* const> tables, bool cascade, bool restart_identity);
  void message(std::uint64_t seq, std::string_view prefix, std::string_view content);
  /// A message outside any transaction, with its own position.
  void lone_message(std::string_view position, std::string_view prefix, std::string_view content);
  void schema(const table& of);
  void origin(std::string_view name, std::string_view position);

  // For sources whose transactions are told by other fields than lsn and xid. `fields` are members as they
  // stand in every line, without a comma around them, of max_fields_bytes at most.
  static constexpr std::size_t max_fields_bytes = 1920;
  void begin_fields(std::string_view fields, std::int64_t commit_unix_us);
  void enter_fields(std::string_view fields, std::int64_t commit_unix_us);
  /// `end_fields` tell where the transaction ends; may be empty.
  void end_fields(std::string_view op, std::string_view end_fields, std::uint64_t changes);
  /// A statement that changes more than rows: `op` is ddl or statement, `schema` what was in use.
  void statement(std::string_view op, std::uint64_t seq, std::string_view schema, std::string_view sql);
  /// A table whose columns have their types' names.
  void named_schema(const table& of);
  /// Adds a member to the line that was written last. `json` is whole.
  void extend(std::string_view name, std::string_view json);

 private:
  template <bool roomy, bool keys_only>
  char* values(char* at, std::span<const value> from, const table_plan& plan, bool& some_unchanged);
  template <bool roomy>
  char* text_value(char* at, const value& of, json_form form);
  char* formed_value(char* at, const value& of, json_form form);
  static char* binary_value(char* at, const value& of);
  template <bool roomy>
  char* whole_row(char* at, row_op op, const table_plan& plan, std::uint64_t seq, old_row old,
                  std::span<const value> before, std::span<const value> after);
  template <bool roomy>
  char* old_values(char* at, old_row old, std::span<const value> before, const table_plan& plan);
  void long_row(char* at, row_op op, const table_plan& plan, std::uint64_t seq, old_row old,
                std::span<const value> before, std::span<const value> after);
  template <bool roomy>
  char* whole_read(char* at, const table_plan& plan, std::span<const value> row);
  char* ensure(char* at, std::size_t bytes);
  char* long_value(char* at, const value& of, json_form form);
  template <class Wanted>
  char* names(char* at, std::span<const value> of, const table_plan& plan, Wanted wanted);
  char* unchanged_names(char* at, std::span<const value> after, const table_plan& plan);
  char* json_null_names(char* at, old_row old, std::span<const value> before, std::span<const value> after,
                        const table_plan& plan);
  void head(std::string_view op);
  void tail();
  void end_with_gid(char* at, std::string_view gid);
  void field(std::string_view name, std::string_view text);
  void content(std::string_view bytes);

  static constexpr std::size_t usual_bytes = 64 * 1024;  // of a row's values

  json::buffer* out_;
  utc_writer times_;
  char common_[2048] = {};  // `"lsn":"0/1","xid":1,"ts":"…","seq":`
  std::size_t common_size_ = 0;
  bool json_null_ = false;  // the row in hand has a json value that is null
};

template <bool roomy>
[[gnu::always_inline]] inline char* envelope_writer::text_value(char* at, const value& of, json_form form) {
  if constexpr (!roomy) {
    if (of.size > 4096) return long_value(at, of, form);
    at = ensure(at, of.size * json::worst_growth + 64);
  }
  // One after the other, the usual ones first: faster than a jump table.
  if (form == json_form::string) [[likely]]
    return json::put_string(at, of.data, of.size);
  if (form == json_form::integer || form == json_form::number) [[likely]]
    if (char* end = json::put_number(at, of.data, of.size)) return end;
  return formed_value(at, of, form);
}

template <bool roomy, bool keys_only>
[[gnu::always_inline]] inline char* envelope_writer::values(char* at, std::span<const value> from,
                                                            const table_plan& plan, bool& some_unchanged) {
  char* first = at;
  std::size_t offset = roomy ? 0 : static_cast<std::size_t>(at - out_->view().data());
  const char* names = plan.names_.data();
  const auto* column = plan.columns_.data();
  for (const value& each : from) {
    const auto& of = *column++;
    if (keys_only && !of.key) continue;
    if (each.kind == value_kind::text) [[likely]] {
      if constexpr (!roomy) at = ensure(at, of.size);
      at = json::put_padded(at, names + of.offset, of.size);
      at = text_value<roomy>(at, each, of.form);
    } else if (each.kind == value_kind::null) {
      if constexpr (!roomy) at = ensure(at, of.size + 32);
      at = json::put_padded(at, names + of.offset, of.size);
      at = json::put(at, "null");
    } else if (each.kind == value_kind::binary) {
      if constexpr (!roomy) at = ensure(at, of.size + each.size * std::size_t{2} + 32);
      at = binary_value(json::put_padded(at, names + of.offset, of.size), each);
    } else {
      some_unchanged |= each.kind == value_kind::unchanged;
    }
  }
  if constexpr (!roomy) first = out_->at(offset);  // the buffer may have moved
  // Every name comes with a comma in front.
  if (at == first) ++at;
  *first = '{';
  *at++ = '}';
  return at;
}

template <bool roomy>
[[gnu::noinline]] char* envelope_writer::old_values(char* at, old_row old, std::span<const value> before,
                                                    const table_plan& plan) {
  bool ignored = false;
  if (old == old_row::key) return values<roomy, true>(json::put(at, R"(,"key":)"), before, plan, ignored);
  return values<roomy, false>(json::put(at, R"(,"before":)"), before, plan, ignored);
}

template <bool roomy>
[[gnu::always_inline]] inline char* envelope_writer::whole_row(char* at, row_op op, const table_plan& plan,
                                                               std::uint64_t seq, old_row old,
                                                               std::span<const value> before,
                                                               std::span<const value> after) {
  const auto& head = plan.head_[static_cast<int>(op)];
  at = json::put_long(at, head.text.data(), head.size);
  at = json::put_long(at, common_, common_size_);
  at = json::put_unsigned(at, seq);
  if (old != old_row::none) at = old_values<roomy>(at, old, before, plan);
  if (op != row_op::remove) {
    bool some_unchanged = false;
    at = values<roomy, false>(json::put(at, R"(,"after":)"), after, plan, some_unchanged);
    if (some_unchanged) [[unlikely]]
      at = unchanged_names(at, after, plan);
  }
  if (json_null_) [[unlikely]]
    at = json_null_names(at, old, before, after, plan);
  return json::put(at, "}\n");
}

template <bool roomy>
inline char* envelope_writer::whole_read(char* at, const table_plan& plan, std::span<const value> row) {
  at = json::put_long(at, plan.read_head_.text.data(), plan.read_head_.size);
  at = json::put_long(at, common_, common_size_);
  at = json::put(at, R"(,"after":)");
  bool ignored = false;
  at = values<roomy, false>(at, row, plan, ignored);
  if (json_null_) [[unlikely]]
    at = json_null_names(at, old_row::none, {}, row, plan);
  return json::put(at, "}\n");
}

[[gnu::always_inline]] inline void envelope_writer::row(row_op op, const table_plan& plan, std::uint64_t seq,
                                                        old_row old, std::span<const value> before,
                                                        std::span<const value> after,
                                                        std::size_t payload_bytes) {
  // A row of usual size asks for its worst case at once and then writes unchecked; a huge one asks value by
  // value.
  std::size_t fixed = plan.fixed_size_ + common_size_ + 256;
  if (payload_bytes > usual_bytes) [[unlikely]]
    return long_row(out_->room(fixed), op, plan, seq, old, before, after);
  char* at = out_->room(fixed + payload_bytes * json::worst_growth);
  out_->end(whole_row<true>(at, op, plan, seq, old, before, after));
}

template <class Put>
[[gnu::always_inline]] inline bool envelope_writer::row_by(row_op op, const table_plan& plan,
                                                           std::uint64_t seq, std::size_t room, Put put) {
  const auto& head = plan.head_[static_cast<int>(op)];
  char* at = out_->room(plan.fixed_size_ + common_size_ + 256 + room);
  at = json::put_long(at, head.text.data(), head.size);
  at = json::put_long(at, common_, common_size_);
  at = json::put_unsigned(at, seq);
  auto object = [&](std::string_view name, row_op which) {
    char* first = json::put(at, name);
    at = put(first, which);
    if (!at) return false;
    *first = '{';  // instead of the first comma
    *at++ = '}';
    return true;
  };
  if (op != row_op::insert && !object(R"(,"before":)", row_op::remove)) return false;
  if (op != row_op::remove && !object(R"(,"after":)", row_op::insert)) return false;
  out_->end(json::put(at, "}\n"));
  return true;
}

inline void envelope_writer::read(const table_plan& plan, std::span<const value> row,
                                  std::size_t payload_bytes) {
  std::size_t fixed = plan.fixed_size_ + common_size_ + 256;
  if (payload_bytes <= usual_bytes) [[likely]]
    out_->end(whole_read<true>(out_->room(fixed + payload_bytes * json::worst_growth), plan, row));
  else
    out_->end(whole_read<false>(out_->room(fixed), plan, row));
}

}  // namespace tidewire
