#include "tidewire/copy_runner.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include "tidewire/log.hpp"

namespace tidewire {

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

}  // namespace

void refuse_damaged_position(const std::string& what) {
  throw failure{failure_kind::refused, "TW-POSITION-DAMAGED", what,
                "it was written by something else; remove the file only if you start anew"};
}

void throw_copy_stopped() {
  throw failure{failure_kind::transient, "TW-SNAPSHOT-STOPPED", "the copy was stopped before it was complete",
                "the same command goes on from there"};
}

copy_runner::copy_runner(asio::io_context& io, settings with, position_store* store,
                         std::optional<stored_position> stored, copy_manners by)
    : io_(io),
      with_(with),
      o_(with.options),
      stored_(std::move(stored)),
      display_(by.words),
      by_(by),
      store_(store) {}

copy_runner::~copy_runner() = default;

asio::awaitable<std::optional<snapshot_end>> copy_runner::run() {
  for (;;) {
    moved_ = false;
    try {
      bool complete = co_await one_round();
      if (!complete) co_return std::nullopt;
      co_return snapshot_end{std::move(sink_), *stored_};
    } catch (const failure& why) {
      clients_.clear();  // they have gone
      if (stopping_) co_return std::nullopt;
      if (why.kind != failure_kind::transient || !may_retry(why) || sink_failed_) throw;
      log(why, log_level::warning);
      if (moved_) pause_.reset();
    }
    co_await pause_.wait();
  }
}

bool copy_runner::may_retry(const failure&) const {
  return stored_ && sink_;
}

void copy_runner::stop() {
  stopping_ = true;
  if (lines_ || !clients_.empty())
    halt();
  else
    io_.stop();
}

void copy_runner::open_sink_once(stored_position beginning) {
  if (!sink_) {
    sink_place place;
    place.to = o_.to;
    if (stored_) place.resume_at = stored_->sink_offset_bytes;
    sink_ = open_sink(place);
  }
  if (stored_) return;
  beginning.sink_offset_bytes = sink_->offset();
  if (store_) store_->store(beginning);
  stored_ = std::move(beginning);
}

void copy_runner::begin_lines(stored_position end, std::size_t batches) {
  pipeline::limits limits;
  limits.sync_interval = o_.sync_interval;
  limits.batches = std::max(limits.batches, batches);
  stop_flag() = stopping_;
  error_ = nullptr;
  end_ = std::move(end);
  lines_ = std::make_unique<pipeline>(*sink_, store_, end_, limits, [this] { wake_from_outside(); });
}

asio::awaitable<void> copy_runner::run_workers(std::size_t count,
                                               std::function<asio::awaitable<void>(std::size_t)> worker) {
  running_ = count;
  for (std::size_t i = 0; i < count; ++i)
    asio::co_spawn(io_, worker(i), [this](std::exception_ptr error) {
      // After the first one the others were told to end, however they do it.
      if (error && (!stop_flag() || refused(error))) fail(std::move(error));
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

asio::awaitable<void> copy_runner::wait_until(std::function<bool()> written) {
  // All batches are free, or on their way.
  while (!written()) {
    try {
      lines_->rethrow();
    } catch (const failure&) {
      sink_failed_ = true;
      throw;
    }
    finished_.expires_after(std::chrono::milliseconds{1});
    co_await finished_.async_wait(asio::use_awaitable);
  }
}

void copy_runner::end_round(bool complete) {
  copy_totals copied = totals();
  moved_ = copied.bytes_in != bytes_before_;
  before_last_line(complete);
  try {
    lines_->finish();
  } catch (const failure&) {
    sink_failed_ = true;
    throw;
  }
  keep_progress(complete);
  lines_.reset();
  clients_.clear();
  set_wakers({});
  stored_->sink_offset_bytes = sink_->offset();
  if (error_) std::rethrow_exception(error_);
  if (!complete) return;
  end_.sink_offset_bytes = sink_->offset();
  stored_ = end_;
  log(log_level::info, "",
      "copied " + std::to_string(copied.rows) + " " + by_.words.rows + " of " +
          std::to_string(copied.tables) + " " + by_.words.tables);
}

asio::awaitable<void> copy_runner::with_client(connection& on, asio::awaitable<void> what) {
  add_client(on);
  std::exception_ptr error;
  try {
    co_await std::move(what);
  } catch (...) {
    error = std::current_exception();
  }
  std::erase(clients_, &on);
  if (error) std::rethrow_exception(error);
}

void copy_runner::fail(std::exception_ptr error) {
  if (!error_ || (refused(error) && !refused(error_))) error_ = std::move(error);
  halt();
}

void copy_runner::halt() {
  stop_flag() = true;
  // Who waits for a lock hears nothing but that the time is over.
  if (by_.cut_off)
    for (connection* each : clients_) each->link().deadline = clock::now();
  wake_workers();
}

void copy_runner::wake_workers() {
  for (connection* each : clients_) each->wake();
}

void copy_runner::add_client(connection& with) {
  clients_.push_back(&with);
  std::lock_guard lock(wake_mutex_);
  wakers_.push_back(with.waker());
}

void copy_runner::set_wakers(std::vector<std::function<void()>> to) {
  std::lock_guard lock(wake_mutex_);
  wakers_ = std::move(to);
}

/// From the pipeline's threads.
void copy_runner::wake_from_outside() {
  std::lock_guard lock(wake_mutex_);
  for (const auto& each : wakers_) each();
}

}  // namespace tidewire
