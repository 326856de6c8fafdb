#include "core/envelope.hpp"

#include <algorithm>
#include <array>

#include "core/json_text.hpp"

namespace tidewire {
namespace {

constexpr std::size_t fragment_padding = 96;

bool is_json_null(const value& of) {
  constexpr std::string_view blank = " \t\r\n";
  std::string_view text = of.bytes();
  std::size_t first = text.find_first_not_of(blank);
  return first != text.npos && text.substr(first, text.find_last_not_of(blank) + 1 - first) == "null";
}

}  // namespace

table_plan::fragment table_plan::padded(std::string text) {
  fragment made{std::move(text), 0};
  made.size = made.text.size();
  made.text.append(fragment_padding, '\0');
  return made;
}

table_plan::table_plan(const table& of) {
  std::string names_of_table =
      R"(","schema":)" + json::quoted(of.schema) + R"(,"table":)" + json::quoted(of.name) + ',';
  constexpr std::array ops{"insert", "update", "delete"};
  for (std::size_t i = 0; i < ops.size(); ++i)
    head_[i] = padded(R"({"v":1,"op":")" + std::string(ops[i]) + names_of_table);
  read_head_ = padded(R"({"v":1,"op":"read)" + names_of_table);
  fixed_size_ = head_[0].size;
  for (const column& each : of.columns) {
    std::string name = ',' + json::quoted(each.name) + ':';
    columns_.push_back({static_cast<std::uint32_t>(names_.size()), static_cast<std::uint32_t>(name.size()),
                        each.form, each.key});
    names_ += name;
    // A name can stand in the new row, the old row and the list of unchanged columns; beside it quotes, null,
    // commas or the frame of a binary value.
    fixed_size_ += 3 * (name.size() + 32);
  }
  names_.append(fragment_padding, '\0');
}

char* envelope_writer::ensure(char* at, std::size_t bytes) {
  out_->end(at);
  return out_->room(bytes);
}

char* envelope_writer::long_value(char* at, const value& of, json_form form) {
  if (form == json_form::json) {
    json_null_ |= is_json_null(of);
    at = ensure(at, of.size);
    if (char* end = json::put_json(at, of.data, of.size)) return end;
  }
  // Piece by piece, so that a gigabyte of plain text does not ask for six.
  constexpr std::size_t piece = 64 * 1024;
  out_->end(at);
  std::size_t start = out_->size();
  at = ensure(at, 1);
  *at++ = '"';
  const char* in = of.data;
  const char* end = of.data + of.size;
  while (in < end) {
    const char* stop = static_cast<std::size_t>(end - in) > piece ? in + piece : end;
    while (stop != end && (static_cast<unsigned char>(*stop) & 0xc0) == 0x80 && stop > in + 1) --stop;
    at = ensure(at, static_cast<std::size_t>(stop - in) * json::worst_growth);
    char* written = json::put_escaped(at, in, stop);
    if (!written) {
      out_->truncate(start);
      at = out_->room(of.size * std::size_t{2} + 32);
      return json::put_string(at, of.data, of.size);
    }
    at = written;
    in = stop;
  }
  at = ensure(at, 1);
  *at++ = '"';
  return at;
}

void envelope_writer::long_row(char* at, row_op op, const table_plan& plan, std::uint64_t seq, old_row old,
                               std::span<const value> before, std::span<const value> after) {
  out_->end(whole_row<false>(at, op, plan, seq, old, before, after));
}

/// A boolean or json, or what does not fit its form.
char* envelope_writer::formed_value(char* at, const value& of, json_form form) {
  if (form == json_form::json) {
    json_null_ |= is_json_null(of);
    return json::put_embedded(at, of.data, of.size);
  }
  if (form == json_form::boolean && of.size == 1) {
    if (*of.data == 't') return json::put(at, "true");
    if (*of.data == 'f') return json::put(at, "false");
  }
  return json::put_string(at, of.data, of.size);
}

char* envelope_writer::binary_value(char* at, const value& of) {
  constexpr char hex[] = "0123456789abcdef";
  at = json::put(at, R"({"binary":")");
  for (char c : of.bytes()) {
    *at++ = hex[static_cast<unsigned char>(c) >> 4];
    *at++ = hex[c & 15];
  }
  return json::put(at, "\"}");
}

/// `["a","b"]` of the columns whose value is wanted.
template <class Wanted>
char* envelope_writer::names(char* at, std::span<const value> of, const table_plan& plan, Wanted wanted) {
  *at++ = '[';
  bool first = true;
  for (std::size_t i = 0; i < of.size(); ++i) {
    const auto& column = plan.columns_[i];
    if (!wanted(of[i], column)) continue;
    // In the plan a name has a comma in front and a colon behind.
    at = ensure(at, column.size);
    at = json::put(at, std::string_view(plan.names_).substr(column.offset + first, column.size - 1 - first));
    first = false;
  }
  at = ensure(at, 64);
  *at++ = ']';
  return at;
}

char* envelope_writer::unchanged_names(char* at, std::span<const value> after, const table_plan& plan) {
  at = json::put(ensure(at, 64), R"(,"unchanged":)");
  return names(at, after, plan,
               [](const value& each, const auto&) { return each.kind == value_kind::unchanged; });
}

/// What tells a json column's own null from SQL's.
char* envelope_writer::json_null_names(char* at, old_row old, std::span<const value> before,
                                       std::span<const value> after, const table_plan& plan) {
  json_null_ = false;
  auto is_null = [](const value& each, const auto& column) {
    return each.kind == value_kind::text && column.form == json_form::json && is_json_null(each);
  };
  auto part = [&](char* to, std::string_view name, std::span<const value> of) {
    bool some = false;
    for (std::size_t i = 0; i < of.size(); ++i) some |= is_null(of[i], plan.columns_[i]);
    if (!some) return to;
    to = json::put(ensure(to, 64), name);
    return names(to, of, plan, is_null);
  };
  at = json::put(ensure(at, 64), R"(,"json_null":)");
  auto offset = static_cast<std::size_t>(at - out_->view().data());
  at = part(at, old == old_row::key ? R"(,"key":)" : R"(,"before":)", before);
  at = part(at, R"(,"after":)", after);
  *out_->at(offset) = '{';  // instead of the first comma
  *at++ = '}';
  return ensure(at, 64);
}

void envelope_writer::head(std::string_view op) {
  out_->text(R"({"v":1,"op":")");
  out_->text(op);
  out_->text("\"");
}

void envelope_writer::tail() {
  out_->text("}\n");
}

void envelope_writer::field(std::string_view name, std::string_view text) {
  out_->text(",\"");
  out_->text(name);
  out_->text("\":");
  out_->text(json::quoted(text));
}

void envelope_writer::enter(std::string_view position, std::uint64_t xid, std::int64_t commit_unix_us) {
  char* at = json::put(common_, R"("lsn":")");
  at = json::put_short(at, position.substr(0, 32));
  at = json::put(at, R"(","xid":)");
  at = json::put_unsigned(at, xid);
  at = json::put(at, R"(,"ts":")");
  at = times_.put(at, commit_unix_us);
  at = json::put(at, R"(","seq":)");
  common_size_ = static_cast<std::size_t>(at - common_);
}

/// The end of a line; `gid` is empty for most.
inline void envelope_writer::end_with_gid(char* at, std::string_view gid) {
  if (gid.empty()) [[likely]]
    return out_->end(json::put(at, "}\n"));
  out_->end(at);
  field("gid", gid);
  tail();
}

void envelope_writer::begin(std::string_view position, std::uint64_t xid, std::int64_t commit_unix_us,
                            std::string_view gid) {
  enter(position, xid, commit_unix_us);
  constexpr std::size_t seq_name = 7;  // `,"seq":`
  char* at = out_->room(common_size_ + 160);
  at = json::put(at, R"({"v":1,"op":"begin",)");
  at = json::put_long(at, common_, common_size_ - seq_name);
  end_with_gid(at, gid);
}

void envelope_writer::end(std::string_view op, std::string_view end_position, std::uint64_t changes,
                          std::string_view gid) {
  constexpr std::size_t seq_name = 7;
  char* at = out_->room(common_size_ + op.size() + 160);
  at = json::put(at, R"({"v":1,"op":")");
  at = json::put_short(at, op);
  at = json::put(at, "\",");
  at = json::put_long(at, common_, common_size_ - seq_name);
  at = json::put(at, R"(,"end_lsn":")");
  at = json::put_short(at, end_position.substr(0, 32));
  at = json::put(at, R"(","changes":)");
  at = json::put_unsigned(at, changes);
  end_with_gid(at, gid);
}

void envelope_writer::enter_read(std::string_view position) {
  char* at = json::put(common_, R"("lsn":")");
  at = json::put(at, position.substr(0, 32));
  *at++ = '"';
  common_size_ = static_cast<std::size_t>(at - common_);
}

void envelope_writer::enter_read_fields(std::string_view fields) {
  common_size_ = std::min(fields.size(), max_fields_bytes);
  std::copy_n(fields.data(), common_size_, common_);
}

void envelope_writer::snapshot(const snapshot_mark& mark) {
  head("snapshot");
  field("stage", mark.stage);
  if (mark.of) {
    field("schema", mark.of->schema);
    field("table", mark.of->name);
  }
  if (!mark.fields.empty()) {
    out_->text(",");
    out_->text(mark.fields);
  } else {
    field("lsn", mark.position);
    field("snapshot", mark.visible);
  }
  if (mark.tables) out_->text(R"(,"tables":)" + std::to_string(*mark.tables));
  if (mark.rows) out_->text(R"(,"rows":)" + std::to_string(*mark.rows));
  tail();
}

void envelope_writer::truncate(std::uint64_t seq, std::span<const table* const> tables, bool cascade,
                               bool restart_identity) {
  head("truncate");
  char* at = out_->room(common_size_ + 64);
  *at++ = ',';
  at = json::put_unsigned(json::put(at, {common_, common_size_}), seq);
  out_->end(json::put(at, R"(,"tables":[)"));
  for (std::size_t i = 0; i < tables.size(); ++i) {
    out_->text(i ? R"(,{"schema":)" : R"({"schema":)");
    out_->text(json::quoted(tables[i]->schema));
    out_->text(R"(,"table":)");
    out_->text(json::quoted(tables[i]->name));
    out_->text("}");
  }
  out_->text(cascade ? R"(],"cascade":true)" : R"(],"cascade":false)");
  out_->text(restart_identity ? R"(,"restart_identity":true)" : R"(,"restart_identity":false)");
  tail();
}

void envelope_writer::content(std::string_view bytes) {
  value whole{bytes.data(), static_cast<std::uint32_t>(bytes.size()), value_kind::text};
  out_->text(R"(,"content":)");
  out_->end(long_value(out_->room(0), whole, json_form::string));
}

void envelope_writer::message(std::uint64_t seq, std::string_view prefix, std::string_view bytes) {
  head("message");
  char* at = out_->room(common_size_ + 64);
  *at++ = ',';
  out_->end(json::put_unsigned(json::put(at, {common_, common_size_}), seq));
  field("prefix", prefix);
  out_->text(R"(,"transactional":true)");
  content(bytes);
  tail();
}

void envelope_writer::lone_message(std::string_view position, std::string_view prefix,
                                   std::string_view bytes) {
  head("message");
  field("lsn", position);
  field("prefix", prefix);
  out_->text(R"(,"transactional":false)");
  content(bytes);
  tail();
}

void envelope_writer::schema(const table& of) {
  head("schema");
  field("schema", of.schema);
  field("table", of.name);
  out_->text(R"(,"oid":)" + std::to_string(of.id));
  field("identity", of.identity);
  out_->text(R"(,"columns":[)");
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    const column& each = of.columns[i];
    std::string type = each.type.empty() ? "" : R"(,"type":)" + json::quoted(each.type);
    if (!each.type_schema.empty()) type += R"(,"type_schema":)" + json::quoted(each.type_schema);
    out_->text((i ? R"(,{"name":)" : R"({"name":)") + json::quoted(each.name) + type + R"(,"type_oid":)" +
               std::to_string(each.type_id) + R"(,"typmod":)" + std::to_string(each.type_modifier) +
               R"(,"key":)" + (each.key ? "true}" : "false}"));
  }
  out_->text("]");
  tail();
}

void envelope_writer::origin(std::string_view name, std::string_view position) {
  head("origin");
  field("name", name);
  field("origin_lsn", position);
  tail();
}

}  // namespace tidewire
