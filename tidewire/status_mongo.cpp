#include "tidewire/status_mongo.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <cmath>

#include "core/json_text.hpp"
#include "mongo_wire/aws_login.hpp"
#include "mongo_wire/change_stream.hpp"
#include "mongo_wire/check_ask.hpp"
#include "mongo_wire/connect.hpp"
#include "mongo_wire/resume_token.hpp"
#include "tidewire/log.hpp"
#include "tidewire/status_text.hpp"

namespace tidewire {
namespace {

using namespace mongo_wire;

struct found {
  std::optional<seen_position> position;
  std::string host;
  hello_reply hello;
  server_facts server;
  asked<oplog_info> oplog;
  std::unique_ptr<failure> trouble;  // what a stream would be told, or why that is not known

  const failure* refused() const {
    return trouble && trouble->kind == failure_kind::refused ? trouble.get() : nullptr;
  }
  /// Nothing where a token has no time, or there is no position.
  std::optional<bson_timestamp> at() const {
    if (!position) return {};
    auto time = parse_time(position->stored.position);
    return time ? time : token_time(position->stored.position);
  }
  std::optional<std::uint64_t> lag_s() const {
    if (!at() || !server.now) return {};
    return server.now->time > at()->time ? server.now->time - at()->time : 0;
  }
  /// Until it falls out of the oplog as long as that is now. Below 0: it has.
  std::optional<std::int64_t> left_s() const {
    if (!at() || !oplog) return {};
    return static_cast<std::int64_t>(at()->time) - static_cast<std::int64_t>(oplog->first_s);
  }
};

std::string value_of(const stored_position& of, std::string_view name) {
  auto found = std::ranges::find(of.identity, name, &std::pair<std::string, std::string>::first);
  return found == of.identity.end() ? "" : found->second;
}

/// The options that shape the events are the stored ones: nobody says others here.
void check_source(const stored_position& stored, const hello_reply& hello, const std::string& database) {
  stored_position ours = stored;
  ours.source = "mongodb";
  for (auto& [name, value] : ours.identity) {
    if (name == "cluster") value = hello.kind == server_kind::mongos ? "sharded" : hello.set_name;
    if (name == "database") value = database.empty() ? "*" : database;
  }
  check_same_source(stored, ours);
}

/// As the stream of the position has them, but that no missing image is in the way.
stream_settings settings_of(const stored_position& stored, const server_facts& server) {
  auto lenient = [](std::string value) { return value == "required" ? "whenAvailable" : value; };
  stream_settings settings;
  std::string database = value_of(stored, "database");
  if (database != "*") settings.database = database;
  settings.full_document = lenient(value_of(stored, "full_document"));
  settings.before = lenient(value_of(stored, "before_image"));
  settings.expanded = value_of(stored, "expanded_events") == "yes";
  settings.split = server.can_split();
  return settings;
}

asio::awaitable<void> ask(cluster& with, found& into) {
  connect_settings how;
  how.read_deadline = std::chrono::seconds{30};
  std::unique_ptr<client> made = co_await mongo_wire::connect(with, how);
  into.host = made->host.text();
  into.hello = made->server;
  if (into.hello.kind == server_kind::standalone)
    throw failure{failure_kind::refused, "TW-MONGO-NOT-REPLICA-SET",
                  "the server at " + into.host + " belongs to no replica set",
                  "change streams need one: start mongod with --replSet and run rs.initiate()"};
  into.server = co_await made->run(ask_server(made->talk));
  if (!into.server.now) into.server.now = into.hello.last_write;
  check_facts facts;
  facts.oplog.missing = "each shard has its own: ask them";
  if (into.hello.kind != server_kind::mongos) co_await made->run(ask_oplog(made->talk, facts));
  into.oplog = std::move(facts.oplog);
  if (!into.position) co_return;
  const stored_position& stored = into.position->stored;
  into.trouble = refusal_of([&] { check_source(stored, into.hello, with.options.database); });
  if (into.trouble) co_return;
  stream_settings settings = settings_of(stored, into.server);
  // The one proof that a stream can go on there.
  try {
    co_await made->run(try_position(made->talk, settings, stored.position));
  } catch (const failure& why) {
    // Also a server that looks for the next event for longer than we wait: the rest is told.
    into.trouble = std::make_unique<failure>(why);
  }
}

std::string oplog_text(const asked<oplog_info>& oplog) {
  if (!oplog) return "not known: " + oplog.missing;
  std::string text = seconds_text(std::llround(std::max(0.0, oplog->window_s())));
  return oplog->never_cut ? text + ", nothing was dropped yet" : text;
}

std::string left_text(const found& what) {
  auto left = what.left_s();
  if (!left) return "";
  if (*left < 0) return ", which is no longer in the oplog";
  if (what.oplog->never_cut) return "";
  return ", " + seconds_text(*left) + " before it would fall out of the oplog";
}

void print_text(const status_options& options, const found& what) {
  if (what.position) print_position(options.position_file, *what.position);
  print_line("server", "MongoDB " + what.server.text() + " at " + what.host +
                           (what.hello.set_name.empty() ? "" : ", set " + what.hello.set_name) +
                           (what.server.now ? ", at " + time_text(*what.server.now) : ""));
  print_line("oplog", oplog_text(what.oplog));
  if (!what.position || what.refused()) return;
  auto lag = what.lag_s();
  print_line("lag", (lag ? seconds_text(static_cast<std::int64_t>(*lag)) + " behind the server"
                         : "not known: the position tells no time") +
                        left_text(what));
}

std::string json_of(const status_options& options, const found& what) {
  std::string text = json_head(options, what.position, what.refused()) +
                     R"(,"server":{"kind":"MongoDB","version":)" + json::quoted(what.server.text()) +
                     R"(,"host":)" + json::quoted(what.host) + R"(,"set":)" +
                     text_or_null(what.hello.set_name) + R"(,"at":)" +
                     text_or_null(what.server.now ? time_text(*what.server.now) : "") + R"(},"oplog":)";
  if (what.oplog)
    text += R"({"window_s":)" + std::to_string(std::llround(std::max(0.0, what.oplog->window_s()))) +
            R"(,"never_cut":)" + (what.oplog->never_cut ? "true" : "false") + "}";
  else
    text += "null";
  auto left = what.left_s();
  return text + R"(,"lag_s":)" + number_or_null(what.lag_s()) + R"(,"left_s":)" +
         (left ? std::to_string(*left) : "null") + "}";
}

}  // namespace

void run_mongo_status(const status_options& options) {
  refuse_options(options.given, {"--slot"}, "MongoDB");
  cluster with(parse_connection_string(options.url));
  for (const std::string& warning : with.options.warnings) log(log_level::warning, "", warning);
  add_aws_credentials(with.options, process_environment());
  check_login(with.options);
  found what;
  what.position = look_at_position(options);
  if (with.options.srv) {
    resolve_srv_hosts(with.options);
    with.known = topology(with.options);
  }
  asio::io_context io{1};
  std::exception_ptr error;
  asio::co_spawn(io, ask(with, what), [&error](std::exception_ptr failed) { error = failed; });
  io.run();
  if (error) std::rethrow_exception(error);
  end_status(
      options, what.trouble.get(), [&] { print_text(options, what); },
      [&] { return json_of(options, what); });
}

}  // namespace tidewire
