// A conversation's end of a connection. It knows no socket and no clock: a driver (drive.hpp), or in tests a
// script, asks what the conversation wants, does it, and resumes it.
#pragma once

#include <algorithm>
#include <cassert>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/bytes.hpp"
#include "core/decode_error.hpp"
#include "core/failure.hpp"
#include "core/frame_buffer.hpp"
#include "core/link_codec.hpp"
#include "core/tls_options.hpp"

namespace tidewire {

enum class want : std::uint8_t { nothing, send, receive, receive_or_wake, wake, turn, start_tls };

struct link_limits {
  std::uint32_t max_frame_bytes = 1u << 30;
  std::size_t first_read_bytes = 64 * 1024;  // asked for at first; doubled by reads that fill it, up to
  std::size_t max_read_bytes = 1024 * 1024;  // this
};

class link {
 public:
  using clock = std::chrono::steady_clock;
  using limits = link_limits;
  /// Total size in bytes of the first frame of `pending`, which may be more than there is; 0: too few bytes
  /// to tell. An error for a size that is not legal or larger than `max_bytes`.
  using framer = decoded<std::size_t> (*)(byte_view pending, std::uint32_t max_bytes);

  explicit link(framer frames, limits bounds = {})
      : framer_(frames), bounds_(bounds), read_bytes_(bounds.first_read_bytes), buffer_(sizes(bounds)) {}
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  // ---- For conversations. Every wait may throw the failure that ended the connection: TW-NET-CLOSED,
  // ---- TW-NET-TIMEOUT, TW-NET-BAD-FRAME or one of TLS. Frames that came before it are delivered first.

  /// What the next send() writes; empty after it.
  std::vector<std::uint8_t> out;

  /// All of `out` is written. If the peer has closed its end already, nothing is: the next receive then gives
  /// what the peer said before it went, and after that the failure.
  auto send() { return send_awaiter{{*this}}; }

  /// One whole frame, borrowed until the next receive of any kind (sends and wait_wake leave it alone). Does
  /// not suspend when it is in the buffer.
  auto receive() { return frame_awaiter{{*this}}; }

  /// As receive; or nothing when the driver woke the conversation, by its tick or by wake().
  auto receive_or_wake() { return frame_or_wake_awaiter{{*this}}; }

  /// Exactly `count` bytes outside of any frame, for SSLRequest's answer. Borrowed like a frame.
  auto receive_bytes(std::size_t count) { return bytes_awaiter{{*this}, count}; }

  /// Waits for a tick or wake() without reading: back-pressure.
  auto wait_wake() { return wake_awaiter{{*this}}; }

  /// Waits for nothing, but lets everything else on this thread have its turn: for long work without waits.
  auto turn() { return turn_awaiter{{*this}}; }

  /// Does the handshake; then tls() is there. `options` must live until then. Throws TW-TLS-EARLY-DATA if
  /// there are bytes that came before it (CVE-2021-23222: they would pass for encrypted ones).
  auto start_tls(const tls_options& options) { return tls_awaiter{{*this}, options}; }

  /// From the next byte on, in both directions. Not while a frame is borrowed that is still needed.
  void use_codec(std::unique_ptr<link_codec> codec) {
    codec_ = std::move(codec);
    // What has come already.
    byte_view early = buffer_.take(pending_bytes());
    while (!early.empty()) {
      std::span<std::uint8_t> space = codec_->space();
      std::size_t count = std::min(space.size(), early.size());
      std::copy_n(early.begin(), count, space.begin());
      codec_->commit(count);
      early = early.subspan(count);
    }
  }

  /// Whether the next receive would not suspend. Ends the life of a borrowed frame.
  bool frame_waiting() { return frame_ready(); }
  /// The stream is busy: the driver lets it gather before the next read. When nothing came in that time it
  /// says so by a wake().
  bool gathering() const { return gathering_; }
  /// Bytes that have been received and not been taken.
  std::size_t pending_bytes() const { return buffer_.pending().size(); }
  /// Nothing that is sent goes anywhere any more; the next receive tells what the peer said before it went.
  bool send_is_over() const { return send_over_; }
  /// What the handshake found, or null without TLS.
  const tls_info* tls() const { return tls_info_ ? &*tls_info_ : nullptr; }
  /// The time of the last resumption.
  clock::time_point now() const { return now_; }

  /// For the current phase: the time at which waiting (for anything) ends with TW-NET-TIMEOUT.
  clock::time_point deadline = clock::time_point::max();
  /// For the current phase: so long may the peer be silent while we read, or take nothing while we send,
  /// before TW-NET-TIMEOUT. Zero: for ever.
  std::chrono::milliseconds silence_limit{0};

  // ---- For whoever drives: look at wants(), do it, tell, and resume() once ready().

  want wants() const { return want_; }
  /// The wait is over, well or badly.
  bool ready();
  /// Only when ready.
  void resume(clock::time_point now) {
    [[maybe_unused]] bool over = ready();  // also finds out which frame it is
    assert(over);
    now_ = now;
    want_ = want::nothing;
    std::exchange(waiting_, nullptr).resume();
  }
  /// Before a conversation's start(). Forgets the wait of one that was destroyed.
  void set_now(clock::time_point now) {
    now_ = heard_at_ = sent_at_ = now;
    want_ = want::nothing;
    waiting_ = nullptr;
    raw_bytes_ = 0;
  }

  /// Room for the next read; only while a receive waits. Never empty.
  std::span<std::uint8_t> free_space();
  void on_bytes(std::size_t count, clock::time_point now);
  void on_eof();
  /// What is still to be written, and that the first `count` bytes of it have been.
  byte_view unsent() const { return byte_view{out}.subspan(sent_); }
  void on_sent(std::size_t count, clock::time_point now) {
    sent_ += count;
    sent_at_ = now;
  }
  const tls_options* tls_request() const { return tls_request_; }
  void on_tls(tls_info info) { tls_info_ = std::move(info); }
  /// The next (or the current) receive_or_wake or wait_wake gives "woken".
  void wake() { woken_ = true; }
  void set_gathering(bool busy) { gathering_ = busy; }
  /// The connection is over, for reading and writing. The first error stays, but for one of a send: what is
  /// read after that (an alert of TLS) knows more.
  void fail(std::exception_ptr error) {
    if (!receive_over_) error_ = std::move(error);
    receive_over_ = send_over_ = true;
  }
  /// Nothing more can be written, but the peer's last words may still be read.
  void fail_send(std::exception_ptr error) {
    if (!error_) error_ = std::move(error);
    send_over_ = true;
  }
  /// When the current wait is to be failed with TW-NET-TIMEOUT.
  clock::time_point times_out_at() const;
  /// When the last byte came.
  clock::time_point heard_at() const { return heard_at_; }
  const frame_buffer& buffer() const { return buffer_; }

 private:
  struct awaiter {
    link& at;
  };
  struct send_awaiter : awaiter {
    bool await_ready() const { return at.out.empty() || at.send_over_; }
    void await_suspend(std::coroutine_handle<> waiting) const {
      if (at.codec_) at.codec_->wrap(at.out);
      at.sent_ = 0;
      at.sent_at_ = at.now_;
      at.suspend(want::send, waiting);
    }
    void await_resume() const { at.end_send(); }
  };
  struct frame_awaiter : awaiter {
    bool await_ready() const { return at.frame_ready(); }
    void await_suspend(std::coroutine_handle<> waiting) const {
      at.heard_at_ = at.now_;
      at.suspend(want::receive, waiting);
    }
    byte_view await_resume() const { return at.take_frame(); }
  };
  struct frame_or_wake_awaiter : awaiter {
    bool await_ready() const { return at.woken_ || at.frame_ready(); }
    void await_suspend(std::coroutine_handle<> waiting) const { at.suspend(want::receive_or_wake, waiting); }
    std::optional<byte_view> await_resume() const {
      if (at.woken_) [[unlikely]] {
        at.woken_ = false;
        return std::nullopt;
      }
      return at.take_frame();
    }
  };
  struct bytes_awaiter : awaiter {
    std::size_t count;
    bool await_ready() const {
      at.raw_bytes_ = count;
      return at.frame_ready();
    }
    void await_suspend(std::coroutine_handle<> waiting) const {
      at.heard_at_ = at.now_;
      at.suspend(want::receive, waiting);
    }
    byte_view await_resume() const {
      at.raw_bytes_ = 0;
      return at.take_frame();
    }
  };
  struct wake_awaiter : awaiter {
    bool await_ready() const { return at.woken_ || at.over(); }
    void await_suspend(std::coroutine_handle<> waiting) const { at.suspend(want::wake, waiting); }
    void await_resume() const {
      // Not reading is not the peer's silence.
      at.heard_at_ = at.now_;
      if (at.over()) std::rethrow_exception(at.error_);
      at.woken_ = false;
    }
  };
  struct turn_awaiter : awaiter {
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> waiting) const { at.suspend(want::turn, waiting); }
    void await_resume() const {
      // We did not look.
      at.heard_at_ = at.now_;
    }
  };
  struct tls_awaiter : awaiter {
    const tls_options& options;
    bool await_ready() const {
      if (at.pending_bytes()) at.fail(early_bytes(at.pending_bytes()));
      return at.over();
    }
    void await_suspend(std::coroutine_handle<> waiting) const {
      at.heard_at_ = at.now_;
      at.tls_request_ = &options;
      at.suspend(want::start_tls, waiting);
    }
    void await_resume() const {
      at.tls_request_ = nullptr;
      if (at.over()) std::rethrow_exception(at.error_);
    }
  };

  static frame_buffer_limits sizes(const limits& bounds);
  static std::exception_ptr early_bytes(std::size_t count);
  std::exception_ptr bad_frame(const decode_error& error) const;

  bool over() const { return receive_over_ || send_over_; }

  void suspend(want what, std::coroutine_handle<> waiting) {
    want_ = what;
    waiting_ = waiting;
  }

  void end_send() {
    out.clear();
    sent_ = 0;
    if (receive_over_ && send_over_) std::rethrow_exception(error_);
  }

  /// The hot path: one call of the framer and one comparison, which a size of 0 fails by wrapping around.
  bool frame_ready() {
    byte_view pending = buffer_.pending();
    if (raw_bytes_ == 0 && !pending.empty()) [[likely]] {
      decoded<std::size_t> size = framer_(pending, bounds_.max_frame_bytes);
      if (size && *size - 1 < pending.size()) [[likely]] {
        frame_bytes_ = *size;
        return true;
      }
      return frame_missing(size);
    }
    if (codec_) [[unlikely]]
      return frame_missing(0);
    frame_bytes_ = raw_bytes_ <= pending.size() ? raw_bytes_ : 0;
    return frame_bytes_ != 0 || receive_over_;
  }
  bool frame_missing(decoded<std::size_t> size);

  byte_view take_frame() {
    if (frame_bytes_ == 0) [[unlikely]]
      std::rethrow_exception(error_);
    return buffer_.take(frame_bytes_);
  }

  framer framer_;
  std::size_t frame_bytes_ = 0;  // of the complete first frame; 0: there is none
  std::size_t raw_bytes_ = 0;    // what receive_bytes waits for
  std::coroutine_handle<> waiting_;
  want want_ = want::nothing;
  bool woken_ = false;
  bool gathering_ = false;
  bool receive_over_ = false;  // both with error_ set
  bool send_over_ = false;
  std::exception_ptr error_;
  limits bounds_;
  std::size_t read_bytes_;
  std::size_t sent_ = 0;
  std::unique_ptr<link_codec> codec_;
  const tls_options* tls_request_ = nullptr;
  std::optional<tls_info> tls_info_;
  clock::time_point now_;
  clock::time_point heard_at_;  // from here on counts the peer's silence
  clock::time_point sent_at_;
  frame_buffer buffer_;
};

// ---- What is not on the hot path.

inline frame_buffer_limits link::sizes(const limits& bounds) {
  frame_buffer_limits sizes;
  sizes.initial = bounds.first_read_bytes;
  sizes.usual = 2 * bounds.max_read_bytes;
  sizes.huge = 16 * bounds.max_read_bytes;
  sizes.max = bounds.max_frame_bytes + bounds.max_read_bytes;
  return sizes;
}

inline bool link::ready() {
  switch (want_) {
    case want::nothing: return false;
    case want::send: return sent_ == out.size() || send_over_;
    case want::receive: return frame_ready();
    case want::receive_or_wake: return woken_ || frame_ready();
    case want::wake: return woken_ || over();
    case want::turn: return true;
    case want::start_tls: return tls_info_ || over();
  }
  return false;
}

inline bool link::frame_missing(decoded<std::size_t> size) {
  while (size && codec_) {
    decoded<bool> more = codec_->unwrap(buffer_);
    if (more && !*more) break;
    size = more ? framer_(buffer_.pending(), bounds_.max_frame_bytes) : std::unexpected(more.error());
    frame_bytes_ = size.value_or(0);
    if (frame_bytes_ - 1 < pending_bytes()) return true;
  }
  frame_bytes_ = 0;
  if (!size)
    fail(bad_frame(size.error()));
  else if (*size > bounds_.max_frame_bytes)
    fail(bad_frame({decode_errc::limit_exceeded, 0, "frame"}));
  return receive_over_;
}

inline std::span<std::uint8_t> link::free_space() {
  if (codec_) return codec_->space();
  // A frame that is larger than the usual read is read in growing steps: as much again as has come.
  return buffer_.free(std::max(read_bytes_, std::min(pending_bytes(), std::size_t{64} << 20)));
}

inline void link::on_bytes(std::size_t count, clock::time_point now) {
  heard_at_ = now;
  if (codec_) return codec_->commit(count);
  if (count >= read_bytes_) read_bytes_ = std::min(2 * read_bytes_, bounds_.max_read_bytes);
  buffer_.commit(count);
}

inline void link::on_eof() {
  receive_over_ = true;
  if (error_) return;
  std::string where = pending_bytes() ? " in the middle of a message" : "";
  error_ = std::make_exception_ptr(failure{failure_kind::transient, "TW-NET-CLOSED",
                                           "the server closed the connection" + where,
                                           "its log says why; a reconnect may help"});
}

inline std::exception_ptr link::bad_frame(const decode_error& error) const {
  return std::make_exception_ptr(failure{
      failure_kind::refused, "TW-NET-BAD-FRAME",
      "what the server sent is not a message of this protocol: " + std::string(to_string(error.code)) +
          " at offset " + std::to_string(error.offset) + " of " + error.field + ", " +
          std::to_string(buffer_.taken()) + " bytes into the connection",
      "check that host and port are those of the database, and what is between it and here"});
}

inline std::exception_ptr link::early_bytes(std::size_t count) {
  return std::make_exception_ptr(failure{failure_kind::refused, "TW-TLS-EARLY-DATA",
                                         std::to_string(count) + " unencrypted bytes came before the TLS "
                                                                 "handshake",
                                         "somebody between here and the server may be injecting data"});
}

inline link::clock::time_point link::times_out_at() const {
  if (want_ == want::wake || silence_limit.count() == 0) return deadline;
  return std::min(deadline, (want_ == want::send ? sent_at_ : heard_at_) + silence_limit);
}

}  // namespace tidewire
