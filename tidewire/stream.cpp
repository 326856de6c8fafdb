#include "tidewire/stream.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include "pgoutput/follow.hpp"
#include "pgoutput/preflight.hpp"
#include "tidewire/monitor.hpp"
#include "tidewire/snapshot.hpp"
#include "tidewire/stream_runner.hpp"
#include "wire/connect.hpp"

namespace tidewire {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

pgoutput::source_settings source_of(const stream_options& o) {
  pgoutput::source_settings source;
  source.slot = o.slot;
  source.publications = o.publications;
  source.create_slot = o.create_slot;
  source.temporary_slot = o.temporary_slot;
  source.failover = o.failover;
  source.two_phase = o.two_phase;
  source.binary = o.binary;
  source.messages = o.messages;
  source.streaming = o.streaming;
  source.origin = o.origin;
  source.protocol = o.protocol;
  source.lock_timeout = o.lock_timeout;
  return source;
}

pgoutput::row_changes::settings changes_of(const stream_options& o) {
  pgoutput::row_changes::settings with;
  with.spill_folder = spill_folder(o.spill_dir);
  with.spill.memory_bytes = o.spill_memory_bytes;
  return with;
}

class postgres_stream final : public stream_runner {
 public:
  postgres_stream(const stream_options& options, bool quiet)
      : stream_runner(options, quiet),
        source_(source_of(options)),
        from_(wire::parse_connection_string(options.url)),
        changes_(changes_of(options)) {
    pgoutput::check_settings(source_);
    if (options.snapshot == snapshot_mode::initial && options.temporary_slot)
      throw failure{failure_kind::usage, "TW-USAGE-OPTION", "--snapshot initial can't use --temporary-slot",
                    "leave it out: the slot has to outlive the connection that makes it"};
    check_sink(options.to);
    for (const std::string& name : from_.ignored) log(log_level::warning, "", name + " has no effect here");
    follow_.status_interval = options.status_interval;
    follow_.read_deadline = options.read_deadline;
    follow_.stall_limit = options.stall_limit;
    if (options.end.is == until::kind::transactions) follow_.until_transactions = options.end.transactions;
    if (options.end.is == until::kind::duration) follow_.until_time = clock::now() + options.end.duration;
    if (options.end.is == until::kind::position) {
      auto at = wire::parse_lsn(options.end.position);
      if (!at || !at->valid())
        throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                      "--until " + options.end.position + " is no LSN", "for example 0/16B3748"};
      follow_.until = *at;
    }
    if (!options.capture_file.empty()) {
      capture_ = std::make_unique<pgoutput::capture_file>(options.capture_file);
      follow_.capture = capture_.get();
    }
    load_position();
  }

 private:
  // ---- The stream

  std::unique_ptr<copy_runner> make_copy() override {
    copy_runner::settings with{options_, true, show_progress_};
    return make_postgres_copy(io_, with, source_, from_, store_.get(), stored_);
  }

  void begin() override {
    slot_patience_ = clock::now() + options_.slot_wait;
    start_monitor();  // a copy has its own
  }

  bool may_retry(const failure& why, bool moved) override {
    bool active = why.code == "TW-PG-SLOT-ACTIVE";
    if (moved) slot_patience_ = clock::now() + options_.slot_wait;
    if (active ? clock::now() >= slot_patience_ : !lines_) return false;
    if (why.code == "TW-PG-BINARY-TYPE") source_.binary = false;
    if (source_.temporary_slot && lines_)
      throw failure{failure_kind::refused, "TW-PG-TEMPORARY-SLOT",
                    std::string("the connection was lost, and the temporary slot with it: ") + why.what(),
                    "what was committed since can't be read; use a permanent slot (--create-slot)"};
    if (!active || !told_of_slot_) log(why, active ? log_level::info : log_level::warning);
    told_of_slot_ = active;
    return true;
  }
  bool is_ready() override { return !lines_ || feed_->has_room(); }
  bool& stop_flag() override { return follow_state_.stop; }
  std::uint64_t bytes_in() const override { return follow_state_.bytes; }

  asio::awaitable<round_end> one_connection() override {
    wire::connect_settings how;
    how.replication = true;
    how.read_deadline = options_.read_deadline;
    how.on_notice = [](const wire::error_details& notice) {
      log(log_level::info, "", "server: " + notice.whole());
    };
    how.on_warning = [](const std::string& text) { log(log_level::warning, "", text); };
    if (options_.trace) how.on_trace = print_trace;
    std::unique_ptr<wire::client> made = co_await wire::connect(from_, how);
    wire::client& with = *made;
    pgoutput::server_facts server = co_await with.run(pgoutput::ask_server(with.talk));
    check_identity(server);
    co_await with.run(pgoutput::check_server(with.talk, server, source_));
    bool first = !lines_;
    bool may_create = first && !stored_;
    // Making a slot waits for open transactions, with a limit of its own.
    with.socket.link().silence_limit = std::max(options_.read_deadline, options_.lock_timeout * 2);
    pgoutput::slot_facts slot =
        co_await with.run(pgoutput::find_slot(with.talk, server, source_, may_create));
    with.socket.link().silence_limit = options_.read_deadline;
    if (slot.made_now)
      log(log_level::info, "", "made the slot " + source_.slot + " at " + to_string(slot.confirmed));
    pgoutput::position from = first ? first_position(slot, server) : feed_->next();
    co_await with.run(pgoutput::check_position(with.talk, server, slot, from.at, from.timeline));
    if (source_.binary) co_await read_types(with);
    co_await with.run(pgoutput::start_replication(with.talk, server, source_, slot.confirmed));
    if (first) open_lines(server, from);
    feed_->connected(server.timeline);
    if (capture_) capture_->connected(feed_->next().at);
    log(log_level::info, "",
        "streaming slot " + source_.slot + " of " + server.database + " from " + to_string(from.at));
    co_await follow(with, server);
    co_return round_end::over;
  }

  /// Values in binary form do not say what they are.
  asio::awaitable<void> read_types(wire::client& with) {
    wire::result_set found = co_await with.run(wire::query(with.talk, pgoutput::types_sql()));
    changes_.know_types(pgoutput::catalog_types(found));
  }

  asio::awaitable<void> follow(wire::client& with, const pgoutput::server_facts& server) {
    if (options_.end.is == until::kind::now && !follow_.until.valid()) follow_.until = server.now;
    if (follow_.until.valid()) changes_.stop_before(follow_.until);
    pgoutput::follow_settings settings = follow_;
    // The server must hear from us well before its patience ends.
    if (server.wal_sender_timeout.count() > 0)
      settings.status_interval = std::min(settings.status_interval, server.wal_sender_timeout / 4);
    with.socket.expect_small_messages();
    {
      followed now(*this, with.socket, pgoutput::tick_of(settings));
      co_await with.run(pgoutput::follow(with.talk, *feed_, settings, follow_state_));
    }
    finish(false);
    co_await end_connection(with);
  }

  /// The slot moves at once to what is durable.
  asio::awaitable<void> end_connection(wire::client& with) {
    with.socket.set_tick(milliseconds{0});
    with.socket.link().deadline = clock::now() + std::chrono::seconds{5};
    try {
      std::string drop = options_.drop_slot_on_exit ? options_.slot : std::string();
      co_await with.run(pgoutput::end_stream(with.talk, feed_->durable(), drop));
      if (!drop.empty()) log(log_level::info, "", "dropped the slot " + drop);
    } catch (const failure& why) {
      // Everything is durable and stored; the server will learn it next time.
      log(why, log_level::warning);
    }
  }

  // ---- Positions and lines

  stored_position described(const pgoutput::server_facts& server) const {
    stored_position ours;
    ours.source = "postgres";
    ours.identity = {{"system_identifier", server.system_identifier},
                     {"database", server.database},
                     {"slot", source_.slot}};
    return ours;
  }

  void check_identity(const pgoutput::server_facts& server) const {
    stored_position ours = described(server);
    if (stored_) check_same_source(*stored_, ours);
    if (!system_identifier_.empty() && system_identifier_ != server.system_identifier)
      throw failure{failure_kind::refused, "TW-POSITION-FOREIGN",
                    "after the reconnect the server is another one: system identifier " +
                        server.system_identifier + " instead of " + system_identifier_,
                    "check where the host name leads"};
  }

  pgoutput::position first_position(const pgoutput::slot_facts& slot,
                                    const pgoutput::server_facts& server) const {
    if (!stored_) return {slot.confirmed, server.timeline};
    auto at = pgoutput::parse_position(stored_->position);
    if (!at)
      throw failure{failure_kind::refused, "TW-POSITION-DAMAGED",
                    "the stored position " + stored_->position + " is none of Postgres",
                    "it was written by something else; remove the file only if you start anew"};
    return *at;
  }

  void open_lines(const pgoutput::server_facts& server, const pgoutput::position& from) {
    system_identifier_ = server.system_identifier;
    checkpoint stored = stream_runner::open_lines(described(server), to_string(from));
    pgoutput::progress_point before;
    before.end = from.at;
    before.transactions = stored.transactions;
    before.changes = stored.changes;
    feed_ = std::make_unique<pgoutput::change_feed>(changes_, *lines_, before);
  }

  void hand_over() override { feed_->hand_over_done(true); }
  void close_capture() override {
    if (capture_) capture_->close();
  }

  // ---- For people

  void start_monitor() {
    monitor_settings settings;
    settings.slot = source_.slot;
    settings.heartbeat = options_.heartbeat;
    settings.interval = show_progress_ ? milliseconds{2'000} : options_.watch_interval;
    if (!show_progress_ && settings.heartbeat.count() == 0) {
      if (settings.interval.count() == 0) return;
      settings.trouble = log_level::info;  // nobody has asked for anything
      settings.first_look = milliseconds{10'000};
    }
    settings.on_status = [this](const pgoutput::slot_status& status) { status_ = status; };
    asio::co_spawn(io_, monitor(from_, settings, std::make_shared<bool>(false)), asio::detached);
  }

  std::optional<progress_totals> totals() const override {
    if (!feed_) return std::nullopt;
    progress_totals totals;
    totals.changes = changes_.changes();
    totals.bytes_in = follow_state_.bytes;
    totals.position = to_string(feed_->durable());
    if (status_.now.valid())
      totals.lag_bytes = status_.now > feed_->durable() ? status_.now.value - feed_->durable().value : 0;
    totals.retained_bytes = status_.retained_bytes;
    return totals;
  }

  pgoutput::source_settings source_;
  const wire::connection_options from_;
  std::unique_ptr<pgoutput::capture_file> capture_;
  std::string system_identifier_;  // of the first connection
  pgoutput::row_changes changes_;
  std::unique_ptr<pgoutput::change_feed> feed_;

  pgoutput::follow_settings follow_;
  pgoutput::follow_state follow_state_;
  pgoutput::slot_status status_;
  clock::time_point slot_patience_{};
  bool told_of_slot_ = false;
};

}  // namespace

void run_stream(const stream_options& options, bool quiet) {
  if (options.snapshot == snapshot_mode::only) return run_snapshot(options, quiet);
  postgres_stream(options, quiet).run();
}

}  // namespace tidewire
