#include "core/pipeline.hpp"

#include <algorithm>
#include <cassert>

namespace tidewire {

pipeline::pipeline(sink& to, position_store* store, stored_position described, limits bounds,
                   std::function<void()> wake)
    : sink_(to),
      store_(store),
      described_(std::move(described)),
      bounds_(bounds),
      wake_(std::move(wake)),
      start_offset_(to.offset()) {
  assert(bounds_.batches > 0);
  for (std::size_t i = 0; i < bounds_.batches; ++i) free_.push_back(std::make_unique<json::buffer>());
  try {
    writer_ = std::thread([this] { write_batches(); });
    syncer_ = std::thread([this] { make_durable(); });
  } catch (...) {
    stop_threads(true);
    throw;
  }
}

pipeline::~pipeline() {
  stop_threads(true);
}

json::buffer* pipeline::acquire() {
  std::lock_guard lock(mutex_);
  if (free_.empty()) return nullptr;
  lent_.push_back(std::move(free_.back()));
  free_.pop_back();
  return lent_.back().get();
}

void pipeline::submit(json::buffer* lines, std::optional<checkpoint> complete, std::size_t complete_bytes) {
  std::lock_guard lock(mutex_);
  auto lent = std::ranges::find(lent_, lines, &std::unique_ptr<json::buffer>::get);
  assert(lent != lent_.end() && complete_bytes <= lines->size());
  if (complete) {
    ++submitted_number_;
    submitted_ = complete;
    in_transaction_ = complete_bytes < lines->size();
  } else if (lines->size() != 0) {
    in_transaction_ = true;
  }
  queue_.push_back({std::move(*lent), std::move(complete), complete_bytes, submitted_number_});
  lent_.erase(lent);
  to_writer_.notify_one();
}

void pipeline::advance(checkpoint moved) {
  std::lock_guard lock(mutex_);
  if (in_transaction_ || submitted_ == moved) return;
  ++submitted_number_;
  submitted_ = moved;
  // While the sink takes its time an idle source does not pile up places that nobody needs.
  if (!queue_.empty() && !queue_.back().lines) queue_.pop_back();
  queue_.push_back({nullptr, std::move(moved), 0, submitted_number_});
  to_writer_.notify_one();
}

std::optional<checkpoint> pipeline::durable() const {
  std::lock_guard lock(mutex_);
  if (!durable_) return std::nullopt;
  return durable_->at;
}

bool pipeline::settled() const {
  std::lock_guard lock(mutex_);
  return queue_.empty() && !writing_ && !in_transaction_ &&
         (durable_ ? durable_->number : 0) == submitted_number_;
}

void pipeline::rethrow() const {
  std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
}

std::uint64_t pipeline::bytes_written() const {
  std::lock_guard lock(mutex_);
  return bytes_written_;
}

void pipeline::keep(std::exception_ptr error) {
  {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    dropping_ = true;
    to_writer_.notify_all();
    to_syncer_.notify_all();
  }
  wake_();
}

void pipeline::write_batches() {
  try {
    std::unique_lock lock(mutex_);
    for (;;) {
      to_writer_.wait(lock, [&] { return dropping_ || closing_ || !queue_.empty(); });
      if (dropping_ || queue_.empty()) break;  // closing
      batch next = std::move(queue_.front());
      queue_.pop_front();
      writing_ = true;
      lock.unlock();
      std::uint64_t start = sink_.offset();
      std::size_t size = next.lines ? next.lines->size() : 0;
      if (size) sink_.write(next.lines->view());
      // A batch that grew for one huge value goes back to its usual size.
      if (next.lines) next.lines->clear_to(large_batch_bytes());
      lock.lock();
      writing_ = false;
      bytes_written_ += size;
      // Whoever made an unusually large batch may wait until its memory has gone.
      bool awaited = free_.empty() || size > large_batch_bytes();
      if (next.lines) free_.push_back(std::move(next.lines));
      if (next.complete) {
        written_ = {std::move(*next.complete), start + next.complete_bytes, next.number};
        to_syncer_.notify_one();
      }
      if (awaited) {
        lock.unlock();
        wake_();
        lock.lock();
      }
    }
  } catch (...) {
    keep(std::current_exception());
  }
}

void pipeline::make_durable() {
  // The first is not made to wait.
  auto last = std::chrono::steady_clock::now() - bounds_.sync_interval;
  auto news = [&] { return written_ && (!durable_ || durable_->number != written_->number); };
  try {
    std::unique_lock lock(mutex_);
    for (;;) {
      to_syncer_.wait(lock, [&] { return dropping_ || all_written_ || news(); });
      // A busy stream shares one sync among many batches; an idle one is synced at once.
      to_syncer_.wait_until(lock, last + bounds_.sync_interval, [&] { return dropping_ || all_written_; });
      if (dropping_ || !news()) break;
      written_checkpoint next = *written_;
      lock.unlock();
      last = std::chrono::steady_clock::now();
      sink_.sync();
      if (store_) {
        stored_position record = described_;
        record.position = next.at.position;
        record.sink_offset_bytes = next.offset;
        record.transactions = next.at.transactions;
        record.changes = next.at.changes;
        for (const auto& line : next.at.copy) record.copy.push_back(*line);
        store_->store(record);
      }
      lock.lock();
      durable_ = std::move(next);
      lock.unlock();
      wake_();
      lock.lock();
    }
  } catch (...) {
    keep(std::current_exception());
  }
}

void pipeline::stop_threads(bool drop) noexcept {
  {
    std::lock_guard lock(mutex_);
    (drop ? dropping_ : closing_) = true;
  }
  to_writer_.notify_all();
  if (drop) to_syncer_.notify_all();
  if (writer_.joinable()) writer_.join();
  {
    // Only now: a checkpoint that the writer brought last is still to be made durable.
    std::lock_guard lock(mutex_);
    all_written_ = true;
  }
  to_syncer_.notify_all();
  if (syncer_.joinable()) syncer_.join();
}

void pipeline::finish() {
  stop_threads(false);
  rethrow();
  std::uint64_t whole = durable_ ? durable_->offset : start_offset_;
  if (whole < sink_.offset()) sink_.cut(whole);
}

}  // namespace tidewire
