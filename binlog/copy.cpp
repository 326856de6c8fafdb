#include "binlog/copy.hpp"

#include <algorithm>
#include <charconv>

#include "binlog/dump_request.hpp"
#include "binlog/number.hpp"
#include "binlog/row_text.hpp"
#include "binlog/table_of.hpp"
#include "core/json_text.hpp"

namespace tidewire::binlog {

namespace {

std::string identifier(std::string_view name) {
  std::string out = "`";
  for (char c : name) {
    if (c == '`') out += '`';
    out += c;
  }
  return out + "`";
}

enum class cell_text : std::uint8_t { as_it_is, binary, converted, float32, float64, vector };

struct selected {
  std::string expression;
  cell_text text = cell_text::as_it_is;
  const text_conversion* conversion = nullptr;
};

/// What to ask for, so that the value is the one that a row event has.
selected selected_of(const column_definition& of, bool zerofill) {
  std::string name = identifier(of.name);
  switch (of.type) {
    case column_type::float32: return {name + "+0e0", cell_text::float32};  // else it has six digits
    case column_type::float64: return {name + "+0e0", cell_text::float64};
    case column_type::bit: return {name + "+0"};
    case column_type::geometry: return {name, cell_text::binary};
    case column_type::vector: return {name, cell_text::vector};
    default: break;
  }
  if (zerofill) return {name + "+0"};
  if (!of.is_character() || of.hint != column_hint::none) return {name};
  if (of.text == charset::binary) return {name, cell_text::binary};
  // A server would make a question mark of what is no character in the column's set.
  std::string bytes = "CAST(" + name + " AS BINARY)";
  if (of.text == charset::other) return {bytes, cell_text::binary};
  if (of.text == charset::converted) return {bytes, cell_text::converted, of.conversion};
  return {name};
}

}  // namespace

conversation<copy_start> begin_copy(session& with, server_facts server) {
  copy_start start;
  start.resume = server.now;
  if (server.kind == position_kind::file)
    throw failure{failure_kind::refused, "TW-MY-SNAPSHOT",
                  "without GTIDs it can't be known which changes a snapshot has", "set gtid_mode=ON"};
  // A slow sink must not end the reading; a table that somebody has locked ends it soon.
  co_await text_query(with, "SET SESSION net_write_timeout=86400, lock_wait_timeout=60", "settings");
  co_await text_query(with, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "isolation level");
  if (!server.mariadb) {
    // What is in gtid_executed has been committed, and so is in a snapshot that is opened later.
    text_result sets = co_await text_query(with, "SELECT @@GLOBAL.gtid_executed", "reading GTIDs");
    start.resume.executed = well_formed(gtid_set::parse(sets.first()), "GTID set");
    std::string sql = server.number >= 80200 ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
    text_result status = co_await text_query(with, std::move(sql), "reading the binlog's place");
    start.place = std::string(status.first(0)) + ":" + std::string(status.first(1));
    co_await text_query(with, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", "opening a snapshot");
    co_return start;
  }
  co_await text_query(with, "START TRANSACTION WITH CONSISTENT SNAPSHOT", "opening a snapshot");
  text_result status =
      co_await text_query(with, "SHOW STATUS LIKE 'binlog_snapshot_%'", "reading the snapshot's place");
  std::string file, offset;
  for (const auto& row : status.rows) {
    if (row.size() != 2 || !row[0] || !row[1]) continue;
    if (*row[0] == "Binlog_snapshot_file") file = *row[1];
    if (*row[0] == "Binlog_snapshot_position") offset = *row[1];
  }
  bool plain = !file.empty() && file.find_first_of("'\\") == file.npos && !offset.empty() &&
               offset.find_first_not_of("0123456789") == offset.npos;
  if (!plain)
    throw failure{failure_kind::refused, "TW-MY-SNAPSHOT",
                  "the server does not tell the place of its snapshot", "is its binlog on?"};
  std::string sql = "SELECT BINLOG_GTID_POS('" + file + "'," + offset + ")";
  text_result at = co_await text_query(with, std::move(sql), "reading the snapshot's GTIDs");
  start.resume.domains = well_formed(mariadb_gtid_position::parse(at.first()), "GTID position");
  start.place = file + ":" + offset;
  start.exact = true;
  co_return start;
}

conversation<table_facts> tables_to_copy(session& with, std::vector<std::string> only) {
  text_result names = co_await text_query(
      with,
      "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type IN "
      "('BASE TABLE','SYSTEM VERSIONED') AND table_schema NOT IN "
      "('information_schema','performance_schema','sys','mysql')",
      "listing tables");
  std::optional<table_facts> all = co_await read_schema(with);
  if (!all) throw failure{failure_kind::refused, "TW-MY-SNAPSHOT", "the server has too many columns", ""};
  table_facts chosen;
  for (const auto& row : names.rows) {
    if (row.size() != 2 || !row[0] || !row[1]) continue;
    auto at = all->find(std::pair(*row[0], *row[1]));
    if (at == all->end()) continue;
    auto wanted = std::ranges::find(only, *row[0] + "." + *row[1]);
    bool listed = wanted != only.end();
    if (!only.empty() && !listed) continue;
    chosen.insert(*at);
  }
  for (const std::string& each : only)
    if (std::ranges::none_of(chosen,
                             [&](const auto& of) { return of.first.first + "." + of.first.second == each; }))
      throw failure{failure_kind::refused, "TW-MY-SNAPSHOT", "there is no table " + each,
                    "as schema.name; the account needs SELECT on it"};
  co_return chosen;
}

struct table_copier::plan {
  tidewire::table described;
  table_plan lines;
  std::vector<selected> columns;
  std::vector<std::optional<std::string_view>> cells;
  std::vector<value> values;
  text_buffer text;             // what is not given as it came
  std::size_t text_growth = 0;  // from a row's bytes, beside its numbers
  std::uint64_t rows = 0;

  value rendered(std::string_view from, const selected& as);
};

conversation<> table_copier::room() {
  while (!batch_) {
    lines_.rethrow();
    batch_ = lines_.acquire();
    if (!batch_) co_await with_.to.wait_wake();
  }
  writer_.write_to(*batch_);
  std::string fields = R"("pos":)" + json::quoted(start_.place);
  writer_.enter_read_fields(fields);
}

void table_copier::mark(const char* stage, const tidewire::table* of, std::optional<std::uint64_t> tables,
                        std::optional<std::uint64_t> rows) {
  snapshot_mark what;
  what.stage = stage;
  what.of = of;
  what.tables = tables;
  what.rows = rows;
  std::string fields = R"("pos":)" + json::quoted(start_.place);
  if (!of)
    fields += R"(,"position":)" + json::quoted(to_string(start_.resume)) + R"(,"exact":)" +
              (start_.exact ? "true" : "false");
  what.fields = fields;
  writer_.snapshot(what);
}

conversation<> table_copier::begin(std::size_t tables) {
  co_await room();
  mark("begin", nullptr, tables, std::nullopt);
}

conversation<> table_copier::end(std::size_t tables, checkpoint done) {
  co_await room();
  mark("end", nullptr, tables, rows_);
  std::size_t bytes = batch_->size();
  lines_.submit(std::exchange(batch_, nullptr), std::move(done), bytes);
}

/// A cell as its line has it: in `text`, which must have the room, or where it is.
value table_copier::plan::rendered(std::string_view from, const selected& as) {
  std::size_t begin = text.size();
  switch (as.text) {
    case cell_text::as_it_is: return {from.data(), static_cast<std::uint32_t>(from.size()), value_kind::text};
    case cell_text::binary: return {from.data(), static_cast<std::uint32_t>(from.size()), value_kind::binary};
    case cell_text::converted: {
      char* end = put_as_utf8(text.room(from.size() * worst_utf8_growth), *as.conversion, as_bytes(from));
      if (!end) return {from.data(), static_cast<std::uint32_t>(from.size()), value_kind::binary};
      text.end(end);
      break;
    }
    case cell_text::float32:
    case cell_text::float64: {
      double number = 0;
      auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), number);
      if (error != std::errc{} || end != from.data() + from.size())
        malformed("row", {decode_errc::bad_value, 0, "number"});
      char* at = text.room(float_text_size);
      text.end(as.text == cell_text::float32 ? put_float(at, static_cast<float>(number))
                                             : put_float(at, number));
      break;
    }
    case cell_text::vector:
      if (from.size() % 4) malformed("row", {decode_errc::bad_length, 0, "vector"});
      text.put('[');
      for (std::size_t at = 0; at < from.size(); at += 4) {
        if (at) text.put(',');
        auto bits = load_le<std::uint32_t>(as_bytes(from).data() + at);
        text.end(put_float(text.room(float_text_size), std::bit_cast<float>(bits)));
      }
      text.put(']');
  }
  return {text.data() + begin, static_cast<std::uint32_t>(text.size() - begin), value_kind::text};
}

void table_copier::row(byte_view payload, plan& of) {
  well_formed(decode_text_row(payload, of.cells), "row");
  of.text.clear_to(std::size_t{1} << 20);
  // Room for all that is rendered, so that it does not move.
  of.text.room(of.cells.size() * float_text_size + payload.size() * of.text_growth);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < of.cells.size(); ++i) {
    of.values[i] = {};
    if (!of.cells[i]) continue;
    of.values[i] = of.rendered(*of.cells[i], of.columns[i]);
    bytes += of.values[i].size;
  }
  writer_.read(of.lines, of.values, bytes);
  ++of.rows;
}

namespace {

/// An error that ends the reading of a table.
[[noreturn]] void throw_copy_error(const std::string& doing, byte_view payload) {
  try {
    throw_server_error(doing, payload);
  } catch (server_failure& why) {
    // An unknown column, no such table, its definition has changed since the snapshot.
    if (why.number == 1054 || why.number == 1146 || why.number == 1412) {
      why.kind = failure_kind::transient;
      why.code = "TW-MY-TABLE-CHANGED";
      why.hint = "a table was changed while it was copied: try again";
    }
    throw;
  }
}

}  // namespace

conversation<> table_copier::table(std::string schema, std::string name, std::vector<column_facts> columns) {
  plan of;
  table_definition defined = definition_of(schema, name, columns, mariadb_);
  of.described = table_of(defined);
  of.lines = table_plan(of.described);
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    bool zerofill = columns[i].type.ends_with(" zerofill");
    of.columns.push_back(selected_of(defined.columns[i], zerofill));
    if (of.columns.back().text == cell_text::vector) of.text_growth = 12;
    if (of.columns.back().text == cell_text::converted)
      of.text_growth = std::max(of.text_growth, worst_utf8_growth);
    sql += (i ? "," : "") + of.columns.back().expression;
  }
  sql += " FROM " + identifier(schema) + "." + identifier(name);
  of.cells.resize(columns.size());
  of.values.resize(columns.size());
  co_await room();
  mark("begin", &of.described, std::nullopt, std::nullopt);
  writer_.named_schema(of.described);

  std::string doing = "reading " + schema + "." + name;
  std::vector<std::uint8_t> request{command::query};
  request.insert(request.end(), sql.begin(), sql.end());
  co_await with_.command(std::move(request));
  byte_view payload = co_await with_.receive();
  if (payload[0] == error_head) throw_copy_error(doing, payload);
  // One packet for the number of columns, one for each of them, one that ends them.
  for (std::size_t i = 0; i < columns.size() + 1; ++i) payload = co_await with_.receive();
  if (!is_eof(payload)) malformed("end of columns", {decode_errc::unknown_tag, 0, "head"});
  for (;;) {
    payload = co_await with_.receive();
    if (payload[0] == error_head) throw_copy_error(doing, payload);
    if (is_eof(payload)) break;
    row(payload, of);
    if (batch_->size() < lines_.batch_bytes()) [[likely]]
      continue;
    lines_.submit(std::exchange(batch_, nullptr), std::nullopt, 0);
    co_await room();
  }
  rows_ += of.rows;
  mark("end", &of.described, std::nullopt, of.rows);
}

}  // namespace tidewire::binlog
