#include "tidewire/mongo_source.hpp"

#include <algorithm>

#include "mongo_wire/aws_login.hpp"
#include "mongo_wire/selection.hpp"
#include "tidewire/ask_mongo.hpp"
#include "tidewire/log.hpp"

namespace tidewire {
namespace {

using namespace mongo_wire;

stream_settings settings_of(const stream_options& o, const connection_options& from) {
  stream_settings settings;
  settings.database = from.database;
  settings.full_document = o.full_document;
  // Asked for as `required` the server would tell of a missing image without its document's name.
  if (!o.post_images.empty())
    settings.full_document = o.post_images == "off" ? "updateLookup" : "whenAvailable";
  settings.before = o.before_image;
  settings.expanded = o.expanded_events;
  settings.await_time = o.await_time;
  settings.least_wait = std::chrono::milliseconds{100};
  settings.look_interval = from.heartbeat;
  if (o.end.is == until::kind::transactions) settings.until_events = o.end.transactions;
  if (o.end.is == until::kind::duration)
    settings.until_time = std::chrono::steady_clock::now() + o.end.duration;
  if (o.end.is == until::kind::position)
    throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                  "--until " + o.end.position + " is no bound of MongoDB",
                  "now, a duration such as 30s, or a count of events such as 100tx"};
  return settings;
}

post_images images_of(const stream_options& o, const connection_options& from) {
  if (o.post_images.empty()) return post_images::unset;
  if (o.post_images == "off") return post_images::off;
  if (o.post_images == "read_only") return post_images::read_only;
  if (!o.expanded_events)
    throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                  "--post-images auto_configure needs the expanded events, which tell of new collections",
                  "leave out --no-expanded-events, or use --post-images read_only"};
  if (from.read_from != read_mode::primary)
    throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                  "--post-images auto_configure changes collections, which only a primary does",
                  "leave out readPreference, or use --post-images read_only"};
  return post_images::auto_configure;
}

}  // namespace

mongo_source::mongo_source(const stream_options& o)
    : options(o),
      with(parse_connection_string(o.url)),
      settings(settings_of(o, with.options)),
      images(images_of(o, with.options)) {
  add_aws_credentials(with.options, process_environment());
  check_login(with.options);
  check_read_preference(with.options);
  for (const std::string& warning : with.options.warnings) log(log_level::warning, "", warning);
}

void mongo_source::resolve() {
  if (!with.options.srv) return;
  resolve_srv_hosts(with.options);
  with.known = topology(with.options);
}

asio::awaitable<std::unique_ptr<client>> mongo_source::connect_another() {
  connect_settings how;
  how.read_deadline = std::max(options.read_deadline, 2 * options.await_time);
  if (options.trace) how.on_trace = print_trace;
  std::unique_ptr<client> made = co_await mongo_wire::connect(with, how);
  if (made->server.kind == server_kind::standalone)
    throw failure{failure_kind::refused, "TW-MONGO-NOT-REPLICA-SET",
                  "the server at " + made->host.text() + " belongs to no replica set",
                  "change streams need one: start mongod with --replSet and run rs.initiate()"};
  co_return made;
}

asio::awaitable<std::unique_ptr<client>> mongo_source::connect() {
  std::unique_ptr<client> made = co_await connect_another();
  // A collection that came meanwhile and stores no images may never be updated: its updates are looked at.
  if (std::exchange(connected_, true) && images == post_images::read_only) co_return made;
  std::size_t count = co_await made->run(prepare_images(made->talk, settings.database, images));
  if (count != 0)
    log(log_level::info, "", "turned on the post-images of " + std::to_string(count) + " collections");
  co_return made;
}

std::function<bool(const hello_reply&)> mongo_source::watch(const client& to) {
  topology_kind kind = with.known.kind();
  if (kind != topology_kind::set_with_primary && kind != topology_kind::set_without_primary) return {};
  return [this, host = to.host](const hello_reply& said) {
    if (!with.heard(host, said)) return false;
    std::vector<host_port> suitable = suitable_servers(with.known, with.options);
    return std::ranges::find(suitable, host) != suitable.end();
  };
}

stored_position mongo_source::described(const client& to) const {
  bool stored_images = images == post_images::auto_configure || images == post_images::read_only;
  stored_position ours;
  ours.source = "mongodb";
  ours.identity = {
      {"cluster", to.server.kind == server_kind::mongos ? "sharded" : to.server.set_name},
      {"database", settings.database.empty() ? "*" : settings.database},
      {"full_document", stored_images ? "required" : settings.full_document},
      {"before_image", settings.before},
      {"expanded_events", settings.expanded ? "yes" : "no"},
  };
  return ours;
}

}  // namespace tidewire
