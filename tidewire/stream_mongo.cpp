#include "tidewire/stream_mongo.hpp"

#include "core/capture_output.hpp"
#include "core/utc_time.hpp"
#include "tidewire/log.hpp"
#include "tidewire/snapshot_mongo.hpp"
#include "tidewire/stream_runner.hpp"

namespace tidewire {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;
using namespace mongo_wire;

class mongo_stream final : public stream_runner {
 public:
  mongo_stream(const stream_options& options, bool quiet)
      : stream_runner(options, quiet), source_(options), settings_(source_.settings) {
    check_sink(options.to);
    if (!options.start_at.empty() && !parse_time(options.start_at) && !parse_token(options.start_at))
      throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                    "--start-at " + options.start_at + " is no position",
                    "a token as in a line's pos, or @seconds.increment"};
    if (!options.start_at.empty() && options.snapshot == snapshot_mode::initial)
      throw failure{failure_kind::usage, "TW-USAGE-OPTION", "--start-at does not go with --snapshot initial",
                    "after a copy the stream begins where the copy did"};
    if (!options.capture_file.empty()) capture_ = std::make_unique<capture_output>(options.capture_file);
    load_position();
    source_.resolve();
  }

 private:
  std::unique_ptr<copy_runner> make_copy() override {
    return make_mongo_copy(io_, {options_, true, show_progress_}, source_, store_.get(), stored_);
  }

  bool may_retry(const failure& why, bool moved) override {
    return !state_.stop && stream_runner::may_retry(why, moved);
  }
  bool& stop_flag() override { return state_.stop; }
  std::uint64_t bytes_in() const override { return state_.bytes; }

  asio::awaitable<round_end> one_connection() override {
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
    round_end end = co_await follow_one(with, settings);
    co_return end;
  }

  /// When the server closed the cursor a new one goes on.
  asio::awaitable<round_end> follow_one(client& with, const stream_settings& settings) {
    stream_end end = stream_end::closed;
    {
      followed now(*this, with.socket, settings.until_time ? milliseconds{50} : settings.least_wait);
      end = co_await with.run(mongo_wire::follow(with.talk, *feed_, settings, state_));
    }
    if (end == stream_end::closed) {
      log(log_level::info, "",
          "the server closed the stream after " + feed_->next() + "; a new one goes on there");
      co_return round_end::again;
    }
    with.socket.link().deadline = clock::now() + std::chrono::seconds{5};
    try {
      co_await with.run(end_session(with.talk));
    } catch (const failure&) {
      // The server forgets the session by itself.
    }
    co_return round_end::over;
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
    checkpoint before = stream_runner::open_lines(source_.described(with), first_position(server));
    extended_json_options values;
    if (options_.canonical) values.form = extended_form::canonical;
    values.not_utf8 = bad_text::hex;
    feed_ = std::make_unique<event_feed>(*lines_, before, values);
    post_images images = source_.images;
    if (images != post_images::auto_configure && images != post_images::read_only) return;
    images_ = std::make_unique<image_watch>(images);
    feed_->watch_images(*images_);
  }

  void hand_over() override { feed_->hand_over(); }
  void close_capture() override {
    if (capture_) capture_->close();
  }

  /// The position is the time of the last change: tokens are long, and say nothing to a reader.
  std::optional<progress_totals> totals() const override {
    if (!feed_ || !feed_->time()) return std::nullopt;
    progress_totals totals;
    totals.changes = feed_->events();
    totals.bytes_in = state_.bytes;
    char time[utc_text_size];
    put_utc(time, std::int64_t{feed_->time()->time} * 1'000'000);
    constexpr std::size_t to_the_second = 19;
    totals.position.assign(time, to_the_second) += 'Z';
    return totals;
  }

  mongo_source source_;
  stream_settings settings_;
  std::unique_ptr<capture_output> capture_;  // what comes after the login, for tidewire decode
  std::unique_ptr<image_watch> images_;
  std::unique_ptr<event_feed> feed_;

  session_id session_ = make_session_id();
  stream_state state_;
};

}  // namespace

void run_mongo_stream(const stream_options& options, bool quiet) {
  if (options.snapshot == snapshot_mode::only) return run_mongo_snapshot(options, quiet);
  mongo_stream(options, quiet).run();
}

}  // namespace tidewire
