#include "tidewire/stream_binlog.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <random>
#include <unistd.h>

#include "binlog/connect.hpp"
#include "binlog/follow.hpp"
#include "binlog/schema_book.hpp"
#include "binlog/xa_prepared.hpp"
#include "core/position_store.hpp"
#include "core/sink.hpp"
#include "tidewire/binlog_identity.hpp"
#include "tidewire/binlog_schema.hpp"
#include "tidewire/progress.hpp"
#include "tidewire/snapshot_binlog.hpp"

namespace tidewire {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

binlog::schema_book read_schema(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw failure{failure_kind::usage, "TW-MY-SCHEMA-FILE", "could not read " + path, "check the path"};
  std::string text{std::istreambuf_iterator<char>(file), {}};
  return binlog::schema_book::parse(text);
}

binlog::row_changes::settings changes_of(const stream_options& o, const binlog::schema_book& schemas) {
  binlog::row_changes::settings with;
  const char* temporary = std::getenv("TMPDIR");
  with.spill_folder = !o.spill_dir.empty() ? o.spill_dir : temporary && *temporary ? temporary : "/tmp";
  with.held_memory_bytes = o.spill_memory_bytes;
  with.track_gtids = true;
  with.refuse_unknown_xa = true;
  if (!schemas.empty()) with.schemas = &schemas;
  with.on_warning = [](const std::string& code, const std::string& text) {
    log(log_level::warning, code, text);
  };
  return with;
}

/// Version 4.
std::string random_uuid(std::mt19937& random) {
  std::string text;
  std::uniform_int_distribution<int> digit(0, 15);
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
    int value = i == 12 ? 4 : i == 16 ? (digit(random) & 3) | 8 : digit(random);
    text += "0123456789abcdef"[value];
  }
  return text;
}

/// Everything of one run. Members live as long as any coroutine that uses them.
class binlog_stream {
 public:
  binlog_stream(const stream_options& options, bool quiet)
      : options_(options),
        from_(binlog::parse_connection_url(options.url)),
        show_progress_(!quiet && ::isatty(STDERR_FILENO)),
        schemas_(read_schema(options.schema_file)),
        changes_(changes_of(options, schemas_)) {
    check_sink(options.to);
    dump_.server_id = options.server_id
                          ? *options.server_id
                          : std::uniform_int_distribution<std::uint32_t>(0x40000000, 0xfffffffe)(random_);
    dump_.uuid = random_uuid(random_);
    if (options.read_deadline.count() > 0)
      dump_.heartbeat = std::clamp(options.read_deadline / 4, milliseconds{100}, milliseconds{30'000});
    if (options.end.is == until::kind::transactions) follow_.until_transactions = options.end.transactions;
    if (options.end.is == until::kind::duration) follow_.until_time = clock::now() + options.end.duration;
    if (options.end.is == until::kind::position) {
      follow_.until = binlog::parse_position(options.end.position);
      if (!follow_.until)
        throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                      "--until " + options.end.position + " is no position",
                      "for example gtid:uuid:1-100, domains:0-1-100 or file:binlog.000003:154"};
    }
    if (!options.capture_file.empty()) {
      capture_ = std::make_unique<binlog::capture_file>(options.capture_file);
      follow_.capture = capture_.get();
    }
    std::string path = position_path(options);
    if (!path.empty()) {
      store_ = std::make_unique<position_store>(path);
      stored_ = store_->load();
    }
    // What a person gives is not mixed with what is read.
    if (options.schema_file.empty())
      keeper_ = std::make_unique<schema_keeper>(path, [this] { return connect(false); }, dump_);
    else
      schema_file(path).remove();
  }

  void run() {
    asio::signal_set signals(io_, SIGINT, SIGTERM);
    wait_for_signal(signals);
    asio::co_spawn(io_, stream(), [this, &signals](std::exception_ptr error) {
      error_ = error;
      io_.stop();
      signals.cancel();
    });
    if (show_progress_) asio::co_spawn(io_, print_progress(), asio::detached);
    io_.run();
    if (show_progress_) print("\r\033[K");
    finish(error_ != nullptr);
    if (error_) std::rethrow_exception(error_);
    if (copying_ && options_.snapshot == snapshot_mode::only)
      throw failure{failure_kind::transient, "TW-SNAPSHOT-STOPPED",
                    "the copy was stopped before it was complete", "the same command goes on from there"};
  }

 private:
  void wait_for_signal(asio::signal_set& signals) {
    signals.async_wait([this, &signals](const asio::error_code& error, int) {
      if (error) return;
      state_.stop = true;
      signals.clear();  // asked twice: at once, also while we wait for a sink that hangs
      if (snapshot_)
        snapshot_->stop();
      else if (streaming_)
        streaming_->socket.wake();
      else
        io_.stop();
    });
  }

  asio::awaitable<void> stream() {
    if (wants_copy()) {
      copying_ = true;
      bool copied = co_await copy();
      if (!copied) co_return;
      copying_ = false;
    }
    if (options_.snapshot == snapshot_mode::only) co_return;
    milliseconds pause{100};
    for (;;) {
      std::uint64_t bytes = state_.bytes;
      try {
        co_await one_connection();
        co_return;
      } catch (const binlog::schema_wanted& what) {
        wanted_ = what;
        pause = milliseconds{0};
      } catch (const failure& why) {
        if (lines_) lines_->rethrow();  // a sink that failed is no reason to reconnect
        if (why.kind != failure_kind::transient || !lines_) throw;
        if (state_.bytes != bytes || pause.count() == 0) pause = milliseconds{100};
        log(why, log_level::warning);
      }
      changes_.reconnected();
      if (pause.count() == 0) continue;
      co_await sleep(pause);
      pause = std::min(pause * 2, milliseconds{5'000});
    }
  }

  bool wants_copy() const {
    bool unfinished = stored_ && !stored_->copy.empty();
    if (options_.snapshot == snapshot_mode::never && unfinished)
      throw failure{failure_kind::refused, "TW-POSITION-FOREIGN",
                    "the position is that of a copy that is not complete", "go on with --snapshot initial"};
    if (options_.snapshot == snapshot_mode::only && stored_ && !unfinished)
      log(log_level::info, "", "the copy is complete already, as of " + stored_->position.substr(0, 200));
    return options_.snapshot != snapshot_mode::never && (!stored_ || unfinished);
  }

  /// What the tables hold, before the first change. False: stopped before that was complete.
  asio::awaitable<bool> copy() {
    binlog_snapshot_run::settings with{options_, show_progress_};
    with.connect = [this](bool tell) { return connect(tell); };
    with.on_begin = [this](binlog::client& other, const binlog::server_facts& server,
                           const binlog::position& from,
                           bool resumed) { return begin_schemas(other, server, from, resumed); };
    with.describe = described;
    snapshot_ = std::make_unique<binlog_snapshot_run>(io_, std::move(with), store_.get(), stored_);
    std::optional<snapshot_end> end = co_await snapshot_->run();
    snapshot_.reset();
    if (!end) co_return false;
    sink_ = std::move(end->to);
    stored_ = std::move(end->position);
    co_return true;
  }

  asio::awaitable<void> sleep(milliseconds time) {
    // Many streams of one server must not come back all at once.
    std::uniform_real_distribution<double> jitter(0.75, 1.25);
    asio::steady_timer timer(io_, std::chrono::duration_cast<clock::duration>(time * jitter(random_)));
    co_await timer.async_wait(asio::use_awaitable);
  }

  asio::awaitable<std::unique_ptr<binlog::client>> connect(bool tell) {
    binlog::connect_settings how;
    how.read_deadline = options_.read_deadline;
    if (tell) how.on_warning = [](const std::string& text) { log(log_level::warning, "", text); };
    if (options_.trace) how.on_trace = print_trace;
    std::unique_ptr<binlog::client> made = co_await binlog::connect(from_, how);
    co_return made;
  }

  /// What was read last may still be on its way into the server's own set.
  asio::awaitable<binlog::server_facts> ask_server(binlog::client& with) {
    for (int more = lines_ ? 40 : 0;; --more) {
      binlog::server_facts server = co_await with.run(binlog::ask_server(with.talk));
      if (more == 0 || server.kind != binlog::position_kind::gtid_set ||
          server.now.executed.contains(feed_->done().executed))
        co_return server;
      milliseconds pause{50};
      co_await sleep(pause);
    }
  }

  /// Nothing that is prepared before its begin may be committed behind it: the rows would be missing.
  asio::awaitable<binlog::server_facts> begin_fresh(binlog::client& with, binlog::server_facts server) {
    binlog::fresh_start start = co_await with.run(binlog::begin_fresh(with.talk, std::move(server)));
    if (!start.saw_prepared)
      log(log_level::info, "",
          "without XA_RECOVER_ADMIN it is not seen whether XA transactions are prepared: the stream would "
          "end "
          "where one of them is committed (TW-MY-XA-UNKNOWN)");
    co_return std::move(start.server);
  }

  /// Once: a copy's begin is the stream's.
  asio::awaitable<void> begin_schemas(binlog::client& with, const binlog::server_facts& server,
                                      const binlog::position& from, bool stored) {
    begun_ = from;
    if (!keeper_ || std::exchange(schemas_begun_, true)) co_return;
    co_await keeper_->begin(with, server, from, stored);
    changes_.follow_schemas(&keeper_->history(), [this] { keeper_->save(durable()); });
  }

  /// How tables look at the place where reading begins.
  asio::awaitable<void> follow_schemas(binlog::client& with, const binlog::server_facts& server,
                                       const binlog::position& from, bool first) {
    if (!keeper_) co_return;
    if (first) co_await begin_schemas(with, server, from, stored_.has_value());
    if (!wanted_) co_return;
    co_await keeper_->learn(with, server, from, *wanted_);
    keeper_->save(durable());
    wanted_.reset();
  }

  /// Where the next process would begin.
  binlog::position durable() const {
    std::optional<checkpoint> newest = lines_ ? lines_->durable() : std::nullopt;
    std::string text = newest ? newest->position : stored_ ? stored_->position : std::string{};
    return text.empty() ? begun_ : binlog::parse_position(text).value_or(begun_);
  }

  asio::awaitable<void> one_connection() {
    std::unique_ptr<binlog::client> made = co_await connect(!lines_);
    binlog::client& with = *made;
    binlog::server_facts server = co_await ask_server(with);
    bool first = !lines_;
    if (first && !stored_) server = co_await begin_fresh(with, std::move(server));
    check_identity(server);
    binlog::position from = first ? first_position(server) : feed_->next();
    if (first) begun_ = from;
    binlog::check_position(server, from);
    co_await follow_schemas(with, server, from, first);
    co_await with.run(binlog::start_dump(with.talk, server, from, dump_));
    if (first) open_lines(server, from);
    log(log_level::info, "",
        "streaming " + std::string(server.mariadb ? "MariaDB " : "MySQL ") + server.version + " at " +
            from_.text() + " from " + to_string(from).substr(0, 200));
    if (options_.end.is == until::kind::now && !follow_.until) follow_.until = server.now;
    co_await follow(with, server, from);
  }

  asio::awaitable<void> follow(binlog::client& with, const binlog::server_facts& server,
                               const binlog::position& from) {
    bool bounded = follow_.until || follow_.until_time;
    with.socket.set_tick(milliseconds{bounded ? 50 : 1000});
    set_wake(with.socket.waker());
    streaming_ = &with;
    std::exception_ptr error;
    try {
      co_await with.run(binlog::follow(with.talk, *feed_, server, from, follow_, state_));
    } catch (...) {
      error = std::current_exception();
    }
    streaming_ = nullptr;
    set_wake({});
    if (error) std::rethrow_exception(error);
    finish(false);
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

  void check_identity(const binlog::server_facts& server) {
    if (stored_) check_same_source(*stored_, described(server));
    if (server.kind == binlog::position_kind::file && !uuid_.empty() && uuid_ != server.uuid)
      throw failure{
          failure_kind::refused, "TW-POSITION-FOREIGN",
          "after the reconnect the server is another one, and without GTIDs its binlog has other offsets",
          "check where the host name leads"};
    uuid_ = server.uuid;
  }

  binlog::position first_position(const binlog::server_facts& server) const {
    if (!stored_) return server.now;
    auto at = binlog::parse_position(stored_->position);
    if (!at)
      throw failure{failure_kind::refused, "TW-POSITION-DAMAGED",
                    "the stored position is none of MySQL or MariaDB",
                    "it was written by something else; remove the file only if you start anew"};
    return *at;
  }

  void open_lines(const binlog::server_facts& server, const binlog::position& from) {
    if (!sink_) {
      sink_place place;
      place.to = options_.to;
      if (stored_) place.resume_at = stored_->sink_offset_bytes;
      sink_ = open_sink(place);
    }
    stored_position ours = described(server);
    if (store_ && !stored_) {
      // From now on the sink's lines have an owner, whenever we die.
      stored_position beginning = ours;
      beginning.position = to_string(from);
      beginning.sink_offset_bytes = sink_->offset();
      store_->store(beginning);
      stored_ = beginning;
    }
    pipeline::limits limits;
    limits.sync_interval = options_.sync_interval;
    lines_ = std::make_unique<pipeline>(*sink_, store_.get(), ours, limits, [this] { wake(); });
    feed_ = std::make_unique<binlog::change_feed>(
        changes_, *lines_, from, stored_ ? stored_->transactions : 0, stored_ ? stored_->changes : 0);
  }

  /// Makes durable what is complete. After an error as well as it goes: the error is what is told.
  void finish(bool after_error) {
    if (!lines_ || finished_) return;
    finished_ = true;
    try {
      feed_->hand_over_done(true);
      lines_->finish();
      if (capture_) capture_->finish();
    } catch (const failure& why) {
      if (!after_error) throw;
    }
  }

  /// In one write, so that lines of several threads and programs stay whole.
  static void print(const std::string& text) {
    [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
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
      totals.bytes_in = state_.bytes;
      totals.position = changes_.done().file + ":" + std::to_string(changes_.done().offset);
      print("\r\033[K" + shown.line(totals, clock::now()));
    }
  }

  const stream_options& options_;
  const binlog::connection_url from_;
  const bool show_progress_;
  asio::io_context io_{1};  // outlives what the pipeline's threads wake

  std::unique_ptr<binlog::capture_file> capture_;
  std::unique_ptr<position_store> store_;
  std::optional<stored_position> stored_;  // as it was when this run began
  std::string uuid_;                       // of the first server
  binlog::schema_book schemas_;            // as it was given
  std::unique_ptr<schema_keeper> keeper_;  // where none was
  bool schemas_begun_ = false;
  std::optional<binlog::schema_wanted> wanted_;
  binlog::position begun_;
  std::unique_ptr<sink> sink_;
  binlog::row_changes changes_;
  std::mutex wake_mutex_;
  std::function<void()> wake_;
  std::unique_ptr<pipeline> lines_;
  std::unique_ptr<binlog::change_feed> feed_;
  bool finished_ = false;

  binlog::dump_settings dump_;
  binlog::follow_settings follow_;
  binlog::follow_state state_;
  bool copying_ = false;
  std::exception_ptr error_;
  std::mt19937 random_{std::random_device{}()};

  std::unique_ptr<binlog_snapshot_run> snapshot_;
  binlog::client* streaming_ = nullptr;  // while a stop is told by waking it
};

}  // namespace

void run_snapshot_binlog(stream_options options, bool quiet) {
  options.snapshot = snapshot_mode::only;
  run_stream_binlog(options, quiet);
}

void run_stream_binlog(const stream_options& options, bool quiet) {
  binlog_stream(options, quiet).run();
}

}  // namespace tidewire
