#include "tidewire/status_binlog.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include "binlog/connect.hpp"
#include "binlog/log_distance.hpp"
#include "core/json_text.hpp"
#include "tidewire/binlog_identity.hpp"
#include "tidewire/log.hpp"
#include "tidewire/progress.hpp"
#include "tidewire/status_text.hpp"

namespace tidewire {
namespace {

struct found {
  std::optional<seen_position> position;
  std::optional<binlog::position> from;  // of it; nothing: it is not of this kind of source
  binlog::server_facts server;
  binlog::log_distance distance;

  const char* kind() const { return server.mariadb ? "MariaDB" : "MySQL"; }
};

asio::awaitable<void> ask(binlog::connection_url from, found& into) {
  binlog::connect_settings how;
  how.read_deadline = std::chrono::seconds{30};
  how.on_warning = [](const std::string& text) { log(log_level::warning, "", text); };
  std::unique_ptr<binlog::client> with = co_await binlog::connect(from, how);
  into.server = co_await with->run(binlog::ask_server(with->talk));
  into.distance = co_await with->run(binlog::measure(with->talk, into.server, into.from));
  co_await with->run(binlog::quit(with->talk));
}

void check(const found& what) {
  if (!what.position) return;
  check_same_source(what.position->stored, described(what.server));
  if (!what.from)
    throw failure{failure_kind::refused, "TW-POSITION-DAMAGED",
                  "the stored position is none of MySQL or MariaDB",
                  "it was written by something else; remove the file only if you start anew"};
  binlog::check_distance(what.server, *what.from, what.distance);
}

std::string binlogs_text(const binlog::log_distance& distance) {
  if (distance.files.empty()) return "none";
  std::size_t count = distance.files.size();
  return std::to_string(count) + (count == 1 ? " file of " : " files of ") +
         human_bytes(distance.kept_bytes()) + ", from " + distance.files.front().name + " on";
}

std::string lag_text(const binlog::log_distance& distance) {
  std::string text;
  if (distance.transactions) text = std::to_string(*distance.transactions) + " transactions, ";
  if (!distance.bytes) return text + "not known in bytes: " + distance.bytes.missing;
  // GTIDs don't tell where in its file the first of them is.
  bool at_most = distance.transactions && *distance.bytes != 0;
  return text + (at_most ? "at most " : "") + human_bytes(*distance.bytes) + " behind the server";
}

void print_text(const status_options& options, const found& what, const failure* refused) {
  if (what.position) print_position(options.position_file, *what.position);
  std::string now = to_string(what.server.now);
  print_line("server", std::string(what.kind()) + " " + what.server.version + ", at " +
                           (now.size() > 200 ? now.substr(0, 200) + "…" : now));
  print_line("binlogs", binlogs_text(what.distance));
  if (what.position && !refused) print_line("lag", lag_text(what.distance));
}

std::string json_of(const status_options& options, const found& what, const failure* refused) {
  std::string first = what.distance.files.empty() ? "" : what.distance.files.front().name;
  return json_head(options, what.position, refused) + R"(,"server":{"kind":")" + what.kind() +
         R"(","version":)" + json::quoted(what.server.version) + R"(,"at":)" +
         json::quoted(to_string(what.server.now)) + R"(},"binlogs":{"files":)" +
         std::to_string(what.distance.files.size()) + R"(,"bytes":)" +
         std::to_string(what.distance.kept_bytes()) + R"(,"first":)" + text_or_null(first) +
         R"(},"lag_transactions":)" + number_or_null(what.distance.transactions.value) + R"(,"lag_bytes":)" +
         number_or_null(what.distance.bytes.value) + "}";
}

}  // namespace

void run_status_binlog(const status_options& options) {
  refuse_options(options.given, {"--slot"}, "MySQL and MariaDB");
  const binlog::connection_url url = binlog::parse_connection_url(options.url);
  found what;
  what.position = look_at_position(options);
  if (what.position) what.from = binlog::parse_position(what.position->stored.position);
  asio::io_context io{1};
  std::exception_ptr error;
  asio::co_spawn(io, ask(url, what), [&error](std::exception_ptr failed) { error = failed; });
  io.run();
  if (error) std::rethrow_exception(error);
  std::unique_ptr<failure> refused = refusal_of([&what] { check(what); });
  end_status(
      options, refused.get(), [&] { print_text(options, what, refused.get()); },
      [&] { return json_of(options, what, refused.get()); });
}

}  // namespace tidewire
