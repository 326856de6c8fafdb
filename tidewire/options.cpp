#include "tidewire/options.hpp"

#include <CLI/CLI.hpp>

#include "pgoutput/hoster.hpp"

namespace tidewire {
namespace {

constexpr const char* url_help =
    "postgres://user@host/database, or key=value pairs; PG* variables and ~/.pgpass count; or "
    "mongodb://user@host/database (without a database: all)";

void add_url(CLI::App& to, std::string& into, const std::string& help) {
  to.add_option("url", into, help)->required()->type_name("URL");
}

/// The options of a command that were given, so that another source's can be refused.
std::vector<std::string> given_options(const CLI::App& of) {
  std::vector<std::string> names;
  for (const CLI::Option* each : of.get_options())
    if (each->count() != 0) names.push_back(each->get_name());
  return names;
}

/// What it excludes only a stream has.
CLI::Option* add_post_images(CLI::App& to, std::string& into) {
  return to
      .add_option("--post-images", into,
                  "whole documents of updates: off (looked up later), auto_configure (stored by the server, "
                  "turned on where they are not), read_only (stored, refused where they are not)")
      ->check(CLI::IsMember({"off", "auto_configure", "read_only"}))
      ->type_name("MODE")
      ->group("MongoDB");
}

std::vector<std::string> hosters() {
  std::vector<std::string> words;
  for (pgoutput::hoster each : pgoutput::all_hosters()) words.emplace_back(pgoutput::option_name(each));
  words.emplace_back("atlas");  // of MongoDB
  return words;
}

struct duration_option {
  std::string text;
  std::chrono::milliseconds* target;
};
using duration_options = std::vector<std::unique_ptr<duration_option>>;

CLI::Option* add_duration(duration_options& all, CLI::App* to, const char* name,
                          std::chrono::milliseconds& target, const char* help) {
  all.push_back(std::make_unique<duration_option>());
  all.back()->target = &target;
  return to->add_option(name, all.back()->text, help)->type_name("DURATION");
}

/// What `stream --snapshot` and `snapshot` have in common. Gives --exact.
CLI::Option* add_copy(CLI::App& to, stream_options& o, const char* group) {
  to.add_option("--table", o.tables, "copy only this one, as schema.name; may be given several times")
      ->type_name("TABLE")
      ->group(group);
  to.add_option("--workers", o.workers, "connections that copy at the same time")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str()
      ->group(group);
  to.add_option("--chunk", o.chunk_bytes, "how much of a table is copied in one go (as it suits)")
      ->transform(CLI::AsSizeValue(false))
      ->group(group);
  return to
      .add_flag("--exact", o.exact,
                "the copy is as of one position: nobody writes to its tables while it begins (LOCK TABLES)")
      ->group("MySQL and MariaDB");
}

void add_stream_output(CLI::App* s, stream_options& o, duration_options& durations, std::string& until_text) {
  s->add_option("--to", o.to, "stdout or file:PATH")->capture_default_str()->group("Output");
  s->add_option("--position", o.position_file,
                "where the position is kept (a file sink's default: PATH.position)")
      ->type_name("FILE")
      ->group("Output");
  s->add_option("--capture", o.capture_file, "also write what the server sends, for tidewire decode")
      ->type_name("FILE")
      ->group("Output");
  s->add_option("--until", until_text,
                "end at: now, an LSN, a duration (30s), a number of transactions (100tx)")
      ->group("Output");
  add_duration(durations, s, "--sync-interval", o.sync_interval,
               "at least this long between two syncs of a busy stream (1s)")
      ->group("Output");
  add_duration(durations, s, "--stall-limit", o.stall_limit,
               "give up the connection while the output takes nothing for this long (60s, 0: never)")
      ->group("Output");
}

void add_stream_source(CLI::App* s, stream_options& o, duration_options& durations,
                       std::string& streaming_text) {
  s->add_option("--slot", o.slot, "replication slot")->capture_default_str()->group("Source");
  s->add_option("--publication", o.publications, "publications, separated by commas")
      ->delimiter(',')
      ->capture_default_str()
      ->group("Source");
  auto create =
      s->add_flag("--create-slot", o.create_slot, "create the slot if it does not exist")->group("Source");
  s->add_flag("--temporary-slot", o.temporary_slot, "a slot that ends with this run")
      ->excludes(create)
      ->group("Source");
  s->add_flag("--drop-slot-on-exit", o.drop_slot_on_exit,
              "drop the slot when the stream ends as it was asked to: what is committed later can't be read "
              "any more")
      ->group("Source");
  s->add_flag("--failover", o.failover, "create the slot as a failover slot (17+)")
      ->needs(create)
      ->group("Source");
  s->add_flag("--two-phase", o.two_phase, "prepared transactions at PREPARE instead of at commit (15+)")
      ->group("Source");
  s->add_flag("--binary", o.binary, "ask for binary column values (14+)")->group("Source");
  s->add_flag("--messages", o.messages, "also logical messages (14+)")->group("Source");
  s->add_option("--streaming", streaming_text, "in-progress transactions while they run: on or off (14+)")
      ->check(CLI::IsMember({"on", "off"}))
      ->group("Source");
  s->add_option("--origin", o.origin, "any, or none to leave out what the source itself replicated (16+)")
      ->check(CLI::IsMember({"any", "none"}))
      ->group("Source");
  s->add_option("--protocol", o.protocol, "pgoutput protocol version (default: the server's newest)")
      ->check(CLI::Range(1u, 4u))
      ->group("Source");
  add_duration(durations, s, "--heartbeat", o.heartbeat,
               "write a logical message this often, so that an idle slot moves (0: never)")
      ->group("Source");
  add_duration(
      durations, s, "--watch-interval", o.watch_interval,
      "how often to look, over a second connection, at the WAL that the slot retains, and to warn (30s; "
      "0: never)")
      ->group("Source");
  add_duration(durations, s, "--status-interval", o.status_interval,
               "how often the server hears from us (10s)")
      ->group("Source");
  add_duration(durations, s, "--read-deadline", o.read_deadline,
               "reconnect when nothing came for this long (60s)")
      ->group("Source");
  add_duration(durations, s, "--lock-timeout", o.lock_timeout,
               "how long slot creation, or an exact copy, waits for open transactions (10s)")
      ->group("Source");
  add_duration(durations, s, "--slot-wait", o.slot_wait,
               "how long to wait for a slot that another connection still holds (90s)")
      ->group("Source");
  s->add_option("--spill-dir", o.spill_dir, "folder for transactions too large for memory ($TMPDIR or /tmp)")
      ->group("Source");
  s->add_option("--spill-memory", o.spill_memory_bytes, "bytes of streamed transactions kept in memory")
      ->transform(CLI::AsSizeValue(false))
      ->group("Source");
  s->add_flag("--trace", o.trace, "print every protocol message to stderr (secrets masked)")->group("Source");
}

void add_stream_mysql(CLI::App* s, stream_options& o) {
  s->add_option("--server-id", o.server_id, "our id as a replica (a random one)")
      ->check(CLI::Range(1u, 0xffffffffu))
      ->group("MySQL and MariaDB");
  s->add_option("--schema", o.schema_file,
                "columns from information_schema, instead of asking a server that logs without FULL metadata")
      ->type_name("FILE")
      ->group("MySQL and MariaDB");
}

void add_stream_mongo(CLI::App* s, stream_options& o, duration_options& durations) {
  CLI::Option* images = add_post_images(*s, o.post_images);
  s->add_option("--full-document", o.full_document,
                "whole documents of updates: default (none), updateLookup, whenAvailable, required")
      ->check(CLI::IsMember({"default", "updateLookup", "whenAvailable", "required"}))
      ->excludes(images)
      ->group("MongoDB");
  s->add_option("--before-image", o.before_image, "documents before a change: off, whenAvailable, required")
      ->check(CLI::IsMember({"off", "whenAvailable", "required"}))
      ->group("MongoDB");
  s->add_flag("!--no-expanded-events", o.expanded_events, "without create, createIndexes, modify and so on")
      ->group("MongoDB");
  s->add_option("--start-at", o.start_at,
                "begin there instead of at the stored position: a token (pos), or @seconds.increment")
      ->type_name("POSITION")
      ->group("MongoDB");
  s->add_flag("--canonical", o.canonical, "values as canonical Extended JSON, not relaxed")->group("MongoDB");
  add_duration(durations, s, "--await", o.await_time,
               "how long the server waits for an event before it answers (1s)")
      ->group("MongoDB");
}

void add_stream(CLI::App& app, options& chosen, duration_options& durations, std::string& until_text,
                std::string& streaming_text) {
  stream_options& o = chosen.stream;
  CLI::App* s = app.add_subcommand("stream", "follow every change of a database and write it as NDJSON");
  add_url(*s, o.url,
          "postgres://user@host/database, or key=value pairs; PG* variables and ~/.pgpass count; or "
          "mysql://user@host:3306, mariadb://…, or mongodb://user@host/database (without a database: all)");
  add_stream_output(s, o, durations, until_text);
  add_stream_source(s, o, durations, streaming_text);
  add_stream_mysql(s, o);
  CLI::Option* snapshot =
      s->add_option("--snapshot", o.snapshot,
                    "initial: first the tables' content, then their changes; only: nothing else; never")
          ->transform(CLI::CheckedTransformer(
              std::map<std::string, snapshot_mode>{{"never", snapshot_mode::never},
                                                   {"initial", snapshot_mode::initial},
                                                   {"only", snapshot_mode::only}}))
          ->type_name("WHAT")
          ->group("Copy");
  add_copy(*s, o, "Copy")->needs(snapshot);
  add_stream_mongo(s, o, durations);
  s->callback([&chosen, s] {
    chosen.run = options::command::stream;
    chosen.stream.given = given_options(*s);
  });
}

void add_snapshot(CLI::App& app, options& chosen, duration_options& durations) {
  stream_options& o = chosen.snapshot;
  CLI::App* s = app.add_subcommand("snapshot", "write what tables hold now, as NDJSON, and end");
  add_url(*s, o.url,
          "postgres://user@host/database, or key=value pairs; PG* variables and ~/.pgpass count; or "
          "mysql://user@host:3306, mariadb://…; or mongodb://user@host/database (without a database: all)");
  s->add_option("--to", o.to, "stdout or file:PATH")->capture_default_str();
  s->add_option("--position", o.position_file,
                "where it is kept how far the copy has come (a file sink's default: PATH.position)")
      ->type_name("FILE");
  s->add_option("--publication", o.publications, "publications whose tables are copied, separated by commas")
      ->delimiter(',')
      ->capture_default_str();
  CLI::Option* exact = add_copy(*s, o, "Options");
  add_duration(durations, s, "--lock-timeout", o.lock_timeout,
               "how long --exact waits for open transactions (10s)")
      ->needs(exact)
      ->group("MySQL and MariaDB");
  add_post_images(*s, o.post_images);
  s->add_flag("--canonical", o.canonical, "values as canonical Extended JSON, not relaxed")->group("MongoDB");
  s->add_flag("--trace", o.trace, "print every protocol message to stderr (secrets masked)");
  s->callback([&chosen, s] {
    chosen.run = options::command::snapshot;
    chosen.snapshot.given = given_options(*s);
  });
}

void add_decode(CLI::App& app, options& chosen, std::string& statements_text) {
  decode_options& o = chosen.decode;
  CLI::App* d = app.add_subcommand(
      "decode",
      "decode files without any server: a capture (tidewire stream --capture), binlogs, BSON documents, "
      "MongoDB wire messages");
  d->add_option("file", o.files, "a file, or binlogs of MySQL or MariaDB in their order, also gzipped")
      ->required()
      ->type_name("FILE");
  d->add_option("--to", o.to, "stdout or file:PATH")->capture_default_str();
  d->add_flag("--list", o.list, "print the events of binlogs instead of their changes")->group("Binlogs");
  d->add_option("--schema", o.schema_file,
                "columns from information_schema, for binlogs without FULL row metadata")
      ->type_name("FILE")
      ->group("Binlogs");
  d->add_option("--statements", statements_text,
                "changes that were logged as statements: refuse, or write their text (refuse)")
      ->check(CLI::IsMember({"refuse", "write"}))
      ->group("Binlogs");
  d->add_option("--payload-limit", o.payload_limit_bytes,
                "refuse compressed transactions that become larger (1 TB)")
      ->transform(CLI::AsSizeValue(false))
      ->group("Binlogs");
  d->add_option("--event-limit", o.event_limit_bytes, "refuse larger events (1 GB)")
      ->transform(CLI::AsSizeValue(false))
      ->group("Binlogs");
  d->add_option("--spill-dir", o.spill_dir,
                "folder for prepared transactions too large for memory ($TMPDIR or /tmp)")
      ->group("Binlogs");
  d->add_option("--format", o.kind, "postgres, bson or mongo-wire (default: the file's first bytes tell)")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, file_kind>{{"postgres", file_kind::postgres},
                                                                   {"bson", file_kind::bson},
                                                                   {"mongo-wire", file_kind::mongo_wire}}))
      ->type_name("FORMAT")
      ->group("MongoDB");
  d->add_option("--as", o.as, "envelope (default for messages: their change events) or documents (for BSON)")
      ->check(CLI::IsMember({"envelope", "documents"}))
      ->type_name("FORM")
      ->group("MongoDB");
  d->add_flag("--canonical", o.canonical, "BSON values as canonical Extended JSON, not relaxed")
      ->group("MongoDB");
  d->callback([&chosen] { chosen.run = options::command::decode; });
}

void add_status(CLI::App& app, options& chosen) {
  status_options& o = chosen.status;
  CLI::App* s = app.add_subcommand(
      "status", "how a stream is doing: its position, its lag, what the server keeps for it");
  s->add_option("url", o.url, "the database, as for stream; without it only the position file is looked at")
      ->type_name("URL");
  s->add_option("--position", o.position_file, "the stream's position file")->type_name("FILE");
  s->add_option("--slot", o.slot, "replication slot of Postgres")->capture_default_str();
  s->add_flag("--json", o.json, "one JSON object instead of lines for people (docs/status.md)");
  s->callback([&chosen, s] {
    chosen.run = options::command::status;
    chosen.status.given = given_options(*s);
  });
}

void add_check(CLI::App& app, options& chosen, duration_options& durations) {
  check_options& o = chosen.check;
  CLI::App* c = app.add_subcommand(
      "check", "look at every prerequisite of a stream, and say how to fix what is missing");
  add_url(*c, o.url, std::string(url_help) + "; or mysql://user@host:3306, mariadb://…");
  c->add_option("--publication", o.publications, "publications, separated by commas")
      ->delimiter(',')
      ->capture_default_str();
  c->add_option("--slot", o.slot, "replication slot")->capture_default_str();
  c->add_option("--table", o.tables,
                "a table that is wanted, schema.name; may be repeated (default: all published)")
      ->type_name("TABLE");
  c->add_option("--hoster", o.hoster, "whose words the fixes are in (default: found out)")
      ->check(CLI::IsMember(hosters()));
  add_duration(durations, c, "--open-transactions", o.open_transactions,
               "warn of transactions older than this (10s)");
  c->add_flag("--json", o.json, "the report as one JSON object (docs/checks.md)");
  c->add_flag("--trace", o.trace, "print every protocol message to stderr (secrets masked)");
  add_post_images(*c, o.post_images);
  c->callback([&chosen, c] {
    chosen.run = options::command::check;
    chosen.check.given = given_options(*c);
  });
}

void add_setup(CLI::App& app, options& chosen) {
  setup_options& o = chosen.setup;
  CLI::App* s =
      app.add_subcommand("setup", "print what makes a database ready for a stream, or do it (--apply)");
  add_url(*s, o.url,
          "as an administrator: " + std::string(url_help) + "; or mysql://user@host:3306, mariadb://…");
  s->add_flag("--apply", o.apply, "run what can be run, instead of printing it");
  s->add_option("--role", o.role, "the role that will stream (MySQL: user or user@host)")
      ->capture_default_str();
  s->add_flag("--new-password", o.new_password, "a new password for a role that exists");
  s->add_option("--publication", o.publication, "the publication")->capture_default_str();
  s->add_option("--table", o.tables, "a table to publish, schema.name; may be repeated (default: all)")
      ->type_name("TABLE");
  s->add_flag("--replica-identity-full", o.identity_full,
              "give tables without a key REPLICA IDENTITY FULL, so that their UPDATEs go on to work");
  s->add_option("--hoster", o.hoster, "whose ways to follow (default: found out)")
      ->check(CLI::IsMember(hosters()));
  s->add_flag("--json", o.json, "the plan as one JSON object (docs/checks.md)");
  s->add_flag("--trace", o.trace, "print every protocol message to stderr (secrets masked)");
  add_post_images(*s, o.post_images);
  s->callback([&chosen, s] {
    chosen.run = options::command::setup;
    chosen.setup.given = given_options(*s);
  });
}

}  // namespace

parsed_options parse_options(int argc, char** argv) {
  parsed_options parsed;
  options& chosen = parsed.chosen;
  CLI::App app("tidewire reads what changes in a database, straight off the wire.", "tidewire");
  app.set_version_flag("--version", "tidewire " TIDEWIRE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.option_defaults()->always_capture_default(false);
  app.footer("Exit codes: 0 fine; 1 failed, a retry may help; 2 usage; 3 refused, a person must act.");
  app.add_flag("--quiet,-q", chosen.quiet, "no progress and no information, only warnings and errors");
  app.add_option("--log-format", chosen.format, "text or json")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, log_format>{{"text", log_format::text}, {"json", log_format::json}}))
      ->type_name("FORMAT");
  duration_options durations;
  std::string until_text;
  std::string streaming_text = "on";
  add_stream(app, chosen, durations, until_text, streaming_text);
  add_snapshot(app, chosen, durations);
  add_check(app, chosen, durations);
  add_setup(app, chosen);
  std::string statements_text;
  add_decode(app, chosen, statements_text);
  add_status(app, chosen);
  try {
    app.parse(argc, argv);
    for (auto& each : durations)
      if (!each->text.empty()) *each->target = parse_duration(each->text);
    if (!until_text.empty()) chosen.stream.end = parse_until(until_text);
    chosen.decode.write_statements = statements_text == "write";
    chosen.stream.streaming = streaming_text == "on";
  } catch (const CLI::Success& done) {
    parsed.exit_code = app.exit(done);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    parsed.exit_code = 2;
  } catch (const failure& error) {
    log(error);
    parsed.exit_code = 2;
  }
  return parsed;
}

}  // namespace tidewire
