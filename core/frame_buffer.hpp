// The receive buffer of a connection, as areas that follow each other in one allocation:
//   (spent) | kept | message | pending | free
// `message` is the frame that was taken last, `pending` what has been received after it, `free` the room for
// the next read. `kept` is normally empty: it holds earlier messages that a caller still needs.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "core/bytes.hpp"

namespace tidewire {

/// Sizes in bytes. Growth is driven by bytes that arrived, never by a length that a peer claims.
struct frame_buffer_limits {
  std::size_t initial = 64 * 1024;
  std::size_t usual = 2 * 1024 * 1024;          // beyond this the buffer shrinks back when it can
  std::size_t huge = 16 * 1024 * 1024;          // beyond this it shrinks at the first chance
  std::size_t max = (1ul << 30) + 1024 * 1024;  // the largest frame, and slack for what follows it
};

class frame_buffer {
 public:
  using limits = frame_buffer_limits;

  struct counters {
    std::uint64_t moves = 0;  // compactions and reallocations that had bytes to carry along
    std::uint64_t moved_bytes = 0;
    std::uint64_t growths = 0;
    std::uint64_t shrinks = 0;
  };

  explicit frame_buffer(limits bounds = {}) : bounds_(bounds) {}
  frame_buffer(const frame_buffer&) = delete;
  frame_buffer& operator=(const frame_buffer&) = delete;

  /// Bytes that may be read past the end of any view, so that copying short values needs no loop. What they
  /// hold means nothing.
  static constexpr std::size_t readable_slack = 64;

  /// Room for a read: all free space, at least `at_least` bytes of it unless `max` leaves less (then perhaps
  /// none). Ends the life of every view that was handed out.
  std::span<std::uint8_t> free(std::size_t at_least) {
    if (!keeping_ && pending_ == end_) pending_ = end_ = 0;
    shrink_if_idle(at_least);
    if (capacity_ - end_ < at_least) make_room(at_least);
    return {bytes_.get() + end_, capacity_ - end_};
  }

  /// `count` bytes have been read into the span that `free` gave.
  void commit(std::size_t count) {
    assert(count <= capacity_ - end_);
    end_ += count;
    received_ += count;
  }

  byte_view pending() const { return {bytes_.get() + pending_, end_ - pending_}; }

  /// Makes the first `count` pending bytes the message. The view is valid until the next call of free or
  /// take.
  byte_view take(std::size_t count) {
    assert(count <= end_ - pending_);
    message_ = pending_;
    pending_ += count;
    return {bytes_.get() + message_, count};
  }

  /// From now on the message and everything taken after it stays in the buffer, up to release().
  void keep() {
    if (!keeping_) kept_ = message_;
    keeping_ = true;
  }

  /// What has been taken since keep(), the then current message included. Valid until the next call of free.
  byte_view kept() const {
    return keeping_ ? byte_view{bytes_.get() + kept_, pending_ - kept_} : byte_view{};
  }
  void release() { keeping_ = false; }

  std::size_t capacity() const { return capacity_; }
  /// Bytes committed and bytes taken since the beginning: offsets in the received stream.
  std::uint64_t received() const { return received_; }
  std::uint64_t taken() const { return received_ - (end_ - pending_); }
  const counters& count() const { return count_; }

 private:
  std::size_t used_from() const { return keeping_ ? kept_ : pending_; }

  void make_room(std::size_t at_least) {
    std::size_t used = end_ - used_from();
    at_least = std::min(at_least, bounds_.max - std::min(bounds_.max, used));
    if (capacity_ - end_ >= at_least) return;
    // Moving costs `used` bytes. It is worth it only if it wins as much room, or a small pending rest would
    // be carried to and fro for each read.
    if (capacity_ - used >= at_least && used <= capacity_ / 2) {
      move_to(bytes_.get());
      return;
    }
    std::size_t wanted = std::max({bounds_.initial, used + at_least, capacity_ * 2});
    reallocate(std::min(wanted, std::max(bounds_.max, used + at_least)));
    ++count_.growths;
  }

  void reallocate(std::size_t capacity) {
    auto grown = std::make_unique_for_overwrite<std::uint8_t[]>(capacity + readable_slack);
    move_to(grown.get());
    bytes_ = std::move(grown);
    capacity_ = capacity;
  }

  void move_to(std::uint8_t* target) {
    std::size_t from = used_from();
    std::size_t used = end_ - from;
    if (used) {
      std::memmove(target, bytes_.get() + from, used);
      ++count_.moves;
      count_.moved_bytes += used;
    }
    pending_ -= from;
    end_ -= from;
    kept_ = 0;
    message_ = pending_;
  }

  void shrink_if_idle(std::size_t at_least) {
    if (capacity_ <= bounds_.usual) [[likely]]
      return;
    std::size_t needed = end_ - used_from() + at_least;
    if (needed > bounds_.usual) {
      small_reads_ = 0;
      return;
    }
    // A stream of large messages would otherwise give its memory back and fault it in again for each.
    if (capacity_ <= bounds_.huge && ++small_reads_ < small_reads_before_shrinking) return;
    small_reads_ = 0;
    reallocate(bounds_.usual);
    ++count_.shrinks;
  }

  static constexpr int small_reads_before_shrinking = 16;

  limits bounds_;
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t kept_ = 0;
  std::size_t message_ = 0;
  std::size_t pending_ = 0;
  std::size_t end_ = 0;
  bool keeping_ = false;
  int small_reads_ = 0;
  std::uint64_t received_ = 0;
  counters count_;
};

}  // namespace tidewire
