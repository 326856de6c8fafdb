#include "tidewire/snapshot_binlog.hpp"

#include <algorithm>

#include "binlog/copy_lock.hpp"
#include "tidewire/log.hpp"
#include "tidewire/snapshot_lock.hpp"

namespace tidewire {
namespace {

using binlog::client;

class binlog_copy final : public copy_runner {
 public:
  binlog_copy(asio::io_context& io, settings with, binlog_copy_hooks hooks, position_store* store,
              std::optional<stored_position> stored)
      : copy_runner(io, with, store, std::move(stored)), hooks_(std::move(hooks)) {
    if (!stored_) return;
    take_progress(stored_->copy);
    if (!binlog::parse_position(stored_->position))
      refuse_damaged_position("the stored position is none of MySQL or MariaDB");
  }

 private:
  using connections = std::vector<std::unique_ptr<client>>;

  // ---- One round

  bool& stop_flag() override { return control_.stop; }
  copy_totals totals() override { return round_->totals(); }

  asio::awaitable<bool> one_round() override {
    std::unique_ptr<client> side = co_await hooks_.connect(!std::exchange(told_, true));
    binlog::server_facts server = co_await side->run(binlog::ask_server(side->talk));
    if (stored_) check_same_source(*stored_, hooks_.describe(server));
    if (stored_) binlog::check_position(server, first());
    co_await side->run(binlog::prepare_copy(side->talk, server));
    opened open = co_await open_in_peace(*side, server);
    const binlog::copy_start& start = open.start;
    bool resumed = stored_.has_value();
    binlog::position from = resumed ? first() : start.resume;
    if (!std::exchange(begun_, true)) co_await hooks_.on_begin(*side, server, from, resumed);
    side.reset();
    if (!resumed) {
      progress_.place = start.place;
      progress_.exact = start.exact;
    }
    open_sink_once(beginning(server, start));
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
      std::unique_ptr<client> made = co_await hooks_.connect(false);
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

  stored_position beginning(const binlog::server_facts& server, const binlog::copy_start& start) const {
    stored_position made = hooks_.describe(server);
    made.position = to_string(start.resume);
    made.copy = {binlog::rows_line(progress_)};
    return made;
  }

  void begin_round(std::vector<binlog::copy_table> tables, bool goes_on, const std::string& place,
                   const binlog::server_facts& server, std::size_t workers) {
    stored_position end = hooks_.describe(server);
    end.position = stored_->position;
    begin_lines(std::move(end), 2 * workers + 1);
    binlog::copy_round::settings with{workers, o_.chunk_bytes, server.mariadb};
    checkpoint at;
    at.position = stored_->position;
    round_ = std::make_unique<binlog::copy_round>(std::move(tables), progress_, goes_on, place, *lines_, at,
                                                  with, [this] { wake_workers(); });
    round_->begin();
  }

  asio::awaitable<bool> work(connections readers, std::vector<std::string> places) {
    std::function<asio::awaitable<void>(std::size_t)> each = [&](std::size_t i) {
      return worker(std::move(readers[i]), std::move(places[i]));
    };
    co_await run_workers(readers.size(), each);
    bool complete = !error_ && round_->complete();
    std::function<bool()> written = [this] { return round_->end(); };
    if (complete) co_await wait_until(written);
    end_round(complete);
    co_return complete;
  }

  void before_last_line(bool complete) override {
    if (!complete) round_->pause();
  }

  void keep_progress(bool complete) override {
    round_.reset();
    std::optional<checkpoint> newest = lines_->durable();
    if (complete || !newest) return;
    // Lines behind the last place to go on from have been cut off.
    std::vector<std::string> lines;
    for (const auto& each : newest->copy) lines.push_back(*each);
    take_progress(lines);
  }

  void take_progress(const std::vector<std::string>& lines) {
    auto progress = binlog::parse_copy(lines);
    if (!progress || progress->place.empty())
      refuse_damaged_position("what the position file says of the copy is not legal");
    progress_ = std::move(*progress);
  }

  asio::awaitable<void> worker(std::unique_ptr<client> with, std::string place) {
    co_await with_client(with->socket, copy_tables(*with, std::move(place)));
  }

  asio::awaitable<void> copy_tables(client& with, std::string place) {
    binlog::copy_round::worker into(*round_, std::move(place));
    bool over = co_await with.run(binlog::copy_tables(with.talk, *round_, into, control_));
    if (over) co_await with.run(binlog::quit(with.talk));
  }

  const binlog_copy_hooks hooks_;
  binlog::copy_progress progress_;
  bool begun_ = false;  // on_begin was called
  bool told_ = false;
  bool told_unseen_ = false;
  std::unique_ptr<binlog::copy_round> round_;
  binlog::copy_control control_;
};

}  // namespace

std::unique_ptr<copy_runner> make_binlog_copy(asio::io_context& io, copy_runner::settings with,
                                              binlog_copy_hooks hooks, position_store* store,
                                              std::optional<stored_position> stored) {
  return std::make_unique<binlog_copy>(io, with, std::move(hooks), store, std::move(stored));
}

}  // namespace tidewire
