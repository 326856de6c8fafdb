#include "pgoutput/copy_session.hpp"

#include <charconv>

#include "wire/backend_query.hpp"
#include "wire/copy.hpp"
#include "wire/error_notice.hpp"
#include "wire/frontend.hpp"
#include "wire/query.hpp"
#include "wire/quote.hpp"

namespace tidewire::pgoutput {
namespace {

constexpr const char* begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ";

[[noreturn]] void snapshot_lost(const wire::server_failure& why) {
  throw failure{failure_kind::transient, "TW-PG-SNAPSHOT-LOST",
                std::string("the snapshot can't be used any more: ") + why.what(),
                "the connection that held it has ended; the copy goes on with a new one"};
}

bool is_lost_snapshot(const wire::server_failure& why) {
  std::string_view state = why.sqlstate();
  // Malformed or unknown name; it is gone; its process is gone.
  return why.details.message().find("snapshot") != std::string_view::npos &&
         (state == "22023" || state == "42704" || state == "55000" || state == "58P01");
}

/// What a server says of a table that is not what it was, as what it means for the copy.
[[noreturn]] void about_table(const wire::server_failure& why, const stored_part& part) {
  std::string_view state = why.sqlstate();
  if (state == "42P01" || state == "3F000")
    throw failure{failure_kind::refused, "TW-PG-TABLE-GONE",
                  "the table " + part.name + " was dropped or renamed while it was being copied",
                  "start again: what has been copied stays, and the copy goes on with the tables that the "
                  "publications list then"};
  if (state == "42501")
    throw failure{failure_kind::refused, "TW-PG-TABLE-PRIVILEGE",
                  "the table " + part.name + " can't be read: " + why.details.whole(),
                  "GRANT SELECT on it (and USAGE on its schema) to the role; under row level security the "
                  "role needs BYPASSRLS. Then start again: the copy goes on"};
  // A column that is gone, a type that changed.
  if (state == "42703" || state == "42883" || state == "XX000" || state == "42809")
    throw failure{failure_kind::transient, "TW-PG-TABLE-CHANGED",
                  "the table " + part.name + " was altered while it was being copied: " + why.details.whole(),
                  "it is read again with a newer snapshot"};
  throw wire::server_failure(why);
}

wire::error_details error_of(byte_view body) {
  return wire::details_of(wire::well_formed(wire::decode_error_response(body), "ErrorResponse"));
}

}  // namespace

conversation<server_facts> ask_plain_server(wire::session& with) {
  wire::result_set found = co_await wire::query(
      with,
      "SELECT pg_catalog.current_setting('server_version_num'), s.system_identifier, c.timeline_id, "
      "pg_catalog.current_database(), pg_catalog.pg_is_in_recovery() "
      "FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c");
  auto number = [&found](std::size_t column, auto& into) {
    std::string_view text = found.first(column);
    std::from_chars(text.data(), text.data() + text.size(), into);
  };
  server_facts server;
  number(0, server.version);
  server.system_identifier = found.first(1);
  number(2, server.timeline);
  server.database = found.first(3);
  server.in_recovery = found.first(4) == "t";
  if (server.major() < 11)
    throw failure{failure_kind::refused, "TW-PG-VERSION",
                  "this is Postgres " + std::to_string(server.major()) + "; it takes 11 or newer",
                  "upgrade the server"};
  co_return server;
}

conversation<> prepare_copy(wire::session& with, int version) {
  // Such a database vouches for no encoding: see ask_server.
  auto encoding = with.parameters.find("server_encoding");
  std::string sql;
  if (encoding != with.parameters.end() && encoding->second == "SQL_ASCII")
    sql += "SET client_encoding = 'SQL_ASCII'; ";
  sql +=
      "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
      "SET synchronize_seqscans = off; SET max_parallel_workers_per_gather = 0; SET row_security = off; "
      "SET jit = off";
  if (version >= 140'000) sql += "; SET idle_session_timeout = 0; SET enable_tidscan = on";
  if (version >= 170'000) sql += "; SET transaction_timeout = 0";
  co_await wire::query(with, sql, "could not set up the session");
}

conversation<exported_snapshot> share_snapshot(wire::session& with, std::string of_slot, wire::lsn at) {
  std::string sql = begin_reading;
  if (!of_slot.empty()) sql += "SET TRANSACTION SNAPSHOT " + wire::quote_literal(of_slot) + "; ";
  // Only after its first row does the snapshot stand: what the position is asked for then is not before it.
  sql +=
      "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.txid_current_snapshot(), "
      "CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() "
      "ELSE pg_catalog.pg_current_wal_insert_lsn() END";
  exported_snapshot made;
  try {
    wire::result_set found = co_await wire::query(with, sql, "could not export a snapshot");
    made.name = found.first(0);
    made.seen.visible = found.first(1);
    made.seen.at = at.valid() ? at : wire::parse_lsn(found.first(2)).value_or(wire::lsn{});
  } catch (const wire::server_failure& why) {
    if (!of_slot.empty() && is_lost_snapshot(why)) snapshot_lost(why);
    throw;
  }
  if (!bounds_of(made.seen.visible) || made.name.empty() || !made.seen.at.valid())
    throw failure{failure_kind::refused, "TW-PG-UNEXPECTED", "the server's snapshot makes no sense",
                  "is this a Postgres server, and nothing between it and here?"};
  co_return made;
}

conversation<> open_part(wire::session& with, std::string snapshot, const stored_part& part) {
  std::string sql = with.transaction_status == 'I' ? "" : "ROLLBACK; ";
  sql += begin_reading;
  sql += "SET TRANSACTION SNAPSHOT " + wire::quote_literal(snapshot) + "; SELECT FROM ONLY " + part.name +
         " LIMIT 0; SELECT pg_catalog.to_regclass(" + wire::quote_literal(part.name) +
         ")::pg_catalog.oid, pg_catalog.pg_relation_filenode(" + std::to_string(part.oid) + ")";
  wire::result_set found;
  try {
    found = co_await wire::query(with, sql, "could not open " + part.name);
  } catch (const wire::server_failure& why) {
    if (is_lost_snapshot(why)) snapshot_lost(why);
    about_table(why, part);
  }
  // Another table of that name, or other blocks than those that the snapshot's transactions wrote.
  if (found.first(0) != std::to_string(part.oid) || found.first(1) != std::to_string(part.file))
    throw failure{
        failure_kind::transient, "TW-PG-TABLE-CHANGED",
        "the table " + part.name + " was rewritten, truncated or replaced since the snapshot was taken",
        "it is read again with a newer snapshot"};
}

conversation<> end_part(wire::session& with) {
  if (with.transaction_status != 'I') co_await wire::query(with, "ROLLBACK");
}

conversation<bool> copy_one(wire::session& with, copy_round& round, const copy_chunk& chunk, copy_rows& rows,
                            copy_round::worker& into, const copy_control& control) {
  constexpr std::size_t frame_head = 5;  // tag and length
  const stored_part& part = round.part_of(chunk);
  std::string sql = round.query_of(chunk);
  into.begin(chunk);
  rows.begin(round.lines_of(chunk), round.position());
  encoder out = with.out();
  wire::encode_query(out, sql);
  co_await with.send(out);
  bool ready = false;
  while (!ready) {
    if (!into.has_room()) [[unlikely]] {
      while (!into.has_room() && !control.stop) co_await with.to.wait_wake();
    }
    if (control.stop) [[unlikely]]
      co_return false;
    std::optional<byte_view> frame = co_await with.to.receive_or_wake();
    if (!frame) continue;
    byte_view bytes = *frame;
    if (bytes.size() > frame_head && bytes[0] == static_cast<std::uint8_t>(wire::backend_tag::copy_data) &&
        !with.on_trace) [[likely]] {
      round.received(bytes.size() - frame_head);
      rows.write_to(into.buffer());
      rows.take(bytes.subspan(frame_head));
      into.wrote();
      continue;
    }
    std::optional<wire::backend_message> message = with.take(bytes);
    if (!message) continue;
    switch (message->tag) {
      case wire::backend_tag::copy_out_response:
        wire::well_formed(wire::decode_copy_response(message->body), "CopyOutResponse");
        break;
      case wire::backend_tag::copy_data:
        rows.write_to(into.buffer());
        rows.take(message->body);
        into.wrote();
        break;
      case wire::backend_tag::copy_done: rows.end(); break;
      case wire::backend_tag::command_complete: break;
      case wire::backend_tag::ready_for_query: ready = true; break;
      case wire::backend_tag::error_response: {
        wire::server_failure why{"COPY of " + part.name + " failed", error_of(message->body)};
        about_table(why, part);
      }
      default: wire::unexpected_message(*message, "a COPY");
    }
  }
  rows.end();
  while (!into.finish(rows.rows())) {
    if (control.stop) co_return false;
    co_await with.to.wait_wake();
  }
  co_return true;
}

}  // namespace tidewire::pgoutput
