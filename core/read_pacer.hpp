// When to read next from a busy stream. A server that sends a small message at a time is woken, and wakes us,
// for each of them if we read eagerly. If we let the socket fill for a moment instead, the same stream goes
// through up to twice as fast and costs a tenth of the processor time. An idle stream must not wait at all.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace tidewire {

/// A stream counts as busy when it has lately brought more than `busy_bytes` beyond `idle_bytes_per_us`. Then
/// reads are `target_bytes` apart at the present rate, but never less or more than the given times.
struct pacer_settings {
  double idle_bytes_per_us = 2;
  double busy_bytes = 32 * 1024;
  double most_bytes = 512 * 1024;   // a server that gets no processor for 200 ms is not idle
  double target_bytes = 40 * 1024;  // less than a socket holds of small messages: a full one stops the server
  std::chrono::microseconds min_interval{100};
  std::chrono::microseconds max_interval{1000};
};

/// On the loopback the server itself pays for bringing each message into our socket. As long as our window is
/// closed it only appends them to its own queue, which holds 2.6 MB there at the least; so the pauses are
/// long and the window small. Other devices' queues may begin with 40 KB, and a server that fills its
/// messages before it sends them (COPY, a binlog, a reply) gains nothing: a long pause would only stop it.
inline constexpr pacer_settings small_window_pacing{.target_bytes = 1024 * 1024,
                                                    .max_interval = std::chrono::microseconds{10'000}};

class read_pacer {
 public:
  using microseconds = std::chrono::microseconds;
  using settings = pacer_settings;

  explicit read_pacer(settings with = {}) : with_(with) {}

  /// After each read: its bytes, and the time since the one before. Gives how long after this read the next
  /// one is due; zero: as soon as there is anything.
  microseconds after_read(std::size_t bytes, microseconds elapsed) {
    double us = std::max(1.0, static_cast<double>(elapsed.count()));
    double count = static_cast<double>(bytes);
    // A leaky bucket: one commit, even if it comes in several small messages, does not fill it.
    level_ = std::max(0.0, level_ - with_.idle_bytes_per_us * us) + count;
    level_ = std::min(level_, with_.most_bytes);
    if (level_ < with_.busy_bytes) {
      rate_ = 0;
      return microseconds{0};
    }
    // The first rates of a burst are those of a socket that was full already.
    double rate = count / std::max(us, static_cast<double>(with_.min_interval.count()));
    rate_ = rate_ == 0 ? rate : rate_ + (rate - rate_) / 4;
    auto interval = microseconds{static_cast<microseconds::rep>(with_.target_bytes / std::max(rate_, 1e-3))};
    return std::clamp(interval, with_.min_interval, with_.max_interval);
  }

  bool busy() const { return level_ >= with_.busy_bytes; }

 private:
  settings with_;
  double level_ = 0;
  double rate_ = 0;  // bytes per microsecond; 0 when not busy
};

}  // namespace tidewire
