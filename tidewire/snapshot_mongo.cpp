#include "tidewire/snapshot_mongo.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <csignal>
#include <mutex>
#include <random>
#include <unistd.h>

#include "mongo_wire/copy.hpp"
#include "tidewire/copy_display.hpp"
#include "tidewire/log.hpp"

namespace tidewire {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;
using namespace mongo_wire;

class mongo_snapshot_run::impl {
 public:
  impl(asio::io_context& io, mongo_source& source, settings with, position_store* store,
       std::optional<stored_position> stored)
      : io_(io), source_(source), with_(with), store_(store), stored_(std::move(stored)) {
    if (!stored_) return;
    auto progress = parse_copy(stored_->copy);
    if (!progress)
      throw failure{failure_kind::refused, "TW-POSITION-DAMAGED",
                    "what the position file says of the copy is not legal",
                    "it was written by something else; remove the file only if you start anew"};
    progress_ = std::move(*progress);
    begun_ = stored_->sink_offset_bytes > 0;
  }

  asio::awaitable<std::optional<snapshot_end>> run() {
    milliseconds pause{100};
    for (;;) {
      std::uint64_t bytes = control_.bytes;
      try {
        bool complete = co_await one_round();
        if (!complete) co_return std::nullopt;
        co_return snapshot_end{std::move(sink_), *stored_};
      } catch (const failure& why) {
        if (stopping_) co_return std::nullopt;
        if (why.kind != failure_kind::transient || !sink_ || sink_failed_) throw;
        log(why, log_level::warning);
        if (control_.bytes != bytes) pause = milliseconds{100};
      }
      std::uniform_real_distribution<double> jitter(0.75, 1.25);
      asio::steady_timer timer(io_, std::chrono::duration_cast<clock::duration>(pause * jitter(random_)));
      co_await timer.async_wait(asio::use_awaitable);
      pause = std::min(pause * 2, milliseconds{5'000});
    }
  }

  void stop() {
    // Asked twice: at once, also while we wait for a sink that hangs.
    if (std::exchange(stopping_, true) || clients_.empty()) return io_.stop();
    halt();
  }

 private:
  asio::awaitable<bool> one_round() {
    std::unique_ptr<client> made = co_await source_.connect();
    client& with = *made;
    stream_settings settings = source_.settings;
    server_facts server = co_await with.run(ask_server(with.talk));
    if (!server.now) server.now = with.server.last_write;
    settings.split = server.can_split();
    stored_position ours = described(with);
    if (stored_) check_same_source(*stored_, ours);
    co_await find_position(with, settings, server);
    check_caught_up(with, server);
    std::vector<collection_facts> listed = co_await with.run(list_collections(with.talk, settings.database));
    copy_plan plan = plan_copy(listed, progress_, source_.options.tables);
    plan.resumed |= begun_;
    co_await measure(with, plan);
    open_sink_once(ours);
    log(log_level::info, "",
        "copying " + std::to_string(plan.collections) + " collections of " + source_.scope() + " from " +
            with.host.text() + " (MongoDB " + server.text() + "); the stream's place is " +
            stored_->position);
    tell_left_out(plan);
    bool complete = co_await work(with, settings, plan, ours);
    co_return complete;
  }

  stored_position described(const client& with) const {
    stored_position ours = source_.described(with);
    if (!with_.stream_follows) ours.identity.emplace_back("copy", "only");
    return ours;
  }

  /// Before anything is read: whatever is written from then on comes with the stream. On the way on: whether
  /// the stream can still begin there.
  asio::awaitable<void> find_position(client& with, const stream_settings& settings,
                                      const server_facts& server) {
    if (!position_.empty() || stored_) {
      if (position_.empty()) position_ = stored_->position;
      co_await with.run(try_position(with.talk, settings, position_));
      co_return;
    }
    if (!server.now)
      throw failure{failure_kind::transient, "TW-MONGO-UNAVAILABLE",
                    "the server tells no time of its operations", "it may have just begun; a retry may help"};
    progress_.since = progress_.newest = *server.now;
    std::string after = time_text({server.now->time, server.now->increment + 1});
    position_ = co_await with.run(try_position(with.talk, settings, std::move(after)));
  }

  /// What was there when the copy began must be listed, and the stream does not tell of it: a member that
  /// lags behind that time does not know all of it.
  void check_caught_up(const client& with, const server_facts& server) const {
    bool member = with.server.kind != server_kind::mongos;
    if (!member || (server.now && *server.now >= progress_.since)) return;
    throw failure{failure_kind::transient, "TW-MONGO-UNAVAILABLE",
                  with.host.text() + " lags behind the place where the copy began",
                  "the copy goes on when it has caught up, or at another member"};
  }

  /// From now on the sink's lines have an owner, whenever we die; and whoever reads this knows that the copy
  /// is not complete.
  void open_sink_once(const stored_position& ours) {
    if (sink_) return;
    sink_place place;
    place.to = source_.options.to;
    if (stored_) place.resume_at = stored_->sink_offset_bytes;
    sink_ = open_sink(place);
    if (stored_) return;
    stored_position beginning = ours;
    beginning.position = position_;
    beginning.sink_offset_bytes = sink_->offset();
    beginning.copy = {times_line(progress_)};
    if (store_) store_->store(beginning);
    stored_ = beginning;
  }

  void tell_left_out(const copy_plan& plan) {
    if (std::exchange(told_, true)) return;
    for (const std::string& each : plan.left_out)
      log(log_level::warning, "", shown(each) + " is left out of the copy");
  }

  /// For the display only.
  asio::awaitable<void> measure(client& with, const copy_plan& plan) {
    totals_.tables = plan.collections;
    control_.collections_done = plan.collections - plan.work.size();
    totals_.table_bytes = 0;
    read_before_ = control_.bytes;
    constexpr std::size_t most = 1'000;
    if (plan.work.size() > most) co_return;
    for (const copy_work& each : plan.work) {
      collection_size size = co_await with.run(ask_size(with.talk, each.of.database, each.of.name));
      std::uint64_t left = size.bytes;
      if (size.documents > 0 && each.of.documents > 0)
        left -= std::min(left, size.bytes / size.documents * each.of.documents);
      totals_.table_bytes += left;
    }
  }

  const pgoutput::copy_totals& totals() {
    totals_.rows = control_.documents;
    totals_.bytes_in = control_.bytes;
    totals_.tables_done = control_.collections_done;
    totals_.table_bytes_done = control_.bytes - read_before_;
    return totals_;
  }

  asio::awaitable<bool> work(client& with, stream_settings settings, copy_plan& plan,
                             const stored_position& ours) {
    begin_round(ours);
    add_client(with);
    bool complete = false;
    try {
      complete = co_await with.run(begin_copy(with.talk, *feed_, plan, control_));
    } catch (...) {
      fail(std::current_exception());
    }
    if (complete) co_await run_workers(with, settings, plan);
    complete = complete && !error_ && !control_.stop;
    if (complete) {
      try {
        complete = co_await with.run(end_copy(with.talk, *feed_, plan, control_, settings, position_));
      } catch (...) {
        fail(std::current_exception());
      }
    }
    clients_.clear();
    set_wakers({});
    end_round(complete && !error_, plan.collections, ours);
    co_return complete;
  }

  void begin_round(const stored_position& ours) {
    pipeline::limits limits;
    limits.sync_interval = source_.options.sync_interval;
    checkpoint at{position_, 0, 0, 0};
    lines_ = std::make_unique<pipeline>(*sink_, store_, ours, limits, [this] { wake_from_outside(); });
    extended_json_options values;
    if (source_.options.canonical) values.form = extended_form::canonical;
    values.not_utf8 = bad_text::hex;
    feed_ = std::make_unique<copy_feed>(*lines_, progress_, at, values, [this] { wake_workers(); });
    if (source_.options.chunk_bytes != 0) control_.chunk_bytes = source_.options.chunk_bytes;
    begun_ = true;
    control_.stop = stopping_;
    error_ = nullptr;
  }

  /// The first works on the connection that is there, the others on their own: no more than there is work
  /// for.
  asio::awaitable<void> run_workers(client& first, const stream_settings& settings, copy_plan& plan) {
    running_ = std::clamp<std::size_t>(plan.work.size(), 1, source_.options.workers);
    finished_.expires_at(clock::time_point::max());
    for (std::size_t i = 0, count = running_; i < count; ++i)
      asio::co_spawn(io_, worker(i == 0 ? &first : nullptr, settings, plan),
                     [this](std::exception_ptr error) {
                       if (error) fail(error);
                       if (--running_ == 0) finished_.cancel();
                     });
    display_.begin(totals(), with_.show_progress, clock::now());
    while (running_ > 0) {
      asio::error_code ignored;
      finished_.expires_after(std::chrono::seconds{1});
      co_await finished_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      display_.show(totals(), clock::now());
    }
    display_.end();
  }

  asio::awaitable<void> worker(client* on, stream_settings settings, copy_plan& plan) {
    std::unique_ptr<client> own;
    if (!on) {
      own = co_await source_.connect_another();
      on = own.get();
      add_client(*on);
    }
    std::exception_ptr error;
    try {
      co_await on->run(copy_some(on->talk, *feed_, plan, control_, settings, position_));
    } catch (...) {
      error = std::current_exception();
    }
    if (own) std::erase(clients_, own.get());
    if (error) std::rethrow_exception(error);
  }

  /// Makes durable what is complete, and keeps in mind what that is.
  void end_round(bool complete, std::size_t collections, const stored_position& ours) {
    progress_ = feed_->handed_over();
    try {
      lines_->finish();
    } catch (const failure&) {
      sink_failed_ = true;
      throw;
    }
    feed_.reset();
    lines_.reset();
    stored_->sink_offset_bytes = sink_->offset();
    if (error_) std::rethrow_exception(error_);
    if (!complete) return;
    stored_ = ours;
    stored_->position = position_;
    stored_->sink_offset_bytes = sink_->offset();
    log(log_level::info, "",
        "copied " + std::to_string(control_.documents) + " documents of " + std::to_string(collections) +
            " collections");
  }

  // ---- Ends and wake-ups

  /// Of several the first counts, or what a person must act on. After it the others end, however they do it.
  void fail(std::exception_ptr error) {
    if (!error_ || (refused(error) && !refused(error_))) error_ = std::move(error);
    halt();
  }
  static bool refused(const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const failure& why) {
      return why.kind != failure_kind::transient;
    } catch (...) {
      return true;
    }
  }

  void halt() {
    control_.stop = true;
    wake_workers();
  }
  void wake_workers() {
    for (client* each : clients_) each->socket.wake();
  }

  void add_client(client& with) {
    clients_.push_back(&with);
    std::lock_guard lock(wake_mutex_);
    wakers_.push_back(with.socket.waker());
  }
  // The pipeline's threads wake whatever connections there are.
  void set_wakers(std::vector<std::function<void()>> to) {
    std::lock_guard lock(wake_mutex_);
    wakers_ = std::move(to);
  }
  void wake_from_outside() {
    std::lock_guard lock(wake_mutex_);
    for (const auto& each : wakers_) each();
  }

  asio::io_context& io_;
  mongo_source& source_;
  const settings with_;
  position_store* store_;
  std::optional<stored_position> stored_;
  copy_progress progress_;
  std::string position_;  // where the stream begins
  copy_control control_;
  bool begun_ = false;     // an earlier round has left something
  bool stopping_ = false;  // asked from outside
  bool sink_failed_ = false;
  bool told_ = false;
  std::uint64_t read_before_ = 0;  // bytes, when this round began
  std::mt19937 random_{std::random_device{}()};

  std::unique_ptr<sink> sink_;
  std::mutex wake_mutex_;
  std::vector<std::function<void()>> wakers_;
  std::unique_ptr<pipeline> lines_;
  std::unique_ptr<copy_feed> feed_;
  std::vector<client*> clients_;  // who is to be told of a stop
  std::size_t running_ = 0;
  asio::steady_timer finished_{io_};
  std::exception_ptr error_;
  pgoutput::copy_totals totals_;
  copy_display display_{copy_words{"collections", "documents", true}};
};

mongo_snapshot_run::mongo_snapshot_run(asio::io_context& io, mongo_source& source, settings with,
                                       position_store* store, std::optional<stored_position> stored)
    : impl_(std::make_unique<impl>(io, source, with, store, std::move(stored))) {}
mongo_snapshot_run::~mongo_snapshot_run() = default;

asio::awaitable<std::optional<snapshot_end>> mongo_snapshot_run::run() {
  return impl_->run();
}

void mongo_snapshot_run::stop() {
  impl_->stop();
}

void run_mongo_snapshot(const stream_options& options, bool quiet) {
  mongo_source source(options);
  check_sink(options.to);
  std::unique_ptr<position_store> store;
  std::optional<stored_position> stored = load_copy_alone(options, store);
  if (stored && stored->copy.empty()) return;
  source.resolve();
  asio::io_context io{1};
  mongo_snapshot_run copy(io, source, {false, !quiet && ::isatty(STDERR_FILENO) != 0}, store.get(), stored);
  run_copy_alone(io, copy.run(), [&copy] { copy.stop(); });
}

}  // namespace tidewire
