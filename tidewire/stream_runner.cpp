#include "tidewire/stream_runner.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <unistd.h>

#include "tidewire/log.hpp"
#include "tidewire/with_signals.hpp"

namespace tidewire {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

/// In one write, so that lines of several threads and programs stay whole.
void print(const std::string& text) {
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

stream_runner::stream_runner(const stream_options& options, bool quiet)
    : options_(options), show_progress_(!quiet && ::isatty(STDERR_FILENO) != 0) {}

stream_runner::~stream_runner() = default;

void stream_runner::load_position() {
  std::string path = position_path(options_);
  if (path.empty()) return;
  store_ = std::make_unique<position_store>(path);
  stored_ = store_->load();
}

void stream_runner::run() {
  std::exception_ptr error = run_with_signals(io_, stream(), [this] { stop(); });
  if (show_progress_) print("\r\033[K");
  finish(error != nullptr);
  if (error) std::rethrow_exception(error);
  if (copying_ && options_.snapshot == snapshot_mode::only) throw_copy_stopped();
}

void stream_runner::stop() {
  stop_flag() = true;
  if (copy_)
    copy_->stop();
  else if (streaming_)
    streaming_->wake();
  else
    io_.stop();
}

asio::awaitable<void> stream_runner::stream() {
  bool goes_on = co_await copy_first();
  if (!goes_on) co_return;
  begin();
  if (show_progress_) asio::co_spawn(io_, print_progress(), asio::detached);
  co_await stream_on();
}

bool stream_runner::wants_copy() const {
  bool unfinished = stored_ && !stored_->copy.empty();
  if (options_.snapshot == snapshot_mode::never && unfinished)
    throw failure{failure_kind::refused, "TW-POSITION-COPY",
                  "the stored position is that of a copy that is not complete",
                  "go on with --snapshot initial"};
  return options_.snapshot != snapshot_mode::never && (!stored_ || unfinished);
}

/// False: no stream is wanted, or it was stopped before the copy was complete.
asio::awaitable<bool> stream_runner::copy_first() {
  if (wants_copy()) {
    copying_ = true;
    copy_ = make_copy();
    std::optional<snapshot_end> end = co_await copy_->run();
    copy_.reset();
    if (!end) co_return false;
    copying_ = false;
    sink_ = std::move(end->to);
    stored_ = std::move(end->position);
  }
  co_return options_.snapshot != snapshot_mode::only;
}

asio::awaitable<void> stream_runner::stream_on() {
  for (;;) {
    std::uint64_t bytes = bytes_in();
    round_end end = round_end::again;
    try {
      end = co_await one_connection();
      if (end == round_end::over) co_return;
      if (end == round_end::again_at_once || bytes_in() != bytes) pause_.reset();
    } catch (const failure& why) {
      if (lines_) lines_->rethrow();  // a sink that failed is no reason to reconnect
      bool moved = bytes_in() != bytes;
      if (moved) pause_.reset();
      if (why.kind != failure_kind::transient || !may_retry(why, moved)) throw;
    }
    if (end == round_end::again_at_once) continue;
    const milliseconds look_again(100);
    while (!is_ready()) co_await pause_.wait(look_again);
    co_await pause_.wait();
  }
}

bool stream_runner::may_retry(const failure& why, bool) {
  if (!lines_) return false;
  log(why, log_level::warning);
  return true;
}

checkpoint stream_runner::open_lines(const stored_position& ours, std::string from) {
  if (!sink_) {
    sink_place place;
    place.to = options_.to;
    if (stored_) place.resume_at = stored_->sink_offset_bytes;
    sink_ = open_sink(place);
  }
  if (store_ && !stored_) {
    stored_ = ours;
    stored_->position = from;
    stored_->sink_offset_bytes = sink_->offset();
    store_->store(*stored_);
  }
  pipeline::limits limits;
  limits.sync_interval = options_.sync_interval;
  lines_ = std::make_unique<pipeline>(*sink_, store_.get(), ours, limits, [this] { wake(); });
  checkpoint before;
  before.position = std::move(from);
  if (stored_) {
    before.transactions = stored_->transactions;
    before.changes = stored_->changes;
  }
  return before;
}

void stream_runner::finish(bool after_error) {
  if (!lines_ || finished_) return;
  finished_ = true;
  try {
    hand_over();
    lines_->finish();
    close_capture();
  } catch (const failure& why) {
    if (!after_error) throw;
  }
}

asio::awaitable<void> stream_runner::print_progress() {
  progress shown(clock::now());
  asio::steady_timer timer(io_);
  for (;;) {
    timer.expires_after(std::chrono::seconds{1});
    co_await timer.async_wait(asio::use_awaitable);
    if (std::optional<progress_totals> now = totals()) print("\r\033[K" + shown.line(*now, clock::now()));
  }
}

stream_runner::followed::followed(stream_runner& by, connection& what, milliseconds tick) : by_(by) {
  what.set_tick(tick);
  by.streaming_ = &what;
  std::lock_guard lock(by.wake_mutex_);
  by.wake_ = what.waker();
}

/// From the pipeline's threads: whatever connection there is.
void stream_runner::wake() {
  std::lock_guard lock(wake_mutex_);
  if (wake_) wake_();
}

}  // namespace tidewire
