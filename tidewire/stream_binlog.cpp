#include "tidewire/stream_binlog.hpp"

#include <random>

#include "binlog/connect.hpp"
#include "binlog/follow.hpp"
#include "binlog/schema_book.hpp"
#include "binlog/xa_prepared.hpp"
#include "tidewire/binlog_identity.hpp"
#include "tidewire/binlog_schema.hpp"
#include "tidewire/snapshot_binlog.hpp"
#include "tidewire/stream_runner.hpp"

namespace tidewire {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

binlog::row_changes::settings changes_of(const stream_options& o, const binlog::schema_book& schemas) {
  binlog::row_changes::settings with = changes_with(o.spill_dir, schemas);
  with.held_memory_bytes = o.spill_memory_bytes;
  with.track_gtids = true;
  with.refuse_unknown_xa = true;
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

class binlog_stream final : public stream_runner {
 public:
  binlog_stream(const stream_options& options, bool quiet)
      : stream_runner(options, quiet),
        from_(binlog::parse_connection_url(options.url)),
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
    load_position();
    std::string path = position_path(options);
    // What a person gives is not mixed with what is read.
    if (options.schema_file.empty())
      keeper_ = std::make_unique<schema_keeper>(path, [this] { return connect(false); }, dump_);
    else
      schema_file(path).remove();
  }

 private:
  bool wants_copy() const override {
    if (options_.snapshot == snapshot_mode::only && stored_ && stored_->copy.empty())
      log(log_level::info, "", "the copy is complete already, as of " + stored_->position.substr(0, 200));
    return stream_runner::wants_copy();
  }

  std::unique_ptr<copy_runner> make_copy() override {
    binlog_copy_hooks with;
    with.connect = [this](bool tell) { return connect(tell); };
    with.on_begin = [this](binlog::client& other, const binlog::server_facts& server,
                           const binlog::position& from,
                           bool resumed) { return begin_schemas(other, server, from, resumed); };
    with.describe = described;
    return make_binlog_copy(io_, {options_, true, show_progress_}, std::move(with), store_.get(), stored_);
  }

  bool may_retry(const failure& why, bool moved) override {
    if (!stream_runner::may_retry(why, moved)) return false;
    changes_.reconnected();
    return true;
  }
  bool& stop_flag() override { return state_.stop; }
  std::uint64_t bytes_in() const override { return state_.bytes; }

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
      const milliseconds pause(50);
      co_await pause_.wait(pause);
    }
  }

  /// Nothing that is prepared before its begin may be committed behind it: the rows would be missing.
  asio::awaitable<binlog::server_facts> begin_fresh(binlog::client& with, binlog::server_facts server) {
    binlog::fresh_start start = co_await with.run(binlog::begin_fresh(with.talk, std::move(server)));
    if (!start.saw_prepared)
      log(log_level::info, "",
          "without XA_RECOVER_ADMIN it is not seen whether XA transactions are prepared: "
          "the stream would end where one of them is committed (TW-MY-XA-UNKNOWN)");
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

  asio::awaitable<round_end> one_connection() override {
    try {
      co_await stream_one();
      co_return round_end::over;
    } catch (const binlog::schema_wanted& what) {
      wanted_ = what;
    }
    changes_.reconnected();
    co_return round_end::again_at_once;
  }

  asio::awaitable<void> stream_one() {
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
    {
      followed now(*this, with.socket, milliseconds{bounded ? 50 : 1000});
      co_await with.run(binlog::follow(with.talk, *feed_, server, from, follow_, state_));
    }
    finish(false);
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
    checkpoint before = stream_runner::open_lines(described(server), to_string(from));
    feed_ =
        std::make_unique<binlog::change_feed>(changes_, *lines_, from, before.transactions, before.changes);
  }

  void hand_over() override { feed_->hand_over_done(true); }
  void close_capture() override {
    if (capture_) capture_->finish();
  }

  std::optional<progress_totals> totals() const override {
    if (!feed_) return std::nullopt;
    progress_totals totals;
    totals.changes = changes_.changes();
    totals.bytes_in = state_.bytes;
    totals.position = changes_.done().file + ":" + std::to_string(changes_.done().offset);
    return totals;
  }

  const binlog::connection_url from_;
  std::unique_ptr<binlog::capture_file> capture_;
  std::string uuid_;                       // of the first server
  binlog::schema_book schemas_;            // as it was given
  std::unique_ptr<schema_keeper> keeper_;  // where none was
  bool schemas_begun_ = false;
  std::optional<binlog::schema_wanted> wanted_;
  binlog::position begun_;
  binlog::row_changes changes_;
  std::unique_ptr<binlog::change_feed> feed_;

  binlog::dump_settings dump_;
  binlog::follow_settings follow_;
  binlog::follow_state state_;
  std::mt19937 random_{std::random_device{}()};
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
