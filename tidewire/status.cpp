#include "tidewire/status.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "core/json_text.hpp"
#include "pgoutput/position.hpp"
#include "pgoutput/slot_status.hpp"
#include "tidewire/log.hpp"
#include "tidewire/progress.hpp"
#include "tidewire/status_text.hpp"
#include "wire/connect.hpp"
#include "wire/query.hpp"

namespace tidewire {
namespace {

struct found {
  std::optional<seen_position> position;
  std::optional<pgoutput::slot_status> slot;
  std::optional<std::uint64_t>
      lag_bytes;  // from the stored position, or what the slot has confirmed, to the server's
};

pgoutput::slot_status ask(const status_options& options) {
  asio::io_context io{1};
  std::exception_ptr error;
  pgoutput::slot_status status;
  wire::connection_options source = wire::parse_connection_string(options.url);
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        wire::connect_settings how;
        how.application_name = "tidewire status";
        how.read_deadline = std::chrono::seconds{30};
        how.on_warning = [](const std::string& text) { log(log_level::warning, "", text); };
        std::unique_ptr<wire::client> with = co_await wire::connect(source, how);
        status = co_await with->run(pgoutput::ask_slot(with->talk, options.slot));
        co_await with->run(wire::terminate(with->talk));
      },
      [&](std::exception_ptr ended) { error = ended; });
  io.run();
  if (error) std::rethrow_exception(error);
  return status;
}

// ---- For people

std::string retained_text(const pgoutput::slot_status& slot) {
  if (!slot.retained_bytes) return "nothing";
  std::string text = human_bytes(*slot.retained_bytes) + " of WAL";
  if (!slot.limit_bytes) return text + ", without a limit";
  return text + ", " + std::to_string(*slot.used_percent()) + " % of the limit of " +
         human_bytes(*slot.limit_bytes);
}

std::string slot_text(const status_options& options, const pgoutput::slot_status& slot) {
  if (!slot.exists) return options.slot + ", which does not exist";
  if (!slot.lost_because.empty()) return options.slot + ", lost: " + slot.lost_because;
  if (!slot.active_pid) return options.slot + ", nobody reads it";
  std::string text = options.slot + ", read by " + (slot.client.empty() ? "somebody" : slot.client) +
                     " (PID " + std::to_string(*slot.active_pid) + ")";
  if (slot.reply_age) text += ", heard from " + seconds_text(slot.reply_age->count() / 1000) + " ago";
  return text;
}

void print_text(const status_options& options, const found& what) {
  if (what.position) print_position(options.position_file, *what.position);
  if (!what.slot) return;
  const pgoutput::slot_status& slot = *what.slot;
  print_line("server", "Postgres " + slot.server_version + ", database " + slot.database + ", at " +
                           to_string(slot.now));
  print_line("slot", slot_text(options, slot));
  if (!slot.exists) return;
  print_line("confirmed", to_string(slot.confirmed));
  print_line("retained", retained_text(slot));
  if (what.lag_bytes) print_line("lag", human_bytes(*what.lag_bytes) + " behind the server");
}

// ---- For programs

std::string slot_json(const status_options& options, const pgoutput::slot_status& slot) {
  if (!slot.exists) return R"({"name":)" + json::quoted(options.slot) + R"(,"exists":false})";
  std::optional<std::uint64_t> pid, reply_age_ms;
  if (slot.active_pid) pid = static_cast<std::uint64_t>(*slot.active_pid);
  if (slot.reply_age)
    reply_age_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(0, slot.reply_age->count()));
  return R"({"name":)" + json::quoted(options.slot) + R"(,"exists":true,"confirmed":)" +
         json::quoted(to_string(slot.confirmed)) + R"(,"wal_status":)" + text_or_null(slot.wal_status) +
         R"(,"lost_because":)" + text_or_null(slot.lost_because) + R"(,"active_pid":)" + number_or_null(pid) +
         R"(,"client":)" + text_or_null(slot.client) + R"(,"reply_age_ms":)" + number_or_null(reply_age_ms) +
         R"(,"retained_bytes":)" + number_or_null(slot.retained_bytes) + R"(,"limit_bytes":)" +
         number_or_null(slot.limit_bytes) + "}";
}

std::string json_of(const status_options& options, const found& what, const failure* refused) {
  std::string text = json_head(options, what.position, refused);
  if (what.slot)
    text += R"(,"server":{"version":)" + json::quoted(what.slot->server_version) + R"(,"database":)" +
            json::quoted(what.slot->database) + R"(,"at":)" + json::quoted(to_string(what.slot->now)) +
            R"(},"slot":)" + slot_json(options, *what.slot) + R"(,"lag_bytes":)" +
            number_or_null(what.lag_bytes);
  return text + "}";
}

// ---- What a person must act on

void check(const status_options& options, const found& what) {
  if (!what.slot) return;
  const pgoutput::slot_status& slot = *what.slot;
  if (what.position && !slot.system_identifier.empty()) {
    stored_position ours;
    ours.source = "postgres";
    ours.identity = {
        {"system_identifier", slot.system_identifier}, {"database", slot.database}, {"slot", options.slot}};
    check_same_source(what.position->stored, ours);
  }
  if (!slot.exists)
    throw failure{failure_kind::refused, "TW-PG-SLOT-MISSING",
                  "there is no slot " + options.slot + " on this server",
                  "tidewire stream --create-slot makes it; name another one with --slot"};
  if (!slot.lost_because.empty())
    throw failure{failure_kind::refused, "TW-PG-SLOT-LOST",
                  "the slot " + options.slot + " is lost (" + slot.lost_because + ")",
                  "changes are missing for good: drop the slot and start anew with a new copy"};
}

found look(const status_options& options) {
  found what;
  what.position = look_at_position(options);
  if (options.url.empty()) return what;
  what.slot = ask(options);
  wire::lsn from = what.slot->confirmed;
  if (what.position) {
    auto stored = pgoutput::parse_position(what.position->stored.position);
    if (stored) from = std::max(from, stored->at);
  }
  if (what.slot->exists) what.lag_bytes = what.slot->now > from ? what.slot->now.value - from.value : 0;
  return what;
}

}  // namespace

void run_status(const status_options& options) {
  if (options.url.empty() && options.position_file.empty())
    throw failure{failure_kind::usage, "TW-USAGE-OPTION", "nothing to look at",
                  "name the database's URL, a position file with --position, or both"};
  found what = look(options);
  std::unique_ptr<failure> refused = refusal_of([&] { check(options, what); });
  end_status(
      options, refused.get(), [&] { print_text(options, what); },
      [&] { return json_of(options, what, refused.get()); });
}

}  // namespace tidewire
