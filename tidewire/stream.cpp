#include "tidewire/stream.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <random>
#include <unistd.h>

#include "core/position_store.hpp"
#include "core/sink.hpp"
#include "pgoutput/follow.hpp"
#include "pgoutput/preflight.hpp"
#include "tidewire/monitor.hpp"
#include "tidewire/progress.hpp"
#include "tidewire/snapshot.hpp"
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
  const char* temporary = std::getenv("TMPDIR");
  with.spill_folder = !o.spill_dir.empty() ? o.spill_dir : temporary && *temporary ? temporary : "/tmp";
  with.spill.memory_bytes = o.spill_memory_bytes;
  return with;
}

/// Everything of one run. Members live as long as any coroutine that uses them.
class stream_run {
 public:
  stream_run(const stream_options& options, bool quiet)
      : options_(options),
        source_(source_of(options)),
        from_(wire::parse_connection_string(options.url)),
        show_progress_(!quiet && ::isatty(STDERR_FILENO)),
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
    std::string path = position_path(options);
    if (!path.empty()) {
      store_ = std::make_unique<position_store>(path);
      stored_ = store_->load();
    }
  }

  void run() {
    asio::signal_set signals(io_, SIGINT, SIGTERM);
    wait_for_signal(signals);
    asio::co_spawn(io_, stream(), [this, &signals](std::exception_ptr error) {
      error_ = error;
      io_.stop();
      signals.cancel();
    });
    io_.run();
    end_progress();
    finish(error_ != nullptr);
    if (error_) std::rethrow_exception(error_);
  }

 private:
  // ---- Signals

  void wait_for_signal(asio::signal_set& signals) {
    signals.async_wait([this, &signals](const asio::error_code& error, int) {
      if (error) return;
      follow_state_.stop = true;
      signals.clear();  // asked twice: at once, also while we wait for a sink that hangs
      if (snapshot_)
        snapshot_->stop();
      else if (streaming_)
        streaming_->socket.wake();
      else
        io_.stop();
    });
  }

  // ---- The stream

  /// False: stopped before the copy was complete.
  asio::awaitable<bool> copy_first() {
    bool unfinished = stored_ && !stored_->copy.empty();
    if (options_.snapshot != snapshot_mode::initial && unfinished)
      throw failure{failure_kind::refused, "TW-POSITION-COPY",
                    "the stored position is that of a copy that is not complete",
                    "go on with --snapshot initial"};
    if (options_.snapshot != snapshot_mode::initial || (stored_ && !unfinished)) co_return true;
    snapshot_run::settings with{options_, source_, from_, true, show_progress_};
    snapshot_ = std::make_unique<snapshot_run>(io_, with, store_.get(), stored_);
    std::optional<snapshot_end> end = co_await snapshot_->run();
    snapshot_.reset();
    if (!end) co_return false;
    sink_ = std::move(end->to);
    stored_ = std::move(end->position);
    co_return true;
  }

  asio::awaitable<void> stream() {
    bool copied = co_await copy_first();
    if (!copied) co_return;
    start_monitor();  // a copy has its own
    clock::time_point slot_patience = clock::now() + options_.slot_wait;
    milliseconds pause{100};
    bool told_of_slot = false;
    for (;;) {
      std::uint64_t bytes = follow_state_.bytes;
      try {
        co_await one_connection();
        co_return;
      } catch (const failure& why) {
        if (lines_) lines_->rethrow();  // a sink that failed is no reason to reconnect
        if (why.kind != failure_kind::transient) throw;
        bool active = why.code == "TW-PG-SLOT-ACTIVE";
        if (follow_state_.bytes != bytes)
          pause = milliseconds{100}, slot_patience = clock::now() + options_.slot_wait;
        if (active ? clock::now() >= slot_patience : !lines_) throw;
        if (why.code == "TW-PG-BINARY-TYPE") source_.binary = false;
        if (source_.temporary_slot && lines_)
          throw failure{failure_kind::refused, "TW-PG-TEMPORARY-SLOT",
                        std::string("the connection was lost, and the temporary slot with it: ") + why.what(),
                        "what was committed since can't be read; use a permanent slot (--create-slot)"};
        if (!active || !told_of_slot) log(why, active ? log_level::info : log_level::warning);
        told_of_slot = active;
      }
      const milliseconds look_again(100);
      while (lines_ && !feed_->has_room()) co_await sleep(look_again);
      co_await sleep(pause);
      pause = std::min(pause * 2, milliseconds{5'000});
    }
  }

  asio::awaitable<void> sleep(milliseconds time) {
    // Many streams of one server must not come back all at once.
    std::uniform_real_distribution<double> jitter(0.75, 1.25);
    asio::steady_timer timer(io_, std::chrono::duration_cast<clock::duration>(time * jitter(random_)));
    co_await timer.async_wait(asio::use_awaitable);
  }

  asio::awaitable<void> one_connection() {
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
    with.socket.set_tick(pgoutput::tick_of(settings));
    with.socket.expect_small_messages();
    set_wake(with.socket.waker());
    streaming_ = &with;
    std::exception_ptr error;
    try {
      co_await with.run(pgoutput::follow(with.talk, *feed_, settings, follow_state_));
    } catch (...) {
      error = std::current_exception();
    }
    streaming_ = nullptr;
    if (error) std::rethrow_exception(error);
    finish(false);
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

  // The pipeline's threads wake whatever connection there is.
  void set_wake(std::function<void()> to) {
    std::lock_guard lock(wake_mutex_);
    wake_ = std::move(to);
  }
  void wake() {
    std::lock_guard lock(wake_mutex_);
    if (wake_) wake_();
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
    sink_place place;
    place.to = options_.to;
    if (stored_) place.resume_at = stored_->sink_offset_bytes;
    if (!sink_) sink_ = open_sink(place);
    stored_position ours = described(server);
    if (store_ && !stored_) {
      // From now on the sink's lines have an owner, whenever we die.
      stored_position beginning = ours;
      beginning.position = to_string(from);
      beginning.sink_offset_bytes = sink_->offset();
      store_->store(beginning);
      stored_ = beginning;
    }
    pgoutput::progress_point before;
    before.end = from.at;
    if (stored_) {
      before.transactions = stored_->transactions;
      before.changes = stored_->changes;
    }
    pipeline::limits limits;
    limits.sync_interval = options_.sync_interval;
    lines_ = std::make_unique<pipeline>(*sink_, store_.get(), ours, limits, [this] { wake(); });
    feed_ = std::make_unique<pgoutput::change_feed>(changes_, *lines_, before);
  }

  /// Makes durable what is complete. After an error as well as it goes: the error is what is told.
  void finish(bool after_error) {
    if (!lines_ || finished_) return;
    finished_ = true;
    try {
      feed_->hand_over_done(true);
      lines_->finish();
      if (capture_) capture_->close();
    } catch (const failure& why) {
      if (!after_error) throw;
    }
  }

  // ---- For people

  /// In one write, so that lines of several threads and programs stay whole.
  static void print(const std::string& text) {
    [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
  }

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
    if (show_progress_) asio::co_spawn(io_, print_progress(), asio::detached);
  }

  asio::awaitable<void> print_progress() {
    progress shown(clock::now());
    asio::steady_timer timer(io_);
    for (;;) {
      timer.expires_after(std::chrono::seconds{1});
      co_await timer.async_wait(asio::use_awaitable);
      if (!feed_) continue;
      progress_totals totals;
      totals.changes = changes_.changes();
      totals.bytes_in = follow_state_.bytes;
      totals.position = to_string(feed_->durable());
      if (status_.now.valid())
        totals.lag_bytes = status_.now > feed_->durable() ? status_.now.value - feed_->durable().value : 0;
      totals.retained_bytes = status_.retained_bytes;
      print("\r\033[K" + shown.line(totals, clock::now()));
    }
  }

  void end_progress() const {
    if (show_progress_) print("\r\033[K");
  }

  const stream_options& options_;
  pgoutput::source_settings source_;
  const wire::connection_options from_;
  const bool show_progress_;
  asio::io_context io_{1};  // outlives what the pipeline's threads wake

  std::unique_ptr<pgoutput::capture_file> capture_;
  std::unique_ptr<position_store> store_;
  std::optional<stored_position> stored_;  // as it was when this run began
  std::string system_identifier_;          // of the first connection
  std::unique_ptr<sink> sink_;
  pgoutput::row_changes changes_;
  std::mutex wake_mutex_;
  std::function<void()> wake_;
  std::unique_ptr<pipeline> lines_;
  std::unique_ptr<pgoutput::change_feed> feed_;
  std::unique_ptr<snapshot_run> snapshot_;
  bool finished_ = false;

  pgoutput::follow_settings follow_;
  pgoutput::follow_state follow_state_;
  pgoutput::slot_status status_;
  std::exception_ptr error_;
  std::mt19937 random_{std::random_device{}()};

  wire::client* streaming_ = nullptr;  // while a stop is told by waking it
};

}  // namespace

void run_stream(const stream_options& options, bool quiet) {
  if (options.snapshot == snapshot_mode::only) return run_snapshot(options, quiet);
  stream_run(options, quiet).run();
}

}  // namespace tidewire
