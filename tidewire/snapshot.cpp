#include "tidewire/snapshot.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <mutex>
#include <random>

#include "pgoutput/copy_session.hpp"
#include "pgoutput/position.hpp"
#include "pgoutput/preflight.hpp"
#include "tidewire/copy_display.hpp"
#include "tidewire/monitor.hpp"
#include "wire/connect.hpp"
#include "wire/query.hpp"

namespace tidewire {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

bool refused(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const failure& why) {
    return why.kind != failure_kind::transient;
  } catch (...) {
    return true;
  }
}

[[noreturn]] void damaged(const std::string& what) {
  throw failure{failure_kind::refused, "TW-POSITION-DAMAGED", what,
                "it was written by something else; remove the file only if you start anew"};
}

}  // namespace

class snapshot_run::impl {
 public:
  impl(asio::io_context& io, settings with, position_store* store, std::optional<stored_position> stored)
      : io_(io), with_(with), o_(with.options), store_(store), stored_(std::move(stored)) {
    if (!stored_) return;
    auto progress = pgoutput::parse_copy(stored_->copy);
    if (!progress) damaged("what the position file says of the copy is not legal");
    progress_ = std::move(*progress);
    begun_ = stored_->sink_offset_bytes > 0 || !progress_.tables.empty();
  }

  asio::awaitable<std::optional<snapshot_end>> run() {
    asio::steady_timer pause_timer(io_);
    milliseconds pause{100};
    for (;;) {
      std::uint64_t bytes = bytes_;
      try {
        bool complete = co_await one_round();
        if (!complete) co_return std::nullopt;
        co_return snapshot_end{std::move(sink_), *stored_};
      } catch (const failure& why) {
        clients_.clear();  // they have gone
        if (stopping_) co_return std::nullopt;
        bool begun = stored_ && sink_;
        bool worth_it = begun || why.code == "TW-PG-TABLE-CHANGED";
        if (why.kind != failure_kind::transient || !worth_it || sink_failed_) throw;
        log(why, log_level::warning);
        if (bytes_ != bytes) pause = milliseconds{100};
      }
      std::uniform_real_distribution<double> jitter(0.75, 1.25);
      pause_timer.expires_after(std::chrono::duration_cast<clock::duration>(pause * jitter(random_)));
      co_await pause_timer.async_wait(asio::use_awaitable);
      pause = std::min(pause * 2, milliseconds{5'000});
    }
  }

  void stop() {
    stopping_ = true;
    halt();
  }

 private:
  // ---- Connections

  asio::awaitable<std::unique_ptr<wire::client>> connect(bool replication) {
    wire::connect_settings how;
    how.replication = replication;
    // A COPY may find nothing for a long time; and what is idle here is meant to be.
    how.read_deadline = milliseconds{0};
    how.on_notice = [](const wire::error_details& notice) {
      log(log_level::info, "", "server: " + notice.whole());
    };
    how.on_warning = [](const std::string& text) { log(log_level::warning, "", text); };
    if (o_.trace) how.on_trace = print_trace;
    std::unique_ptr<wire::client> made = co_await wire::connect(with_.from, how);
    co_return made;
  }

  stored_position described(const pgoutput::server_facts& server) const {
    stored_position ours;
    ours.source = "postgres";
    ours.identity = {{"system_identifier", server.system_identifier}, {"database", server.database}};
    if (with_.with_slot)
      ours.identity.emplace_back("slot", with_.source.slot);
    else
      ours.identity.emplace_back("copy", "only");
    return ours;
  }

  /// The slot that the stream will go on from; made if this is the beginning.
  asio::awaitable<pgoutput::slot_facts> find_slot(wire::client& with, const pgoutput::server_facts& server) {
    pgoutput::source_settings source = with_.source;
    source.create_slot = true;
    source.export_snapshot = true;
    co_await with.run(pgoutput::check_server(with.talk, server, source));
    with.socket.link().silence_limit = std::max(o_.read_deadline, o_.lock_timeout * 2);
    pgoutput::slot_facts slot = co_await with.run(pgoutput::find_slot(with.talk, server, source, !stored_));
    with.socket.link().silence_limit = milliseconds{0};
    if (slot.made_now)
      log(log_level::info, "", "made the slot " + source.slot + " at " + to_string(slot.confirmed));
    if (stored_) {
      auto at = pgoutput::parse_position(stored_->position);
      if (!at) damaged("the stored position " + stored_->position + " is none of Postgres");
      co_await with.run(pgoutput::check_position(with.talk, server, slot, at->at, at->timeline));
    }
    co_return slot;
  }

  /// Only with a slot comes a snapshot of which one knows exactly where the stream stands: for rows that are
  /// read later than the stream begins a second one is made, which ends with the connection.
  asio::awaitable<pgoutput::slot_facts> later_snapshot(wire::client& with,
                                                       const pgoutput::server_facts& server) {
    pgoutput::source_settings source = with_.source;
    // The server may still hold that of a connection that was cut off.
    source.slot = source.slot.substr(0, 48) + "_copy_" + std::to_string(random_() % 100'000);
    source.temporary_slot = true;
    source.export_snapshot = true;
    source.failover = source.two_phase = false;
    with.socket.link().silence_limit = std::max(o_.read_deadline, o_.lock_timeout * 2);
    pgoutput::slot_facts slot = co_await with.run(pgoutput::find_slot(with.talk, server, source, true));
    with.socket.link().silence_limit = milliseconds{0};
    co_return slot;
  }

  // ---- One round

  asio::awaitable<bool> one_round() {
    std::unique_ptr<wire::client> maker = co_await connect(with_.with_slot);
    clients_ = {maker.get()};
    pgoutput::server_facts server;
    pgoutput::slot_facts slot, exact;
    if (with_.with_slot)
      server = co_await maker->run(pgoutput::ask_server(maker->talk));
    else
      server = co_await maker->run(pgoutput::ask_plain_server(maker->talk));
    if (stored_) check_same_source(*stored_, described(server));
    if (with_.with_slot) {
      slot = co_await find_slot(*maker, server);
      exact = slot;
      if (!slot.made_now) exact = co_await later_snapshot(*maker, server);
    }

    std::unique_ptr<wire::client> keeper = co_await connect(false);
    clients_ = {keeper.get()};
    co_await keeper->run(pgoutput::prepare_copy(keeper->talk, server.version));
    pgoutput::exported_snapshot snapshot = co_await keeper->run(pgoutput::share_snapshot(
        keeper->talk, exact.snapshot, exact.snapshot.empty() ? wire::lsn() : exact.confirmed));
    // The slot's own snapshot has been taken over.
    maker.reset();
    pgoutput::copy_wishes wishes;
    wishes.publications = with_.source.publications;
    wishes.tables = o_.tables;
    std::vector<pgoutput::listed_table> tables =
        co_await keeper->run(pgoutput::list_tables(keeper->talk, server.version, wishes));

    open_sink_once();
    if (!stored_) begin_position(server, slot, snapshot.seen);
    begin_round(std::move(tables), snapshot.seen, server);
    bool complete = co_await work(snapshot.name, server.version);
    co_return complete;
  }

  void open_sink_once() {
    if (sink_) return;
    sink_place place;
    place.to = o_.to;
    if (stored_) place.resume_at = stored_->sink_offset_bytes;
    sink_ = open_sink(place);
  }

  /// From now on the sink's lines have an owner, whenever we die; and whoever reads this knows that the copy
  /// is not complete.
  void begin_position(const pgoutput::server_facts& server, const pgoutput::slot_facts& slot,
                      const pgoutput::copy_snapshot& seen) {
    stored_position beginning = described(server);
    wire::lsn at = with_.with_slot ? slot.confirmed : seen.at;
    beginning.position = to_string(pgoutput::position{at, server.timeline});
    beginning.sink_offset_bytes = sink_->offset();
    beginning.copy = {line_of(seen)};
    if (store_) store_->store(beginning);
    stored_ = beginning;
  }

  void begin_round(std::vector<pgoutput::listed_table> tables, pgoutput::copy_snapshot seen,
                   const pgoutput::server_facts& server) {
    pgoutput::copy_round::settings with;
    with.version = server.version;
    with.changes_follow = with_.with_slot;
    with.workers = o_.workers;
    with.chunk_bytes = o_.chunk_bytes;
    pipeline::limits limits;
    limits.sync_interval = o_.sync_interval;
    limits.batches = with.workers * (with.batches_per_worker + 1) + 1;
    stored_position ours = described(server);
    checkpoint at;
    at.position = stored_->position;
    // The copy alone stands for the newest of its snapshots.
    if (!with_.with_slot) at.position = to_string(pgoutput::position{seen.at, server.timeline});
    auto start = pgoutput::parse_position(at.position);
    at.ack = start ? start->at.value : 0;
    control_.stop = stopping_;
    error_ = nullptr;
    end_.copy.clear();
    end_ = ours;
    end_.position = at.position;
    lines_ = std::make_unique<pipeline>(*sink_, store_, ours, limits, [this] { wake_from_outside(); });
    pgoutput::copy_progress before = begun_ ? progress_ : pgoutput::copy_progress{};
    round_ = std::make_unique<pgoutput::copy_round>(std::move(tables), std::move(before), std::move(seen),
                                                    *lines_, at, with, [this] { wake_workers(); });
    round_->begin();
    begun_ = true;
  }

  asio::awaitable<bool> work(std::string snapshot, int version) {
    finished_.expires_at(clock::time_point::max());
    running_ = o_.workers;
    clients_.assign(o_.workers, nullptr);
    for (std::size_t i = 0; i < o_.workers; ++i)
      asio::co_spawn(io_, worker(i, snapshot, version), [this](std::exception_ptr error) {
        // After the first one the others were told to end, however they do it.
        if (error && (!control_.stop || refused(error))) fail(error);
        if (--running_ == 0) finished_.cancel();
      });
    auto over = std::make_shared<bool>(false);
    if (with_.with_slot) start_watch(over);
    display_.begin(round_->totals(), with_.show_progress, clock::now());
    while (running_ > 0) {
      asio::error_code ignored;
      finished_.expires_after(std::chrono::seconds{1});
      co_await finished_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      display_.show(round_->totals(), clock::now());
    }
    display_.end();
    *over = true;
    bool complete = !error_ && round_->complete();
    if (complete) {
      // All batches are free, or on their way.
      while (!round_->end()) {
        lines_->rethrow();
        finished_.expires_after(milliseconds{1});
        co_await finished_.async_wait(asio::use_awaitable);
      }
    }
    bytes_ += round_->totals().bytes_in;
    end_round(complete);
    co_return complete;
  }

  /// Makes durable what is complete, and keeps in mind what that is.
  void end_round(bool complete) {
    try {
      lines_->finish();
    } catch (const failure&) {
      sink_failed_ = true;
      throw;
    }
    progress_ = round_->progress();
    pgoutput::copy_totals totals = round_->totals();
    round_.reset();
    lines_.reset();
    set_wakers({});
    stored_->sink_offset_bytes = sink_->offset();
    if (error_) std::rethrow_exception(error_);
    if (!complete) return;
    end_.sink_offset_bytes = sink_->offset();
    stored_ = end_;
    log(log_level::info, "",
        "copied " + std::to_string(totals.rows) + " rows of " + std::to_string(totals.tables) + " tables");
  }

  asio::awaitable<void> worker(std::size_t number, std::string snapshot, int version) {
    pgoutput::copy_rows rows;
    pgoutput::copy_round::worker into(*round_);
    std::optional<pgoutput::copy_chunk> last;
    std::optional<pgoutput::copy_chunk> chunk = round_->next(last);
    // No more connections than there is work for.
    if (!chunk) co_return;
    std::unique_ptr<wire::client> with = co_await connect(false);
    add_client(number, *with);
    std::exception_ptr error;
    try {
      co_await with->run(pgoutput::prepare_copy(with->talk, version));
      for (; chunk && !control_.stop; chunk = round_->next(last)) {
        if (!round_->lines_of(*chunk).listed.parts.empty()) {
          bool same = last && last->table == chunk->table && last->part == chunk->part;
          if (!same) co_await with->run(pgoutput::open_part(with->talk, snapshot, round_->part_of(*chunk)));
        }
        bool done = co_await with->run(pgoutput::copy_one(with->talk, *round_, *chunk, rows, into, control_));
        if (!done) break;
        last = chunk;
      }
    } catch (...) {
      error = std::current_exception();
    }
    clients_[number] = nullptr;
    if (error) std::rethrow_exception(error);
    if (!control_.stop) co_await with->run(wire::terminate(with->talk));
  }

  void start_watch(std::shared_ptr<const bool> over) {
    monitor_settings settings;
    settings.slot = with_.source.slot;
    settings.on_status = [this](const pgoutput::slot_status& status) { display_.set_status(status); };
    settings.on_lost = [this](std::exception_ptr error) { fail(std::move(error)); };
    asio::co_spawn(io_, monitor(with_.from, std::move(settings), std::move(over)), asio::detached);
  }

  // ---- Ends and wake-ups

  /// What a person must act on counts more than what a retry helps against.
  void fail(std::exception_ptr error) {
    if (!error_ || (refused(error) && !refused(error_))) error_ = std::move(error);
    halt();
  }

  void halt() {
    control_.stop = true;
    // Who waits for a lock hears nothing but that the time is over.
    for (wire::client* each : clients_)
      if (each) each->socket.link().deadline = clock::now();
    wake_workers();
  }

  void wake_workers() {
    for (wire::client* each : clients_)
      if (each) each->socket.wake();
  }

  void add_client(std::size_t number, wire::client& with) {
    clients_[number] = &with;
    std::lock_guard lock(wake_mutex_);
    wakers_.push_back(with.socket.waker());
  }
  void set_wakers(std::vector<std::function<void()>> to) {
    std::lock_guard lock(wake_mutex_);
    wakers_ = std::move(to);
  }
  /// From the pipeline's threads.
  void wake_from_outside() {
    std::lock_guard lock(wake_mutex_);
    for (const auto& each : wakers_) each();
  }

  asio::io_context& io_;
  const settings with_;
  const stream_options& o_;
  position_store* store_;
  std::optional<stored_position> stored_;
  pgoutput::copy_progress progress_;
  bool begun_ = false;  // an earlier round has left something
  bool stopping_ = false;
  bool sink_failed_ = false;
  std::uint64_t bytes_ = 0;
  std::mt19937 random_{std::random_device{}()};

  std::unique_ptr<sink> sink_;
  std::mutex wake_mutex_;
  std::vector<std::function<void()>> wakers_;
  std::unique_ptr<pipeline> lines_;
  std::unique_ptr<pgoutput::copy_round> round_;
  stored_position end_;  // once the copy is complete

  std::vector<wire::client*> clients_;  // who is to be told of a stop
  std::size_t running_ = 0;
  asio::steady_timer finished_{io_};
  std::exception_ptr error_;
  pgoutput::copy_control control_;
  copy_display display_;
};

snapshot_run::snapshot_run(asio::io_context& io, settings with, position_store* store,
                           std::optional<stored_position> stored)
    : impl_(std::make_unique<impl>(io, with, store, std::move(stored))) {}
snapshot_run::~snapshot_run() = default;

asio::awaitable<std::optional<snapshot_end>> snapshot_run::run() {
  return impl_->run();
}

void snapshot_run::stop() {
  impl_->stop();
}

}  // namespace tidewire
