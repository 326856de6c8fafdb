// Prints a binlog file's events and rows as JSON lines, for the tests that compare them with what a server
// says.
//   binlog_tool FILE [--from OFFSET] [--window BYTES]
// Events that begin before OFFSET are read, but not printed. The last line tells where reading ended and what
// was lost; after an error it tells the error, and the exit code is 1.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "binlog/binlog.hpp"
#include "core/json.hpp"

using namespace tidewire;
using namespace tidewire::binlog;

namespace {

/// Writes one JSON object a line.
class line {
 public:
  line() { out_.text("{"); }

  line& name(std::string_view name) {
    if (!first_) out_.text(",");
    first_ = false;
    quoted(name);
    out_.text(":");
    return *this;
  }
  line& text(std::string_view key, std::string_view value) {
    name(key);
    quoted(value);
    return *this;
  }
  line& number(std::string_view key, auto value) { return raw(key, std::to_string(value)); }
  line& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  line& raw(std::string_view key, std::string_view json) {
    name(key);
    out_.text(json);
    return *this;
  }

  /// JSON's own rules: text that is not UTF-8 becomes {"hex":…}.
  void quoted(std::string_view value) {
    std::string padded(value);
    padded.append(json::input_padding, '\0');
    char* at = out_.room(value.size() * json::worst_growth + 16);
    out_.end(json::put_string(at, padded.data(), value.size()));
  }
  void hex(std::string_view value) {
    out_.text("{\"hex\":\"");
    for (unsigned char c : value) {
      char digits[3];
      std::snprintf(digits, sizeof digits, "%02x", c);
      out_.text(digits);
    }
    out_.text("\"}");
  }
  json::buffer& out() { return out_; }

  void print() {
    out_.text("}\n");
    std::fwrite(out_.view().data(), 1, out_.size(), stdout);
  }

 private:
  json::buffer out_;
  bool first_ = true;
};

struct failure {
  decode_error error;
};

template <class T>
T must(decoded<T> result) {
  if (!result) throw failure{result.error()};
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class printer {
 public:
  explicit printer(std::uint64_t from) : from_(from) {}

  void event(const event_view& event, std::uint64_t offset, const format_description& format, bool inner) {
    offset_ = offset;
    inner_ = inner;
    shown_ = offset >= from_;
    if (event.header.type == event_type::format_description) tables_.clear();
    if (event.header.type == event_type::transaction_payload) return payload(event, offset, format);
    if (is_compressed(event.header.type))
      return plain(must(decompressor_.decompress(event, format)), event, format);
    plain(event, event, format);
  }

 private:
  void payload(const event_view& event, std::uint64_t offset, const format_description& format) {
    transaction_payload_view view = must(decode_transaction_payload(event));
    line out = begin(event);
    out.number("compression", static_cast<int>(view.compression));
    out.number("plain_size", view.plain_size).number("payload_size", view.payload.size());
    show(out);
    must(payload_.begin(view));
    while (auto next = must(payload_.next())) this->event(*next, offset, format, true);
    inner_ = false;
  }

  line begin(const event_view& event) {
    line out;
    const char* name = name_of(event.header.type);
    out.number("offset", offset_).text("type", name ? name : "unknown");
    out.number("code", static_cast<int>(event.header.type)).number("timestamp", event.header.timestamp);
    out.number("server_id", event.header.server_id).number("size", event.header.event_size);
    out.number("log_pos", event.header.log_pos).number("flags", event.header.flags);
    if (inner_) out.flag("inner", true);
    return out;
  }

  void show(line& out) {
    if (shown_) out.print();
  }

  /// `original` differs from `event` where that was decompressed.
  void plain(const event_view& event, const event_view& original, const format_description& format) {
    line out = begin(original);
    switch (event.header.type) {
      case event_type::format_description:
        out.text("version", format.server_version()).number("created", format.created);
        out.number("checksum", static_cast<int>(format.checksum)).flag("mariadb", format.mariadb());
        break;
      case event_type::rotate: {
        rotate_view m = must(decode_rotate(event));
        out.text("file", m.file).number("position", m.position);
        break;
      }
      case event_type::stop: must(decode_stop(event)); break;
      case event_type::query: query(out, must(decode_query(event, format))); break;
      case event_type::xid: out.number("xid", must(decode_xid(event))); break;
      case event_type::xa_prepare: {
        xa_prepare_view m = must(decode_xa_prepare(event));
        out.flag("one_phase", m.one_phase);
        xa(out, m.id);
        break;
      }
      case event_type::gtid:
      case event_type::anonymous_gtid:
      case event_type::gtid_tagged: gtid(out, must(decode_gtid(event))); break;
      case event_type::previous_gtids: out.text("gtids", must(decode_previous_gtids(event)).text(",")); break;
      case event_type::mariadb_gtid: mariadb(out, must(decode_mariadb_gtid(event))); break;
      case event_type::gtid_list: {
        gtid_list_view m = must(decode_gtid_list(event));
        std::string all;
        for (std::size_t i = 0; i < m.count; ++i) {
          char one[mariadb_gtid_text_size];
          if (i) all += ',';
          all.append(one, put_mariadb_gtid(one, m.gtid(i)));
        }
        out.text("gtids", all).text("position", mariadb_gtid_position::behind(m).text());
        break;
      }
      case event_type::binlog_checkpoint: out.text("file", must(decode_binlog_checkpoint(event)).file); break;
      case event_type::annotate_rows: out.text("sql", must(decode_annotate_rows(event))); break;
      case event_type::rows_query: out.text("sql", must(decode_rows_query(event))); break;
      case event_type::intvar: {
        intvar_event m = must(decode_intvar(event));
        out.number("kind", m.kind).number("value", m.value);
        break;
      }
      case event_type::rand: {
        rand_event m = must(decode_rand(event));
        out.number("seed1", m.seed1).number("seed2", m.seed2);
        break;
      }
      case event_type::user_var: {
        user_var_view m = must(decode_user_var(event));
        out.text("name", m.name).flag("null", m.null).number("value_type", m.type);
        out.name("value").hex(as_text(m.value));
        break;
      }
      case event_type::begin_load_query:
      case event_type::append_block: out.number("file_id", must(decode_load_block(event)).file_id); break;
      case event_type::delete_file: out.number("file_id", must(decode_delete_file(event))); break;
      case event_type::incident: out.text("message", must(decode_incident(event)).message); break;
      case event_type::view_change: out.text("view", must(decode_view_change(event)).view_id); break;
      case event_type::transaction_context:
        out.text("server_uuid", must(decode_transaction_context(event)).server_uuid);
        break;
      case event_type::table_map: table(out, *must(tables_.add(event, format))); break;
      default:
        if (is_rows(event.header.type)) return rows(out, event, format);
        if (!name_of(event.header.type)) out.flag("ignored", true);
    }
    show(out);
  }

  static void xa(line& out, const xa_id_view& id) {
    char text[xa_text_size];
    out.text("xa", {text, put_xa_id(text, id)});
  }

  static const char* kind_name(query_kind kind) {
    constexpr const char* names[] = {"begin",    "commit",   "rollback",   "savepoint",        "rollback_to",
                                     "xa_start", "xa_end",   "xa_prepare", "xa_commit",        "xa_rollback",
                                     "change",   "truncate", "ddl",        "create_and_begin", "other"};
    return names[static_cast<int>(kind)];
  }

  static void query(line& out, const query_view& m) {
    out.text("kind", kind_name(classify_query(m.sql))).text("database", m.database).text("sql", m.sql);
    out.number("thread_id", m.thread_id).number("error_code", m.error_code);
    status_vars_view vars = must(decode_status_vars(m));
    if (vars.has_sql_mode) out.number("sql_mode", vars.sql_mode);
    if (vars.has_charset) out.number("client_collation", vars.client_collation);
    if (!vars.time_zone.empty()) out.text("time_zone", vars.time_zone);
    if (vars.has_microseconds) out.number("microseconds", vars.microseconds);
    if (vars.has_xid) out.number("ddl_xid", vars.xid);
    if (vars.unknown) out.number("unknown_variable", vars.unknown);
  }

  static void gtid(line& out, const gtid_event& m) {
    gtid_set one;
    if (!m.anonymous) one.add(m.id);
    out.text("gtid", one.text()).number("flags2", m.flags);
    out.number("last_committed", m.last_committed).number("sequence_number", m.sequence_number);
    if (m.has_commit_time)
      out.number("immediate_us", m.immediate_commit_us).number("original_us", m.original_commit_us);
    if (m.has_length) out.number("length", m.transaction_length);
    if (m.has_version) out.number("version", m.immediate_version);
    if (m.has_ticket) out.number("ticket", m.commit_ticket);
  }

  static void mariadb(line& out, const mariadb_gtid_view& m) {
    char text[mariadb_gtid_text_size];
    out.text("gtid", {text, put_mariadb_gtid(text, m.id)}).number("flags2", m.flags).number("extra", m.extra);
    if (m.flags & mariadb_gtid_flag::group_commit) out.number("commit_id", m.commit_id);
    if (m.xa.gtrid.size()) xa(out, m.xa);
    if (m.extra & mariadb_gtid_extra::thread_id) out.number("thread_id", m.thread_id);
    if (m.alter_sequence) out.number("alter_sequence", m.alter_sequence);
  }

  void table(line& out, const table_definition& m) {
    out.number("table_id", m.id).text("schema", m.schema).text("table", m.name).flag("has_key", m.has_key);
    std::string columns = "[";
    for (const column_definition& each : m.columns) {
      if (columns.size() > 1) columns += ',';
      line column;
      column.text("name", each.name).number("type", static_cast<int>(each.type));
      column.flag("nullable", each.nullable).flag("unsigned", each.is_unsigned).flag("key", each.key);
      column.number("collation", each.collation).number("length", each.length).flag("visible", each.visible);
      column.number("precision", each.precision).number("scale", each.scale);
      column.number("key_prefix", each.key_prefix).number("geometry", each.geometry_type);
      column.number("dimension", each.dimension).number("form", static_cast<int>(form_of(each)));
      std::string labels = "[";
      for (const std::string& label : each.labels) {
        line quoted;
        if (labels.size() > 1) labels += ',';
        quoted.text("l", label);
        labels += std::string(quoted.out().view()) + "}";
      }
      column.raw("labels", labels + "]");
      columns += std::string(column.out().view()) + "}";
    }
    out.raw("columns", columns + "]");
  }

  static void image(line& out, const row_text& text, std::span<const value> values) {
    out.out().text("[");
    for (std::size_t i = 0; i < values.size(); ++i) {
      const value& each = values[i];
      if (i) out.out().text(",");
      if (text.is_diff(i)) out.out().text("{\"diff\":");
      switch (each.kind) {
        case value_kind::null: out.out().text("null"); break;
        case value_kind::absent: out.out().text("{\"absent\":true}"); break;
        case value_kind::unchanged: out.out().text("{\"unchanged\":true}"); break;
        case value_kind::text: out.quoted(each.bytes()); break;
        case value_kind::binary: out.hex(each.bytes()); break;
      }
      if (text.is_diff(i)) out.out().text("}");
    }
    out.out().text("]");
  }

  void rows(line& out, const event_view& event, const format_description& format) {
    rows_view m = must(decode_rows(event, format));
    out.number("table_id", m.table_id).flag("ends_statement", m.ends_statement());
    if (m.partition != no_partition) out.number("partition", m.partition);
    if (m.is_dummy()) {
      out.flag("dummy", true);
      tables_.end_statement();
      return show(out);
    }
    const table_definition* table = tables_.find(m.table_id);
    if (!table) throw failure{{decode_errc::unknown_reference, header_bytes, "table id"}};
    out.text("schema", table->schema).text("table", table->name);
    out.text("op", m.kind == change_kind::insert   ? "insert"
                   : m.kind == change_kind::update ? "update"
                                                   : "delete");
    show(out);
    before_.resize(table->columns.size());
    after_.resize(table->columns.size());
    rows_reader reader(m, *table, before_, after_);
    while (must(reader.next())) {
      line row;
      row.flag("row", true).text("table", table->name);
      if (m.kind != change_kind::insert)
        image(row.name("before"), before_text_, must(before_text_.render(m, *table, reader.before())));
      if (m.kind != change_kind::remove)
        image(row.name("after"), after_text_,
              must(after_text_.render(m, *table, reader.after(), reader.before())));
      show(row);
    }
    if (m.ends_statement()) tables_.end_statement();
  }

  std::uint64_t from_;
  std::uint64_t offset_ = 0;
  bool inner_ = false;
  bool shown_ = true;
  table_cache tables_;
  event_decompressor decompressor_;
  payload_reader payload_;
  std::vector<cell> before_, after_;
  row_text before_text_, after_text_;
};

int run(const char* name, std::uint64_t from, std::size_t window) {
  std::ifstream file(name, std::ios::binary);
  if (!file) {
    std::cerr << "cannot read " << name << '\n';
    return 2;
  }
  printer print(from);
  event_reader reader;
  std::vector<std::uint8_t> buffer(window);
  std::size_t filled = 0;
  try {
    for (;;) {
      file.read(reinterpret_cast<char*>(buffer.data() + filled),
                static_cast<std::streamsize>(buffer.size() - filled));
      filled += static_cast<std::size_t>(file.gcount());
      bool ended = filled < buffer.size();
      reader.give(byte_view(buffer).first(filled));
      while (auto event = must(reader.next()))
        print.event(*event, reader.event_offset(), reader.format(), false);
      std::size_t left = reader.unread_bytes();
      std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(filled - left),
                buffer.begin() + static_cast<std::ptrdiff_t>(filled), buffer.begin());
      filled = left;
      if (ended) break;
      if (buffer.size() < reader.wanted_bytes()) buffer.resize(reader.wanted_bytes());
    }
  } catch (const failure& failed) {
    line out;
    out.number("at", reader.event_offset()).text("code", to_string(failed.error.code));
    out.number("offset", failed.error.offset).text("error", failed.error.field);
    out.print();
    return 1;
  }
  line out;
  out.number("end", reader.offset()).number("lost", filled);
  out.print();
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  std::uint64_t from = 0;
  std::size_t window = std::size_t{1} << 20;
  const char* name = nullptr;
  for (int i = 1; i < count; ++i) {
    std::string_view argument = arguments[i];
    if (argument == "--from" && i + 1 < count)
      from = std::stoull(arguments[++i]);
    else if (argument == "--window" && i + 1 < count)
      window = std::max<std::size_t>(std::stoull(arguments[++i]), 64);
    else
      name = arguments[i];
  }
  if (!name) {
    std::cerr << "usage: binlog_tool FILE [--from OFFSET] [--window BYTES]\n";
    return 2;
  }
  return run(name, from, window);
}
