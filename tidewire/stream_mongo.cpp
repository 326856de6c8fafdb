#include "tidewire/stream_mongo.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <csignal>
#include <mutex>
#include <random>
#include <unistd.h>

#include "core/capture_output.hpp"
#include "core/position_store.hpp"
#include "core/sink.hpp"
#include "tidewire/log.hpp"
#include "tidewire/snapshot_mongo.hpp"

namespace tidewire {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;
using namespace mongo_wire;

/// Everything of one run. Members live as long as any coroutine that uses them.
class mongo_stream_run {
 public:
  mongo_stream_run(const stream_options& options, bool quiet)
      : options_(options),
        source_(options),
        settings_(source_.settings),
        show_progress_(!quiet && ::isatty(STDERR_FILENO) != 0) {
    check_sink(options.to);
    if (!options.start_at.empty() && !parse_time(options.start_at) && !parse_token(options.start_at))
      throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                    "--start-at " + options.start_at + " is no position",
                    "a token as in a line's pos, or @seconds.increment"};
    if (!options.start_at.empty() && options.snapshot == snapshot_mode::initial)
      throw failure{failure_kind::usage, "TW-USAGE-OPTION", "--start-at does not go with --snapshot initial",
                    "after a copy the stream begins where the copy did"};
    if (!options.capture_file.empty()) capture_ = std::make_unique<capture_output>(options.capture_file);
    std::string path = position_path(options);
    if (path.empty()) return;
    store_ = std::make_unique<position_store>(path);
    stored_ = store_->load();
  }

  void run() {
    source_.resolve();
    asio::signal_set signals(io_, SIGINT, SIGTERM);
    wait_for_signal(signals);
    asio::co_spawn(io_, stream(), [this, &signals](std::exception_ptr error) {
      error_ = error;
      io_.stop();
      signals.cancel();
    });
    io_.run();
    finish(error_ != nullptr);
    if (error_) std::rethrow_exception(error_);
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

  /// False: stopped before the copy was complete.
  asio::awaitable<bool> copy_first() {
    bool unfinished = stored_ && !stored_->copy.empty();
    if (options_.snapshot != snapshot_mode::initial && unfinished)
      throw failure{failure_kind::refused, "TW-POSITION-COPY",
                    "the stored position is that of a copy that is not complete",
                    "go on with --snapshot initial"};
    if (options_.snapshot != snapshot_mode::initial || (stored_ && !unfinished)) co_return true;
    mongo_snapshot_run::settings with{true, show_progress_};
    snapshot_ = std::make_unique<mongo_snapshot_run>(io_, source_, with, store_.get(), stored_);
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
    milliseconds pause{100};
    for (;;) {
      std::uint64_t bytes = state_.bytes;
      try {
        bool ended = co_await one_connection();
        if (ended) co_return;
        if (state_.bytes != bytes) pause = milliseconds{100};
      } catch (const failure& why) {
        if (lines_) lines_->rethrow();  // a sink that failed is no reason to reconnect
        if (why.kind != failure_kind::transient || !lines_ || state_.stop) throw;
        if (state_.bytes != bytes) pause = milliseconds{100};
        log(why, log_level::warning);
      }
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

  /// True when the run is over; false when the server closed the cursor, and a new one goes on.
  asio::awaitable<bool> one_connection() {
    std::unique_ptr<client> made = co_await source_.connect();
    client& with = *made;
    if (with.server.session_minutes) with.talk.id = session_;
    if (capture_) with.talk.on_received = [this](byte_view frame) { capture_->append(frame); };
    server_facts server = co_await with.run(ask_server(with.talk));
    // A server that has just begun has no keys to sign its time with, and leaves it out.
    if (!server.now) server.now = with.server.last_write;
    stream_settings settings = settings_;
    settings.split = server.can_split();
    settings.still_wanted = source_.watch(with);
    check_identity(with);
    if (!lines_) open_lines(with, server);
    if (options_.end.is == until::kind::now) settings_.until = settings.until = until_now(server);
    log(log_level::info, "",
        "streaming " + source_.scope() + " from " + with.host.text() + " (MongoDB " + server.text() +
            ") after " + feed_->next());
    bool over = co_await follow_one(with, settings);
    co_return over;
  }

  asio::awaitable<bool> follow_one(client& with, const stream_settings& settings) {
    with.socket.set_tick(settings.until_time ? milliseconds{50} : settings.least_wait);
    set_wake(with.socket.waker());
    streaming_ = &with;
    std::exception_ptr error;
    stream_end end = stream_end::closed;
    try {
      end = co_await with.run(mongo_wire::follow(with.talk, *feed_, settings, state_));
    } catch (...) {
      error = std::current_exception();
    }
    streaming_ = nullptr;
    if (error) std::rethrow_exception(error);
    if (end == stream_end::closed) {
      log(log_level::info, "",
          "the server closed the stream after " + feed_->next() + "; a new one goes on there");
      co_return false;
    }
    with.socket.link().deadline = clock::now() + std::chrono::seconds{5};
    try {
      co_await with.run(end_session(with.talk));
    } catch (const failure&) {
      // The server forgets the session by itself.
    }
    co_return true;
  }

  /// The bound of the first connection counts.
  bson_timestamp until_now(const server_facts& server) const {
    return settings_.until ? *settings_.until : time_of(server);
  }

  static bson_timestamp time_of(const server_facts& server) {
    if (!server.now)
      throw failure{failure_kind::transient, "TW-MONGO-UNAVAILABLE",
                    "the server tells no time of its operations", "it may have just begun; a retry may help"};
    return *server.now;
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

  void check_identity(const client& with) const {
    if (stored_) check_same_source(*stored_, source_.described(with));
  }

  /// Where the stream begins: what was asked for, else what is stored, else after everything that is there.
  std::string first_position(const server_facts& server) const {
    if (!options_.start_at.empty()) return options_.start_at;
    if (stored_) return stored_->position;
    bson_timestamp now = time_of(server);
    return time_text({now.time, now.increment + 1});
  }

  void open_lines(const client& with, const server_facts& server) {
    if (!sink_) {
      sink_place place;
      place.to = options_.to;
      if (stored_) place.resume_at = stored_->sink_offset_bytes;
      sink_ = open_sink(place);
    }
    stored_position ours = source_.described(with);
    checkpoint before{first_position(server), 0, 0, 0};
    if (stored_) {
      before.transactions = stored_->transactions;
      before.changes = stored_->changes;
    } else if (store_) {
      // From now on the sink's lines have an owner, whenever we die.
      stored_position beginning = ours;
      beginning.position = before.position;
      beginning.sink_offset_bytes = sink_->offset();
      store_->store(beginning);
      stored_ = beginning;
    }
    pipeline::limits limits;
    limits.sync_interval = options_.sync_interval;
    lines_ = std::make_unique<pipeline>(*sink_, store_.get(), ours, limits, [this] { wake(); });
    extended_json_options values;
    if (options_.canonical) values.form = extended_form::canonical;
    values.not_utf8 = bad_text::hex;
    feed_ = std::make_unique<event_feed>(*lines_, before, values);
    post_images images = source_.images;
    if (images != post_images::auto_configure && images != post_images::read_only) return;
    images_ = std::make_unique<image_watch>(images);
    feed_->watch_images(*images_);
  }

  /// Makes durable what is complete. After an error as well as it goes: the error is what is told.
  void finish(bool after_error) {
    if (!lines_ || finished_) return;
    finished_ = true;
    try {
      feed_->hand_over();
      lines_->finish();
      if (capture_) capture_->close();
    } catch (const failure& why) {
      if (!after_error) throw;
    }
  }

  const stream_options& options_;
  mongo_source source_;
  stream_settings settings_;
  const bool show_progress_;
  asio::io_context io_{1};  // outlives what the pipeline's threads wake

  std::unique_ptr<capture_output> capture_;  // what comes after the login, for tidewire decode
  std::unique_ptr<position_store> store_;
  std::optional<stored_position> stored_;  // as it was when this run began
  std::unique_ptr<sink> sink_;
  std::mutex wake_mutex_;
  std::function<void()> wake_;
  std::unique_ptr<pipeline> lines_;
  std::unique_ptr<image_watch> images_;
  std::unique_ptr<event_feed> feed_;
  bool finished_ = false;

  session_id session_ = make_session_id();
  stream_state state_;
  std::exception_ptr error_;
  std::mt19937 random_{std::random_device{}()};
  std::unique_ptr<mongo_snapshot_run> snapshot_;
  client* streaming_ = nullptr;  // while a stop is told by waking it
};

}  // namespace

void run_mongo_stream(const stream_options& options, bool quiet) {
  if (options.snapshot == snapshot_mode::only) return run_mongo_snapshot(options, quiet);
  mongo_stream_run(options, quiet).run();
}

}  // namespace tidewire
