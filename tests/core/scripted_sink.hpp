// A sink that does what a test says, and tells what was done to it. Tests wait for its state with a deadline.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "core/failure.hpp"
#include "core/sink.hpp"

namespace tidewire::testing {

class scripted_sink : public sink {
 public:
  explicit scripted_sink(std::string before = {}) : data_(std::move(before)), synced_(data_.size()) {}

  void write(std::string_view lines) override {
    std::unique_lock lock(mutex_);
    arrive(lock, "write", writes_allowed_, writes_waiting_);
    if (fail_writes_) throw failure(failure_kind::transient, "TW-SINK-WRITE", "scripted");
    data_ += lines;
  }
  std::uint64_t offset() const override {
    std::lock_guard lock(mutex_);
    return data_.size();
  }
  void sync() override {
    std::unique_lock lock(mutex_);
    std::uint64_t written = data_.size();
    sync_times_.push_back(std::chrono::steady_clock::now());
    arrive(lock, "sync", syncs_allowed_, syncs_waiting_);
    if (fail_syncs_) throw failure(failure_kind::transient, "TW-SINK-WRITE", "scripted");
    synced_ = written;
  }
  void cut(std::uint64_t offset) override {
    std::lock_guard lock(mutex_);
    events_.push_back("cut " + std::to_string(offset));
    data_.resize(offset);
  }

  // ---- For the test.

  static constexpr int unlimited = 1 << 30;

  /// So many more writes or syncs may pass; the next ones wait.
  void allow_writes(int count) {
    change([&] { writes_allowed_ = count; });
  }
  void allow_syncs(int count) {
    change([&] { syncs_allowed_ = count; });
  }
  void fail_writes() {
    change([&] { fail_writes_ = true; });
  }
  void fail_syncs() {
    change([&] { fail_syncs_ = true; });
  }
  void note(std::string event) {
    change([&] { events_.push_back(std::move(event)); });
  }

  /// Until something holds. False after 20 seconds.
  template <class Condition>
  bool wait(Condition holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), holds);
  }
  bool wait_for_data(std::string_view data) {
    return wait([&] { return data_ == data; });
  }
  bool wait_for_held_write() {
    return wait([&] { return writes_waiting_ > 0; });
  }
  bool wait_for_held_sync() {
    return wait([&] { return syncs_waiting_ > 0; });
  }

  std::string data() const { return read(data_); }
  std::uint64_t synced() const { return read(synced_); }
  std::vector<std::string> events() const { return read(events_); }
  std::vector<std::chrono::steady_clock::time_point> sync_times() const { return read(sync_times_); }
  std::size_t count(std::string_view event) const {
    return static_cast<std::size_t>(std::ranges::count(read(events_), event));
  }

 private:
  template <class Change>
  void change(Change change) {
    std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }
  template <class T>
  T read(const T& what) const {
    std::lock_guard lock(mutex_);
    return what;
  }
  void arrive(std::unique_lock<std::mutex>& lock, const char* event, int& allowed, int& waiting) {
    ++waiting;
    changed_.notify_all();
    changed_.wait(lock, [&] { return allowed > 0; });
    --waiting;
    if (allowed != unlimited) --allowed;
    events_.emplace_back(event);
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string data_;
  std::uint64_t synced_;
  std::vector<std::string> events_;
  std::vector<std::chrono::steady_clock::time_point> sync_times_;
  int writes_allowed_ = unlimited, syncs_allowed_ = unlimited;
  int writes_waiting_ = 0, syncs_waiting_ = 0;
  bool fail_writes_ = false, fail_syncs_ = false;
};

}  // namespace tidewire::testing
