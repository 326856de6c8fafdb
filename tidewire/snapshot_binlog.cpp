#include "tidewire/snapshot_binlog.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <mutex>
#include <random>

#include "binlog/copy_lock.hpp"
#include "tidewire/copy_display.hpp"
#include "tidewire/log.hpp"
#include "tidewire/snapshot_lock.hpp"

namespace tidewire {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;
using binlog::client;

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

class binlog_snapshot_run::impl {
 public:
  impl(asio::io_context& io, settings with, position_store* store, std::optional<stored_position> stored)
      : io_(io), with_(std::move(with)), o_(with_.options), store_(store), stored_(std::move(stored)) {
    if (!stored_) return;
    take_progress(stored_->copy);
    if (!binlog::parse_position(stored_->position))
      damaged("the stored position is none of MySQL or MariaDB");
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
        if (stopping_) co_return std::nullopt;
        if (why.kind != failure_kind::transient || !sink_ || sink_failed_) throw;
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
    if (running_ > 0)
      halt();
    else
      io_.stop();
  }

 private:
  using connections = std::vector<std::unique_ptr<client>>;

  // ---- One round

  asio::awaitable<bool> one_round() {
    std::unique_ptr<client> side = co_await with_.connect(!std::exchange(told_, true));
    binlog::server_facts server = co_await side->run(binlog::ask_server(side->talk));
    if (stored_) check_same_source(*stored_, with_.describe(server));
    if (stored_) binlog::check_position(server, first());
    co_await side->run(binlog::prepare_copy(side->talk, server));
    opened open = co_await open_in_peace(*side, server);
    const binlog::copy_start& start = open.start;
    bool resumed = stored_.has_value();
    binlog::position from = resumed ? first() : start.resume;
    if (!std::exchange(begun_, true)) co_await with_.on_begin(*side, server, from, resumed);
    side.reset();
    if (!resumed) {
      progress_.place = start.place;
      progress_.exact = start.exact;
    }
    open_sink_once(server, start);
    if (!start.saw_prepared && !std::exchange(told_unseen_, true))
      log(log_level::info, "",
          "without XA_RECOVER_ADMIN it is not seen whether XA transactions are prepared: the copy would miss "
          "their rows, and the stream that follows would end where one of them is committed");
    log(log_level::info, "",
        "copying " + std::to_string(open.tables.size()) + " tables with " +
            std::to_string(open.readers.size()) + " connections; the stream's place is " +
            stored_->position.substr(0, 200));
    bool goes_on = resumed && (stored_->sink_offset_bytes > 0 || !progress_.tables.empty());
    if (resumed) progress_.exact = false;
    begin_round(std::move(open.tables), goes_on, start.place, server, open.readers.size());
    bool complete = co_await work(std::move(open.readers), std::move(open.places));
    co_return complete;
  }

  struct opened {
    std::vector<binlog::copy_table> tables;
    connections readers;
    std::vector<std::string> places{};
    binlog::copy_start start{};
  };

  /// Tables that were changed before the snapshots, behind our look at them, would be read as they were.
  asio::awaitable<opened> open_in_peace(client& side, const binlog::server_facts& server) {
    for (int more = 10; more > 0; --more) {
      opened made;
      made.tables = co_await list_tables(side, server);
      made.readers = co_await connect_readers(workers_for(made.tables), server);
      co_await open(made, side, server);
      std::vector<binlog::copy_table> now = co_await list_tables(side, server);
      if (std::ranges::equal(made.tables, now, {}, &binlog::copy_table::fingerprint,
                             &binlog::copy_table::fingerprint))
        co_return made;
    }
    throw failure{failure_kind::transient, "TW-MY-TABLE-CHANGED",
                  "again and again tables were changed while the copy began", "try again"};
  }

  asio::awaitable<std::vector<binlog::copy_table>> list_tables(client& side,
                                                               const binlog::server_facts& server) {
    // Changes without whole rows tell too little of a row whose table was read at several times.
    bool in_pieces = server.row_image == "FULL";
    std::vector<binlog::copy_table> tables =
        co_await side.run(binlog::tables_to_copy(side.talk, o_.tables, server, in_pieces));
    co_return tables;
  }

  asio::awaitable<void> open(opened& into, client& side, const binlog::server_facts& server) {
    // One that goes on is as of several places whatever it does.
    bool exact = o_.exact && !stored_;
    if (exact) binlog::check_can_be_exact(server, into.tables);
    if (!exact || server.mariadb) into.start = co_await open_snapshots(into.readers, into.places, server);
    into.start.exact &= std::ranges::all_of(into.tables, &binlog::copy_table::has_snapshots);
    if (!exact || into.start.exact) co_return;
    connections locker = co_await connect_readers(1, server);
    locked_opening with{*locker.front(), side, into.readers, into.tables, server, o_.lock_timeout};
    into.start = co_await open_locked_snapshots(with, into.places);
  }

  binlog::position first() const { return *binlog::parse_position(stored_->position); }

  /// No more connections than there is work for.
  std::size_t workers_for(const std::vector<binlog::copy_table>& tables) const {
    constexpr std::uint64_t usual_chunk = 32u << 20;
    std::uint64_t chunks = 0, each = o_.chunk_bytes ? o_.chunk_bytes : usual_chunk;
    for (const binlog::copy_table& table : tables) chunks += 1 + (table.key ? table.bytes / each : 0);
    return std::clamp<std::uint64_t>(chunks, 1, o_.workers);
  }

  asio::awaitable<connections> connect_readers(std::size_t count, const binlog::server_facts& server) {
    connections readers;
    for (std::size_t i = 0; i < count; ++i) {
      std::unique_ptr<client> made = co_await with_.connect(false);
      binlog::server_facts same = co_await made->run(binlog::ask_server(made->talk));
      if (same.uuid != server.uuid || same.server_id != server.server_id)
        throw failure{failure_kind::transient, "TW-MY-SNAPSHOT",
                      "two connections to the same name led to two servers",
                      "name one of them, or copy with --workers 1"};
      co_await made->run(binlog::prepare_copy(made->talk, server));
      readers.push_back(std::move(made));
    }
    co_return readers;
  }

  /// One for each connection. MariaDB tells whether all are the same: where commits come in between, it is
  /// tried again for a while.
  asio::awaitable<binlog::copy_start> open_snapshots(connections& readers, std::vector<std::string>& places,
                                                     const binlog::server_facts& server) {
    // What is prepared behind the stream's place comes with the stream.
    auto care = stored_ ? binlog::xa_care::none : binlog::xa_care::waits;
    for (int more = 50;; --more) {
      client& first_reader = *readers.front();
      binlog::copy_start start =
          co_await first_reader.run(binlog::begin_copy(first_reader.talk, server, care));
      places.assign(readers.size(), start.place);
      for (std::size_t i = 1; i < readers.size(); ++i) {
        client& reader = *readers[i];
        std::string place = co_await reader.run(binlog::open_snapshot(reader.talk, server.mariadb));
        if (server.mariadb) places[i] = place;
      }
      bool same = std::ranges::all_of(places, [&](const std::string& each) { return each == start.place; });
      if (!same && more > 0) continue;
      start.exact &= same && !stored_;
      if (stored_ && server.mariadb) check_is_later(start);
      co_return start;
    }
  }

  /// What was committed before the stream's place must be in what is read.
  void check_is_later(const binlog::copy_start& start) const {
    binlog::position from = first();
    for (const binlog::mariadb_gtid& each : from.domains.gtids())
      if (!start.resume.domains.contains(each))
        throw failure{failure_kind::transient, "TW-MY-SNAPSHOT",
                      "the server's snapshot is older than the copy's begin",
                      "it is another server, which lags behind: it is tried again"};
  }

  /// From now on the sink's lines have an owner, whenever we die; and whoever reads this knows that the copy
  /// is not complete.
  void open_sink_once(const binlog::server_facts& server, const binlog::copy_start& start) {
    if (sink_) return;
    sink_place place;
    place.to = o_.to;
    if (stored_) place.resume_at = stored_->sink_offset_bytes;
    sink_ = open_sink(place);
    if (stored_) return;
    stored_position beginning = with_.describe(server);
    beginning.position = to_string(start.resume);
    beginning.sink_offset_bytes = sink_->offset();
    beginning.copy = {binlog::rows_line(progress_)};
    if (store_) store_->store(beginning);
    stored_ = beginning;
  }

  void begin_round(std::vector<binlog::copy_table> tables, bool goes_on, const std::string& place,
                   const binlog::server_facts& server, std::size_t workers) {
    end_ = with_.describe(server);
    end_.position = stored_->position;
    pipeline::limits limits;
    limits.sync_interval = o_.sync_interval;
    limits.batches = std::max<std::size_t>(limits.batches, 2 * workers + 1);
    control_.stop = stopping_;
    error_ = nullptr;
    lines_ = std::make_unique<pipeline>(*sink_, store_, end_, limits, [this] { wake_from_outside(); });
    binlog::copy_round::settings with{workers, o_.chunk_bytes, server.mariadb};
    checkpoint at;
    at.position = stored_->position;
    round_ = std::make_unique<binlog::copy_round>(std::move(tables), progress_, goes_on, place, *lines_, at,
                                                  with, [this] { wake_workers(); });
    round_->begin();
  }

  asio::awaitable<bool> work(connections readers, std::vector<std::string> places) {
    finished_.expires_at(clock::time_point::max());
    running_ = readers.size();
    clients_.clear();
    for (const auto& each : readers) add_client(*each);
    for (std::size_t i = 0; i < readers.size(); ++i)
      asio::co_spawn(io_, worker(i, std::move(readers[i]), places[i]), [this](std::exception_ptr error) {
        // After the first one the others were told to end, however they do it.
        if (error && (!control_.stop || refused(error))) fail(error);
        if (--running_ == 0) finished_.cancel();
      });
    display_.begin(round_->totals(), with_.show_progress, clock::now());
    while (running_ > 0) {
      asio::error_code ignored;
      finished_.expires_after(std::chrono::seconds{1});
      co_await finished_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      display_.show(round_->totals(), clock::now());
    }
    display_.end();
    bool complete = !error_ && round_->complete();
    if (complete) {
      // All batches are free, or on their way.
      while (!round_->end()) {
        lines_->rethrow();
        finished_.expires_after(milliseconds{1});
        co_await finished_.async_wait(asio::use_awaitable);
      }
    }
    end_round(complete);
    co_return complete;
  }

  /// Makes durable what is complete, and keeps in mind what that is.
  void end_round(bool complete) {
    copy_totals totals = round_->totals();
    bytes_ += totals.bytes_in;
    if (!complete) round_->pause();
    try {
      lines_->finish();
    } catch (const failure&) {
      sink_failed_ = true;
      throw;
    }
    std::optional<checkpoint> newest = lines_->durable();
    round_.reset();
    lines_.reset();
    set_wakers({});
    stored_->sink_offset_bytes = sink_->offset();
    if (complete) {
      end_.sink_offset_bytes = sink_->offset();
      stored_ = end_;
      log(log_level::info, "",
          "copied " + std::to_string(totals.rows) + " rows of " + std::to_string(totals.tables) + " tables");
      return;
    }
    // Lines behind the last place to go on from have been cut off.
    std::vector<std::string> lines;
    if (newest)
      for (const auto& each : newest->copy) lines.push_back(*each);
    if (newest) take_progress(lines);
    if (error_) std::rethrow_exception(error_);
  }

  void take_progress(const std::vector<std::string>& lines) {
    auto progress = binlog::parse_copy(lines);
    if (!progress || progress->place.empty()) damaged("what the position file says of the copy is not legal");
    progress_ = std::move(*progress);
  }

  asio::awaitable<void> worker(std::size_t number, std::unique_ptr<client> with, std::string place) {
    binlog::copy_round::worker into(*round_, std::move(place));
    std::exception_ptr error;
    try {
      bool over = co_await with->run(binlog::copy_tables(with->talk, *round_, into, control_));
      if (over) co_await with->run(binlog::quit(with->talk));
    } catch (...) {
      error = std::current_exception();
    }
    clients_[number] = nullptr;
    if (error) std::rethrow_exception(error);
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
    for (client* each : clients_)
      if (each) each->socket.link().deadline = clock::now();
    wake_workers();
  }

  void wake_workers() {
    for (client* each : clients_)
      if (each) each->socket.wake();
  }

  void add_client(client& with) {
    clients_.push_back(&with);
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
  binlog::copy_progress progress_;
  bool begun_ = false;  // on_begin was called
  bool told_ = false;
  bool told_unseen_ = false;
  bool stopping_ = false;
  bool sink_failed_ = false;
  std::uint64_t bytes_ = 0;
  std::mt19937 random_{std::random_device{}()};

  std::unique_ptr<sink> sink_;
  std::mutex wake_mutex_;
  std::vector<std::function<void()>> wakers_;
  std::unique_ptr<pipeline> lines_;
  std::unique_ptr<binlog::copy_round> round_;
  stored_position end_;  // once the copy is complete

  std::vector<client*> clients_;  // who is to be told of a stop
  std::size_t running_ = 0;
  asio::steady_timer finished_{io_};
  std::exception_ptr error_;
  binlog::copy_control control_;
  copy_display display_;
};

binlog_snapshot_run::binlog_snapshot_run(asio::io_context& io, settings with, position_store* store,
                                         std::optional<stored_position> stored)
    : impl_(std::make_unique<impl>(io, std::move(with), store, std::move(stored))) {}
binlog_snapshot_run::~binlog_snapshot_run() = default;

asio::awaitable<std::optional<snapshot_end>> binlog_snapshot_run::run() {
  return impl_->run();
}

void binlog_snapshot_run::stop() {
  impl_->stop();
}

}  // namespace tidewire
