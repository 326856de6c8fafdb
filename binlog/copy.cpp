#include "binlog/copy.hpp"

#include <algorithm>

#include "binlog/dump_request.hpp"
#include "binlog/sql_text.hpp"

namespace tidewire::binlog {

namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& hint) {
  throw failure{failure_kind::refused, "TW-MY-SNAPSHOT", what, hint};
}

/// Of MariaDB: what the server says of the snapshot that is open.
conversation<std::string> place_of_snapshot(session& with) {
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
  if (!plain) refuse("the server does not tell the place of its snapshot", "is its binlog on?");
  co_return file + ":" + offset;
}

}  // namespace

conversation<> prepare_copy(session& with, const server_facts& server) {
  // A slow sink must not end the reading; a table that somebody has locked ends it soon.
  std::string sql =
      "SET SESSION net_write_timeout=86400, wait_timeout=86400, lock_wait_timeout=60, "
      "sql_select_limit=DEFAULT, sql_big_selects=1";
  sql += server.mariadb
             ? ", max_statement_time=0, idle_transaction_timeout=0, idle_readonly_transaction_timeout=0"
               // Of a long list it would make a table.
               ", in_predicate_conversion_threshold=0"
             : ", max_execution_time=0";
  // Else sizes may be a day old.
  if (!server.mariadb && server.number >= 80003) sql += ", information_schema_stats_expiry=0";
  co_await text_query(with, std::move(sql), "settings");
  co_await text_query(with, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "isolation level");
}

conversation<std::string> open_snapshot(session& with, bool mariadb) {
  // One that is open already ends by it.
  std::string sql = "START TRANSACTION WITH CONSISTENT SNAPSHOT";
  if (!mariadb) sql += ", READ ONLY";
  co_await text_query(with, std::move(sql), "opening a snapshot");
  std::string place;
  if (mariadb) place = co_await place_of_snapshot(with);
  co_return place;
}

void check_can_copy(const server_facts& server) {
  if (server.kind == position_kind::file)
    refuse("without GTIDs it can't be known which changes a snapshot has", "set gtid_mode=ON");
}

conversation<copy_start> place_now(session& with, const server_facts& server) {
  copy_start start;
  start.resume = server.now;
  text_result sets = co_await text_query(with, "SELECT @@GLOBAL.gtid_executed", "reading GTIDs");
  start.resume.executed = well_formed(gtid_set::parse(sets.first()), "GTID set");
  std::string sql = server.number >= 80200 ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
  text_result status = co_await text_query(with, std::move(sql), "reading the binlog's place");
  start.place = std::string(status.first(0)) + ":" + std::string(status.first(1));
  co_return start;
}

conversation<copy_start> begin_copy(session& with, server_facts server, xa_care care) {
  copy_start start;
  xa_looks looks;
  auto patience = care == xa_care::at_once ? xa_looks::patience::at_once : xa_looks::patience::waits;
  for (bool good = false; !good;) {
    if (care != xa_care::none) co_await looks.before(with, patience);
    // MySQL: what is in gtid_executed has been committed, and so is in a snapshot that is opened later.
    // MariaDB: place and snapshot are one.
    if (server.mariadb)
      start.place = co_await open_snapshot(with, true);
    else
      start = co_await place_now(with, server);
    good = care == xa_care::none;
    if (!good) good = co_await looks.after(with);
  }
  start.saw_prepared = looks.may_look();
  if (!server.mariadb) {
    co_await open_snapshot(with, false);
    co_return start;
  }
  start.resume = server.now;
  std::size_t colon = start.place.rfind(':');
  std::string sql =
      "SELECT BINLOG_GTID_POS('" + start.place.substr(0, colon) + "'," + start.place.substr(colon + 1) + ")";
  text_result at = co_await text_query(with, std::move(sql), "reading the snapshot's GTIDs");
  start.resume.domains = well_formed(mariadb_gtid_position::parse(at.first()), "GTID position");
  start.exact = true;
  co_return start;
}

namespace {

/// An error that ends the reading of a table, as it may be one of its change.
void if_changed(server_failure& why) {
  // An unknown column, no such table, no such key, its definition has changed since the snapshot.
  if (why.number != 1054 && why.number != 1146 && why.number != 1176 && why.number != 1412) return;
  why.kind = failure_kind::transient;
  why.code = "TW-MY-TABLE-CHANGED";
  why.hint = "the table was changed while it was copied: it is read again as it is now";
}

[[noreturn]] void throw_copy_error(const std::string& doing, byte_view payload) {
  try {
    throw_server_error(doing, payload);
  } catch (server_failure& why) {
    if_changed(why);
    throw;
  }
}

/// MySQL reads an index from its beginning, and not only a range that is a list of labels, where nothing but
/// the index is asked for.
std::string more_than_key(const copy_table& of) {
  if (!of.key->lists_labels) return {};
  for (const column_facts& each : of.columns)
    if (std::ranges::find(of.key->columns, each.name, &key_column::name) == of.key->columns.end())
      return "," + sql_name(each.name) + " IS NULL";
  return {};
}

/// The key of the row that the chunk is to end with; empty: there are not so many, or it has no literals.
conversation<key_values> find_bound(session& with, const copy_table& of, key_range range,
                                    std::uint64_t rows) {
  std::string sql = "SELECT " + selected_key(*of.key) + more_than_key(of) + " FROM " +
                    sql_name(of.schema, of.name) + range_clause(*of.key, range) + " LIMIT 1 OFFSET " +
                    std::to_string(rows - 1);
  text_result found;
  try {
    found = co_await text_query(with, std::move(sql), "reading " + of.text());
  } catch (server_failure& why) {
    if_changed(why);
    throw;
  }
  key_values key;
  if (found.rows.empty()) co_return key;
  for (const auto& each : found.rows[0])
    if (key.size() < of.key->columns.size()) key.push_back(each.value_or(""));
  if (key == range.after)
    malformed("key", {decode_errc::bad_value, 0, "a row that is not behind the one before it"});
  if (!has_literals(*of.key, key)) key.clear();
  co_return key;
}

/// True while not stopped.
conversation<bool> wait_for_room(session& with, copy_round::worker& into, const copy_control& control) {
  while (!control.stop && !into.has_room()) co_await with.to.wait_wake();
  co_return !control.stop;
}

/// The result's head: how many columns, each of them, their end.
conversation<> take_columns(session& with, std::string doing, std::size_t columns) {
  byte_view payload = co_await with.receive();
  if (payload[0] == error_head) throw_copy_error(doing, payload);
  for (std::size_t i = 0; i < columns + 1; ++i) payload = co_await with.receive();
  if (!is_eof(payload)) malformed("end of columns", {decode_errc::unknown_tag, 0, "head"});
}

conversation<bool> copy_rows_of(session& with, copy_round::worker& into, copy_rows& rows, std::string sql,
                                std::string doing, const copy_control& control) {
  std::vector<std::uint8_t> request{command::query};
  request.insert(request.end(), sql.begin(), sql.end());
  co_await with.command(std::move(request));
  co_await take_columns(with, doing, rows.columns());
  for (;;) {
    if (!into.has_room()) [[unlikely]] {
      bool room = co_await wait_for_room(with, into, control);
      if (!room) co_return false;
    }
    std::optional<byte_view> frame = co_await with.to.receive_or_wake();
    if (control.stop) co_return false;
    if (!frame) continue;
    byte_view payload = with.take(*frame);
    if (payload[0] == error_head) throw_copy_error(doing, payload);
    if (is_eof(payload)) co_return true;
    rows.write_to(into.buffer());
    rows.take(payload);
    into.wrote(payload.size());
    if (into.full()) [[unlikely]]
      into.hand_over(rows.key(), with.to.now());
  }
}

conversation<bool> copy_one(session& with, copy_round& round, copy_chunk chunk, copy_round::worker& into,
                            const copy_control& control) {
  const copy_table& table = round.table_of(chunk);
  copy_rows rows(table, round.mariadb());
  rows.begin(into.fields());
  bool room = co_await wait_for_room(with, into, control);
  if (!room) co_return false;
  into.begin(chunk, rows.described());
  if (chunk.splits) {
    key_values up_to = co_await find_bound(with, table, round.range_of(chunk), round.chunk_rows(chunk));
    round.split(chunk, std::move(up_to));
  }
  bool done = co_await copy_rows_of(with, into, rows, rows.query(round.range_of(chunk)),
                                    "reading " + table.text(), control);
  if (!done) co_return false;
  room = co_await wait_for_room(with, into, control);
  if (!room) co_return false;
  into.finish(rows.described(), with.to.now());
  co_return true;
}

}  // namespace

conversation<bool> copy_tables(session& with, copy_round& round, copy_round::worker& into,
                               const copy_control& control) {
  while (!control.stop) {
    std::optional<copy_chunk> chunk = round.next();
    if (chunk) {
      bool done = co_await copy_one(with, round, *chunk, into, control);
      if (!done) co_return false;
    } else if (round.waits()) {
      co_await with.to.wait_wake();
    } else {
      co_return true;
    }
  }
  co_return false;
}

}  // namespace tidewire::binlog
