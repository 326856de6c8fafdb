#include "tidewire/snapshot.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <random>

#include "pgoutput/copy_session.hpp"
#include "pgoutput/position.hpp"
#include "pgoutput/preflight.hpp"
#include "tidewire/copy_alone.hpp"
#include "tidewire/monitor.hpp"
#include "wire/connect.hpp"
#include "wire/query.hpp"

namespace tidewire {
namespace {

using std::chrono::milliseconds;

class postgres_copy final : public copy_runner {
 public:
  postgres_copy(asio::io_context& io, settings with, const pgoutput::source_settings& source,
                const wire::connection_options& from, position_store* store,
                std::optional<stored_position> stored)
      : copy_runner(io, with, store, std::move(stored)), source_(source), from_(from) {
    if (!stored_) return;
    auto progress = pgoutput::parse_copy(stored_->copy);
    if (!progress) refuse_damaged_position("what the position file says of the copy is not legal");
    progress_ = std::move(*progress);
    begun_ = stored_->sink_offset_bytes > 0 || !progress_.tables.empty();
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
    std::unique_ptr<wire::client> made = co_await wire::connect(from_, how);
    co_return made;
  }

  stored_position described(const pgoutput::server_facts& server) const {
    stored_position ours;
    ours.source = "postgres";
    ours.identity = {{"system_identifier", server.system_identifier}, {"database", server.database}};
    if (with_.stream_follows)
      ours.identity.emplace_back("slot", source_.slot);
    else
      ours.identity.emplace_back("copy", "only");
    return ours;
  }

  /// The slot that the stream will go on from; made if this is the beginning.
  asio::awaitable<pgoutput::slot_facts> find_slot(wire::client& with, const pgoutput::server_facts& server) {
    pgoutput::source_settings source = source_;
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
      if (!at) refuse_damaged_position("the stored position " + stored_->position + " is none of Postgres");
      co_await with.run(pgoutput::check_position(with.talk, server, slot, at->at, at->timeline));
    }
    co_return slot;
  }

  /// Only with a slot comes a snapshot of which one knows exactly where the stream stands: for rows that are
  /// read later than the stream begins a second one is made, which ends with the connection.
  asio::awaitable<pgoutput::slot_facts> later_snapshot(wire::client& with,
                                                       const pgoutput::server_facts& server) {
    pgoutput::source_settings source = source_;
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

  bool& stop_flag() override { return control_.stop; }
  copy_totals totals() override { return round_->totals(); }
  bool may_retry(const failure& why) const override {
    return why.code == "TW-PG-TABLE-CHANGED" || copy_runner::may_retry(why);
  }

  asio::awaitable<bool> one_round() override {
    std::unique_ptr<wire::client> maker = co_await connect(with_.stream_follows);
    clients_ = {&maker->socket};
    pgoutput::server_facts server;
    pgoutput::slot_facts slot, exact;
    if (with_.stream_follows)
      server = co_await maker->run(pgoutput::ask_server(maker->talk));
    else
      server = co_await maker->run(pgoutput::ask_plain_server(maker->talk));
    if (stored_) check_same_source(*stored_, described(server));
    if (with_.stream_follows) {
      slot = co_await find_slot(*maker, server);
      exact = slot;
      if (!slot.made_now) exact = co_await later_snapshot(*maker, server);
    }

    std::unique_ptr<wire::client> keeper = co_await connect(false);
    clients_ = {&keeper->socket};
    co_await keeper->run(pgoutput::prepare_copy(keeper->talk, server.version));
    pgoutput::exported_snapshot snapshot = co_await keeper->run(pgoutput::share_snapshot(
        keeper->talk, exact.snapshot, exact.snapshot.empty() ? wire::lsn() : exact.confirmed));
    // The slot's own snapshot has been taken over.
    maker.reset();
    pgoutput::copy_wishes wishes;
    wishes.publications = source_.publications;
    wishes.tables = o_.tables;
    std::vector<pgoutput::listed_table> tables =
        co_await keeper->run(pgoutput::list_tables(keeper->talk, server.version, wishes));

    open_sink_once(beginning(server, slot, snapshot.seen));
    begin_round(std::move(tables), snapshot.seen, server);
    bool complete = co_await work(snapshot.name, server.version);
    co_return complete;
  }

  stored_position beginning(const pgoutput::server_facts& server, const pgoutput::slot_facts& slot,
                            const pgoutput::copy_snapshot& seen) const {
    stored_position made = described(server);
    wire::lsn at = with_.stream_follows ? slot.confirmed : seen.at;
    made.position = to_string(pgoutput::position{at, server.timeline});
    made.copy = {line_of(seen)};
    return made;
  }

  void begin_round(std::vector<pgoutput::listed_table> tables, pgoutput::copy_snapshot seen,
                   const pgoutput::server_facts& server) {
    pgoutput::copy_round::settings with;
    with.version = server.version;
    with.changes_follow = with_.stream_follows;
    with.workers = o_.workers;
    with.chunk_bytes = o_.chunk_bytes;
    checkpoint at;
    at.position = stored_->position;
    // The copy alone stands for the newest of its snapshots.
    if (!with_.stream_follows) at.position = to_string(pgoutput::position{seen.at, server.timeline});
    auto start = pgoutput::parse_position(at.position);
    at.ack = start ? start->at.value : 0;
    stored_position end = described(server);
    end.position = at.position;
    begin_lines(std::move(end), with.workers * (with.batches_per_worker + 1) + 1);
    pgoutput::copy_progress before = begun_ ? progress_ : pgoutput::copy_progress{};
    round_ = std::make_unique<pgoutput::copy_round>(std::move(tables), std::move(before), std::move(seen),
                                                    *lines_, at, with, [this] { wake_workers(); });
    round_->begin();
    begun_ = true;
  }

  asio::awaitable<bool> work(std::string snapshot, int version) {
    clients_.clear();
    auto over = std::make_shared<bool>(false);
    if (with_.stream_follows) start_watch(over);
    std::function<asio::awaitable<void>(std::size_t)> each = [&](std::size_t) {
      return worker(snapshot, version);
    };
    co_await run_workers(o_.workers, each);
    *over = true;
    bool complete = !error_ && round_->complete();
    std::function<bool()> written = [this] { return round_->end(); };
    if (complete) co_await wait_until(written);
    end_round(complete);
    co_return complete;
  }

  void keep_progress(bool) override {
    progress_ = round_->progress();
    round_.reset();
  }

  asio::awaitable<void> worker(std::string snapshot, int version) {
    // No more connections than there is work for.
    std::optional<pgoutput::copy_chunk> first = round_->next({});
    if (!first) co_return;
    std::unique_ptr<wire::client> with = co_await connect(false);
    co_await with_client(with->socket, copy_chunks(*with, *first, std::move(snapshot), version));
    if (!control_.stop) co_await with->run(wire::terminate(with->talk));
  }

  asio::awaitable<void> copy_chunks(wire::client& with, pgoutput::copy_chunk first, std::string snapshot,
                                    int version) {
    pgoutput::copy_rows rows;
    pgoutput::copy_round::worker into(*round_);
    std::optional<pgoutput::copy_chunk> last, chunk = first;
    co_await with.run(pgoutput::prepare_copy(with.talk, version));
    for (; chunk && !control_.stop; chunk = round_->next(last)) {
      if (!round_->lines_of(*chunk).listed.parts.empty()) {
        bool same = last && last->table == chunk->table && last->part == chunk->part;
        if (!same) co_await with.run(pgoutput::open_part(with.talk, snapshot, round_->part_of(*chunk)));
      }
      bool done = co_await with.run(pgoutput::copy_one(with.talk, *round_, *chunk, rows, into, control_));
      if (!done) break;
      last = chunk;
    }
  }

  void start_watch(std::shared_ptr<const bool> over) {
    monitor_settings settings;
    settings.slot = source_.slot;
    settings.on_status = [this](const pgoutput::slot_status& status) { display_.set_status(status); };
    settings.on_lost = [this](std::exception_ptr error) { fail(std::move(error)); };
    asio::co_spawn(io_, monitor(from_, std::move(settings), std::move(over)), asio::detached);
  }

  const pgoutput::source_settings& source_;
  const wire::connection_options& from_;
  pgoutput::copy_progress progress_;
  bool begun_ = false;  // an earlier round has left something
  std::mt19937 random_{std::random_device{}()};
  std::unique_ptr<pgoutput::copy_round> round_;
  pgoutput::copy_control control_;
};

}  // namespace

std::unique_ptr<copy_runner> make_postgres_copy(asio::io_context& io, copy_runner::settings with,
                                                const pgoutput::source_settings& source,
                                                const wire::connection_options& from, position_store* store,
                                                std::optional<stored_position> stored) {
  return std::make_unique<postgres_copy>(io, with, source, from, store, std::move(stored));
}

void run_snapshot(const stream_options& options, bool quiet) {
  wire::connection_options from = wire::parse_connection_string(options.url);
  for (const std::string& name : from.ignored) log(log_level::warning, "", name + " has no effect here");
  check_sink(options.to);
  pgoutput::source_settings source;
  source.publications = options.publications;
  run_copy_alone(options, quiet, [&](auto& io, auto with, position_store* store, const auto& stored) {
    return make_postgres_copy(io, with, source, from, store, stored);
  });
}

}  // namespace tidewire
