#include "tidewire/snapshot_mongo.hpp"

#include <algorithm>

#include "mongo_wire/copy.hpp"
#include "tidewire/copy_alone.hpp"
#include "tidewire/log.hpp"

namespace tidewire {
namespace {

using namespace mongo_wire;

class mongo_copy final : public copy_runner {
 public:
  mongo_copy(asio::io_context& io, settings with, mongo_source& source, position_store* store,
             std::optional<stored_position> stored)
      : copy_runner(io, with, store, std::move(stored), {{"collections", "documents", true}, false}),
        source_(source) {
    if (!stored_) return;
    auto progress = parse_copy(stored_->copy);
    if (!progress) refuse_damaged_position("what the position file says of the copy is not legal");
    progress_ = std::move(*progress);
    begun_ = stored_->sink_offset_bytes > 0;
  }

 private:
  bool& stop_flag() override { return control_.stop; }

  asio::awaitable<bool> one_round() override {
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
    copy_plan plan = plan_copy(listed, progress_, o_.tables);
    plan.resumed |= begun_;
    co_await measure(with, plan);
    open_sink_once(beginning(ours));
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

  stored_position beginning(stored_position ours) const {
    ours.position = position_;
    ours.copy = {times_line(progress_)};
    return ours;
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
    bytes_before_ = control_.bytes;
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

  copy_totals totals() override {
    totals_.rows = control_.documents;
    totals_.bytes_in = control_.bytes;
    totals_.tables_done = control_.collections_done;
    totals_.table_bytes_done = control_.bytes - bytes_before_;
    return totals_;
  }

  asio::awaitable<bool> work(client& with, stream_settings settings, copy_plan& plan,
                             const stored_position& ours) {
    begin_round(ours);
    add_client(with.socket);
    bool complete = false;
    try {
      complete = co_await with.run(begin_copy(with.talk, *feed_, plan, control_));
    } catch (...) {
      fail(std::current_exception());
    }
    if (complete) co_await copy_all(with, settings, plan);
    complete = complete && !error_ && !control_.stop;
    if (complete) {
      try {
        complete = co_await with.run(end_copy(with.talk, *feed_, plan, control_, settings, position_));
      } catch (...) {
        fail(std::current_exception());
      }
    }
    end_round(complete && !error_);
    co_return complete;
  }

  void begin_round(stored_position end) {
    end.position = position_;
    begin_lines(std::move(end));
    extended_json_options values;
    if (o_.canonical) values.form = extended_form::canonical;
    values.not_utf8 = bad_text::hex;
    checkpoint at{position_, 0, 0, 0};
    feed_ = std::make_unique<copy_feed>(*lines_, progress_, at, values, [this] { wake_workers(); });
    if (o_.chunk_bytes != 0) control_.chunk_bytes = o_.chunk_bytes;
    begun_ = true;
  }

  /// The first works on the connection that is there, the others on their own: no more than there is work
  /// for.
  asio::awaitable<void> copy_all(client& first, const stream_settings& settings, copy_plan& plan) {
    std::size_t count = std::clamp<std::size_t>(plan.work.size(), 1, o_.workers);
    std::function<asio::awaitable<void>(std::size_t)> each = [&](std::size_t i) {
      return i == 0 ? copy_with(first, settings, plan) : worker(settings, plan);
    };
    co_await run_workers(count, each);
  }

  asio::awaitable<void> worker(stream_settings settings, copy_plan& plan) {
    std::unique_ptr<client> own = co_await source_.connect_another();
    co_await with_client(own->socket, copy_with(*own, std::move(settings), plan));
  }

  asio::awaitable<void> copy_with(client& on, stream_settings settings, copy_plan& plan) {
    co_await on.run(copy_some(on.talk, *feed_, plan, control_, settings, position_));
  }

  void before_last_line(bool) override { progress_ = feed_->handed_over(); }
  void keep_progress(bool) override { feed_.reset(); }

  mongo_source& source_;
  copy_progress progress_;
  std::string position_;  // where the stream begins
  copy_control control_;
  bool begun_ = false;  // an earlier round has left something
  bool told_ = false;
  std::unique_ptr<copy_feed> feed_;
  copy_totals totals_;
};

}  // namespace

std::unique_ptr<copy_runner> make_mongo_copy(asio::io_context& io, copy_runner::settings with,
                                             mongo_source& source, position_store* store,
                                             std::optional<stored_position> stored) {
  return std::make_unique<mongo_copy>(io, with, source, store, std::move(stored));
}

void run_mongo_snapshot(const stream_options& options, bool quiet) {
  mongo_source source(options);
  check_sink(options.to);
  run_copy_alone(options, quiet, [&](auto& io, auto with, position_store* store, const auto& stored) {
    source.resolve();
    return make_mongo_copy(io, with, source, store, stored);
  });
}

}  // namespace tidewire
