#include "pgoutput/preflight.hpp"

#include <algorithm>
#include <charconv>

#include "pgoutput/open_transaction.hpp"
#include "pgoutput/slot_record.hpp"
#include "wire/copy.hpp"
#include "wire/frontend.hpp"
#include "wire/query.hpp"
#include "wire/quote.hpp"

namespace tidewire::pgoutput {
namespace {

constexpr std::size_t max_name_bytes = 63;

template <class T>
T number_of(std::string_view text) {
  T number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

wire::lsn lsn_of(std::string_view text) {
  return wire::parse_lsn(text).value_or(wire::lsn{});
}

[[noreturn]] void refuse(const char* code, const std::string& text, const std::string& hint) {
  throw failure{failure_kind::refused, code, text, hint};
}

/// What is missing from an answer, or is not of its form, must not pass for a 0: it would switch checks off.
[[noreturn]] void odd_answer(const char* what, std::string_view found) {
  refuse("TW-PG-UNEXPECTED", "the server says \"" + std::string(found) + "\" where it should say " + what,
         "is this a Postgres server, and nothing between it and here?");
}

std::string text_in(const wire::result_set& found, std::size_t column, const char* what) {
  if (found.first(column).empty()) odd_answer(what, "");
  return std::string(found.first(column));
}

template <class T>
T number_in(const wire::result_set& found, std::size_t column, const char* what) {
  std::string_view text = found.first(column);
  T number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) odd_answer(what, text);
  return number;
}

wire::lsn lsn_in(const wire::result_set& found, std::size_t column, const char* what) {
  auto at = wire::parse_lsn(found.first(column));
  if (!at) odd_answer(what, found.first(column));
  return *at;
}

/// The record that ends where a page begins is followed by that page's header: the server counts it as
/// inserted although there is nothing to send of it.
wire::lsn before_page_header(wire::lsn at) {
  constexpr std::uint64_t page = 8192, longest_header = 40;
  return at.value % page <= longest_header ? wire::lsn{at.value - at.value % page} : at;
}

void need_version(const server_facts& server, int major, bool asked, const char* what) {
  if (asked && server.major() < major)
    refuse("TW-PG-OPTION-VERSION",
           std::string(what) + " takes Postgres " + std::to_string(major) + "; this is " +
               std::to_string(server.major()),
           "leave the option out");
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + wire::quote_identifier(name);
  return text;
}

unsigned newest_protocol(const server_facts& server) {
  return server.major() >= 16 ? 4 : server.major() == 15 ? 3 : server.major() == 14 ? 2 : 1;
}

unsigned protocol_for(const server_facts& server, const source_settings& settings) {
  return settings.protocol.value_or(newest_protocol(server));
}

/// Who keeps a slot from being made: transactions that have written and not ended.
conversation<std::string> blockers(wire::session& with) {
  wire::result_set found = co_await wire::query(with, std::string(open_transactions_sql));
  std::string text;
  for (const open_transaction& each : open_transactions_of(found))
    text += (text.empty() ? "" : "; ") + to_string(each);
  co_return text.empty() ? "none that can be seen now" : text;
}

std::string create_command(const server_facts& server, const source_settings& settings) {
  std::string command = "CREATE_REPLICATION_SLOT " + wire::quote_identifier(settings.slot);
  if (settings.temporary_slot) command += " TEMPORARY";
  command += " LOGICAL pgoutput ";
  if (server.major() < 15)
    return command + (settings.export_snapshot ? "EXPORT_SNAPSHOT" : "NOEXPORT_SNAPSHOT");
  command += settings.export_snapshot ? "(SNAPSHOT 'export'" : "(SNAPSHOT 'nothing'";
  if (settings.two_phase) command += ", TWO_PHASE true";
  if (settings.failover) command += ", FAILOVER true";
  return command + ")";
}

conversation<slot_facts> create_slot(wire::session& with, const server_facts& server,
                                     const source_settings& settings) {
  // The wait for open transactions knows no statement_timeout, and a client that just goes away would leave
  // the slot half made for as long as it lasts.
  std::string timeout = std::to_string(std::max<std::int64_t>(1, settings.lock_timeout.count()));
  co_await wire::query(with,
                       "SET lock_timeout = " + timeout + "; SET idle_in_transaction_session_timeout = 0");
  slot_facts slot;
  bool blocked = false;
  try {
    std::string command = create_command(server, settings);
    wire::result_set made = co_await wire::query(with, command, "could not create the slot " + settings.slot);
    slot.exists = slot.made_now = true;
    slot.confirmed = lsn_in(made, 1, "where the new slot begins");
    if (settings.export_snapshot) slot.snapshot = made.first(2);
  } catch (const wire::server_failure& error) {
    if (error.sqlstate() != "55P03") throw;
    blocked = true;
  }
  if (blocked) {
    std::string who = co_await blockers(with);
    throw failure{failure_kind::transient, "TW-PG-SLOT-BLOCKED",
                  "the slot " + settings.slot + " could not be made within " + timeout +
                      " ms: transactions that have written are open: " + who,
                  "end them (or wait), then try again; --lock-timeout waits longer. No slot was left behind"};
  }
  // Another command would end the snapshot.
  if (slot.snapshot.empty()) co_await wire::query(with, "SET lock_timeout = 0");
  co_return slot;
}

void check_slot_kind(const slot_record& slot, const server_facts& server) {
  std::string name = "the slot " + slot.name;
  if (!slot.logical) refuse("TW-PG-SLOT-KIND", name + " is a physical slot", "use another name");
  if (slot.plugin != "pgoutput")
    refuse("TW-PG-SLOT-KIND", name + " uses the plugin " + slot.plugin + " instead of pgoutput",
           "use another name");
  if (slot.database != server.database)
    refuse("TW-PG-SLOT-DATABASE",
           name + " belongs to the database " + slot.database + ", this is " + server.database,
           "connect to that database, or use another name");
}

void check_slot_alive(const slot_record& slot, const server_facts& server) {
  if (!slot.invalidation.empty())
    refuse("TW-PG-SLOT-LOST",
           "the slot " + slot.name + " is lost (" + slot.invalidation +
               "): the server has dropped WAL that it still needed",
           "changes are missing for good: drop the slot and start anew with a new copy. Raise "
           "max_slot_wal_keep_size (or idle_replication_slot_timeout) so that it does not come again");
  if (server.in_recovery && slot.synced)
    refuse(
        "TW-PG-SLOT-SYNCED",
        "the slot " + slot.name + " is being synchronised from the primary; this standby can't hand it out",
        "connect to the primary (target_session_attrs=primary), or promote this server");
}

}  // namespace

void check_settings(const source_settings& settings) {
  auto legal = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (settings.slot.empty() || settings.slot.size() > max_name_bytes ||
      !std::ranges::all_of(settings.slot, legal))
    throw failure{failure_kind::usage, "TW-USAGE-SLOT-NAME",
                  "\"" + settings.slot + "\" is no name for a slot",
                  "1 to 63 lower-case letters, digits and underscores"};
  auto unfit = [](const std::string& name) { return name.empty() || name.size() > max_name_bytes; };
  if (settings.publications.empty() || std::ranges::any_of(settings.publications, unfit))
    throw failure{failure_kind::usage, "TW-USAGE-OPTION", "a publication's name has 1 to 63 bytes",
                  "--publication takes one or several names, separated by commas"};
}

conversation<server_facts> ask_server(wire::session& with) {
  // Such a database vouches for no encoding: the server would refuse to convert what is not UTF-8, and
  // nothing of it could be read.
  auto encoding = with.parameters.find("server_encoding");
  if (encoding != with.parameters.end() && encoding->second == "SQL_ASCII")
    co_await wire::query(with, "SET client_encoding = 'SQL_ASCII'");
  wire::result_set system = co_await wire::query(with, "IDENTIFY_SYSTEM");
  server_facts server;
  server.system_identifier = text_in(system, 0, "its system identifier");
  server.timeline = number_in<std::uint32_t>(system, 1, "its timeline");
  server.database = text_in(system, 3, "the database's name");
  wire::result_set more = co_await wire::query(
      with,
      "SELECT current_setting('server_version_num'), pg_is_in_recovery(), "
      "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END, "
      "(SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout')");
  server.version = number_in<int>(more, 0, "its version");
  server.in_recovery = more.first(1) == "t";
  server.now = before_page_header(lsn_in(more, 2, "how far it is"));
  server.wal_sender_timeout =
      std::chrono::milliseconds{number_in<std::int64_t>(more, 3, "its wal_sender_timeout")};
  co_return server;
}

conversation<> check_server(wire::session& with, const server_facts& server,
                            const source_settings& settings) {
  if (server.version < oldest_server_version)
    refuse("TW-PG-VERSION", "this is Postgres " + std::to_string(server.major()) + "; it takes 11 or newer",
           "upgrade the server");
  need_version(server, 14, settings.binary, "--binary");
  need_version(server, 14, settings.messages, "--messages");
  need_version(server, 15, settings.two_phase, "--two-phase");
  need_version(server, 16, !settings.origin.empty(), "--origin");
  need_version(server, 17, settings.failover, "--failover");
  if (settings.protocol && *settings.protocol > newest_protocol(server))
    refuse("TW-PG-OPTION-VERSION",
           "Postgres " + std::to_string(server.major()) + " speaks pgoutput's protocol up to version " +
               std::to_string(newest_protocol(server)),
           "leave --protocol out");
  // Since 19 the first logical slot raises the level by itself.
  wire::result_set level = co_await wire::query(with, "SHOW wal_level");
  if (server.major() < 19 && level.first() != "logical")
    refuse("TW-PG-WAL-LEVEL", "wal_level is " + std::string(level.first()) + ", not logical",
           "set wal_level = logical (at hosters a switch of their own) and restart the server; tidewire "
           "check says how "
           "where this one runs");
  std::string names;
  for (const std::string& name : settings.publications)
    names += (names.empty() ? "" : ", ") + wire::quote_literal(name);
  wire::result_set found =
      co_await wire::query(with, "SELECT pubname FROM pg_publication WHERE pubname IN (" + names + ")");
  std::vector<std::string> missing = settings.publications;
  for (const auto& row : found.rows)
    if (!row.empty()) std::erase(missing, row[0].value_or(""));
  if (!missing.empty())
    refuse("TW-PG-PUBLICATION-MISSING",
           "there is no publication " + joined(missing) + " in " + server.database,
           "CREATE PUBLICATION " + wire::quote_identifier(missing[0]) + " FOR ALL TABLES (or FOR TABLE …)");
}

conversation<slot_facts> find_slot(wire::session& with, const server_facts& server,
                                   const source_settings& settings, bool may_create) {
  if (settings.temporary_slot) {
    slot_facts made = co_await create_slot(with, server, settings);
    co_return made;
  }
  std::string sql = slots_sql("slot_name = " + wire::quote_literal(settings.slot));
  wire::result_set found = co_await wire::query(with, sql);
  if (found.rows.empty()) {
    if (!may_create)
      refuse("TW-PG-SLOT-MISSING", "there is no slot " + settings.slot + " on this server any more",
             "what was committed since the last stored position can't be read: start anew with a new slot, a "
             "new "
             "position and a new copy");
    if (!settings.create_slot)
      refuse("TW-PG-SLOT-MISSING", "there is no slot " + settings.slot + " on this server",
             "make it with --create-slot, or name another one with --slot");
    slot_facts made = co_await create_slot(with, server, settings);
    co_return made;
  }
  slot_record record = slot_of(found.rows[0]);
  check_slot_kind(record, server);
  check_slot_alive(record, server);
  slot_facts slot;
  slot.exists = true;
  // NULL while somebody else is still making it.
  if (!found.first(slot_confirmed_column).empty())
    slot.confirmed = lsn_in(found, slot_confirmed_column, "how far the slot is confirmed");
  co_return slot;
}

conversation<> check_position(wire::session& with, const server_facts& server, const slot_facts& slot,
                              wire::lsn position, std::uint32_t timeline) {
  if (slot.confirmed > position)
    refuse("TW-PG-SLOT-AHEAD",
           "the slot begins at " + to_string(slot.confirmed) + ", the stored position is " +
               to_string(position) + ": somebody else has moved the slot on, or made it anew",
           "the changes between can't be read any more: start anew with a new slot, a new position and a new "
           "copy");
  // A slot that was made after `now` was asked for shows that the server has come further.
  wire::lsn reached = std::max(server.now, slot.confirmed);
  if (position > reached && before_page_header(position) > reached)
    refuse(
        "TW-PG-HISTORY",
        "the stored position " + to_string(position) + " is ahead of the server, which is at " +
            to_string(reached),
        "the server was restored or failed over and has lost what was read already: compare the data, then "
        "start anew");
  if (timeline == 0 || timeline == server.timeline) co_return;
  std::string command = "TIMELINE_HISTORY " + std::to_string(server.timeline);
  wire::result_set history = co_await wire::query(with, command, "could not read the server's history");
  // Lines of: timeline, where it was left, why.
  std::string_view left(history.first(1));
  while (!left.empty()) {
    std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    if (number_of<std::uint32_t>(line) != timeline) continue;
    std::size_t at = line.find_first_of("\t ");
    std::string_view rest = at == line.npos ? line.substr(line.size()) : line.substr(at + 1);
    wire::lsn switched = lsn_of(rest.substr(0, rest.find_first_of("\t ")));
    if (position <= switched) co_return;
    refuse("TW-PG-HISTORY",
           "the server left the timeline " + std::to_string(timeline) + " at " + to_string(switched) +
               ", before the stored position " + to_string(position),
           "after the failover some of what was read never happened: compare the data, then start anew");
  }
  refuse("TW-PG-HISTORY",
         "the stored position was reached on the timeline " + std::to_string(timeline) +
             ", which the server's timeline " + std::to_string(server.timeline) + " does not descend from",
         "this server has another history: check where you are connected");
}

conversation<> start_replication(wire::session& with, const server_facts& server,
                                 const source_settings& settings, wire::lsn from) {
  unsigned protocol = protocol_for(server, settings);
  std::string command = "START_REPLICATION SLOT " + wire::quote_identifier(settings.slot) + " LOGICAL " +
                        to_string(from) + " (proto_version '" + std::to_string(protocol) +
                        "', publication_names " + wire::quote_literal(joined(settings.publications));
  if (settings.binary) command += ", binary 'true'";
  if (settings.messages) command += ", messages 'true'";
  if (settings.streaming && protocol >= 2) command += ", streaming 'on'";
  if (settings.two_phase) command += ", two_phase 'on'";
  if (!settings.origin.empty()) command += ", origin " + wire::quote_literal(settings.origin);
  command += ")";
  encoder out = with.out();
  wire::encode_query(out, command);
  co_await with.send(out);
  wire::backend_message message = co_await with.receive();
  if (message.tag == wire::backend_tag::copy_both_response) {
    wire::well_formed(wire::decode_copy_response(message.body), "CopyBothResponse");
    co_return;
  }
  if (message.tag != wire::backend_tag::error_response)
    unexpected_message(message, "the start of the stream");
  auto view = wire::well_formed(wire::decode_error_response(message.body), "ErrorResponse");
  wire::server_failure error{"could not start the stream of slot " + settings.slot, wire::details_of(view)};
  if (error.sqlstate() == "55000" || error.sqlstate() == "58P01") {
    error.kind = failure_kind::refused;
    error.code = "TW-PG-SLOT-LOST";
    error.hint = "if the slot is lost, drop it and start anew with a new copy; raise max_slot_wal_keep_size";
  }
  throw error;
}

}  // namespace tidewire::pgoutput
