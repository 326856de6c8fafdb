#include "core/drive.hpp"

#include <algorithm>
#include <asio/any_io_executor.hpp>
#include <asio/error_code.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <cerrno>
#include <utility>

#include "core/byte_stream.hpp"
#include "core/drive_addresses.hpp"
#include "core/read_pacer.hpp"

namespace tidewire {
namespace {

using clock = link::clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr clock::time_point never = clock::time_point::max();

/// What a step needs before the next one can do anything; nothing at all: go on at once.
struct need {
  bool read = false;
  bool write = false;
  bool gather = false;  // readable means: the socket has filled
  clock::time_point until = never;
  bool wait = true;
};
constexpr int max_steps = 32;  // without waiting
constexpr int gathered_bytes = 512 * 1024;
constexpr int small_buffer_bytes = 128 * 1024;        // less than two of the loopback's segments would stall
constexpr std::size_t worth_another_read = 8 * 1024;  // a message at a time would be read for ever
constexpr need nothing_needed{.wait = false};

std::exception_ptr timed_out(const std::string& what) {
  return std::make_exception_ptr(failure{failure_kind::transient, "TW-NET-TIMEOUT", what,
                                         "the server or the network hangs; a reconnect may help"});
}

std::string seconds_text(clock::duration time) {
  auto ms = std::chrono::duration_cast<milliseconds>(time).count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace

struct connection::impl : std::enable_shared_from_this<impl> {
  impl(const asio::any_io_executor& executor, unique_fd fd, link::framer frames, link_limits limits)
      : executor(executor),
        stream(std::move(fd)),
        readiness(executor, stream.fd()),
        signal(executor),
        to(frames, limits) {}
  ~impl() { readiness.release(); }  // byte_stream closes it
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  asio::awaitable<int> connect_to(socket_address name, clock::time_point until);
  asio::awaitable<void> wait(need what);
  need step(clock::time_point now);
  need send(clock::time_point now);
  need receive(clock::time_point now);
  need do_tls(clock::time_point now);
  need blocked(need what, clock::time_point now);
  void note_read(std::size_t count, clock::time_point now);
  void set_low_water(bool high);
  bool more_to_read(const io_result& result) const;

  asio::any_io_executor executor;
  byte_stream stream;
  asio::posix::stream_descriptor readiness;
  asio::steady_timer signal;  // the one thing that is ever awaited; whatever happens cancels it
  tidewire::link to;
  std::string address;
  connection_stats stats;

  bool waits_read = false;  // a readiness wait is out
  bool waits_write = false;
  bool readable = true;  // perhaps: the next read may find something
  bool filled = false;   // there is no point in pausing longer
  bool writable = false;
  bool asked = false;  // something was sent, and no whole message has come since: an answer may be on its way

  milliseconds tick{0};
  clock::time_point next_tick = never;
  read_pacer pacer;
  std::size_t unpaced_bytes = 0;  // read since the socket was last found empty
  clock::time_point last_empty{};
  clock::time_point next_read{};  // not before this, while streaming
  bool tcp = false;
  bool small_window = false;
  bool low_water_high = false;
  std::shared_ptr<std::atomic<bool>> wake_posted = std::make_shared<std::atomic<bool>>(false);
};

/// While it is high the kernel does not wake us for each message, but when the socket has about filled; and
/// it makes the socket larger, of which small messages need many times their size. Unix sockets have no such
/// thing. With a small window the socket is made small instead, and stays so.
void connection::impl::set_low_water(bool high) {
  if (high == low_water_high || !tcp) return;
  low_water_high = high;
  if (small_window && high) set_receive_buffer(stream.fd(), small_buffer_bytes);
  if (!small_window) set_receive_low_water(stream.fd(), high ? gathered_bytes : 1);
}

/// Until the socket is ready, the time has come, or somebody cancels `signal`.
asio::awaitable<void> connection::impl::wait(need what) {
  set_low_water(what.gather);
  // The handlers outlive this object if it goes while they wait.
  if (what.read && !waits_read) {
    waits_read = true;
    readiness.async_wait(asio::posix::stream_descriptor::wait_read,
                         [weak = weak_from_this()](const asio::error_code&) {
                           auto self = weak.lock();
                           if (!self) return;
                           self->waits_read = false;
                           self->readable = self->filled = true;
                           self->signal.cancel();
                         });
  }
  if (what.write && !waits_write) {
    waits_write = true;
    readiness.async_wait(asio::posix::stream_descriptor::wait_write,
                         [weak = weak_from_this()](const asio::error_code&) {
                           auto self = weak.lock();
                           if (!self) return;
                           self->waits_write = false;
                           self->writable = true;
                           self->signal.cancel();
                         });
  }
  signal.expires_at(what.until);
  asio::error_code ignored;
  co_await signal.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

/// Does what the conversation wants as far as it goes without waiting.
need connection::impl::step(clock::time_point now) {
  switch (to.wants()) {
    case want::send: return send(now);
    case want::receive:
    case want::receive_or_wake: return receive(now);
    case want::start_tls: return do_tls(now);
    case want::wake:
    case want::turn:
    case want::nothing: break;
  }
  return blocked(need{}, now);
}

/// Something was tried and is not possible now: wait for it, unless the wait's time is over.
need connection::impl::blocked(need what, clock::time_point now) {
  clock::time_point limit = to.times_out_at();
  if (now < limit) {
    what.until = std::min(what.until, limit);
    return what;
  }
  bool silent = to.deadline > now;
  to.fail(timed_out(silent ? "nothing came from the server for " + seconds_text(to.silence_limit)
                           : "the server did not answer in the time it has for this"));
  return nothing_needed;
}

need connection::impl::send(clock::time_point now) {
  io_result result = stream.try_write(to.unsent());
  switch (result.what) {
    case io::done:
      ++stats.writes;
      stats.bytes_out += result.count;
      to.on_sent(result.count, now);
      asked = true;
      return nothing_needed;
    case io::want_read: return blocked(need{.read = true}, now);
    case io::want_write: return blocked(need{.write = true}, now);
    case io::eof: result.error = broken_connection(EPIPE); break;
    case io::error: break;
  }
  // The server may have said why before it went: let the conversation read that.
  to.fail_send(result.error);
  return nothing_needed;
}

/// With a small window the rest of the server's queue comes when we have made room, within the read itself.
bool connection::impl::more_to_read(const io_result& result) const {
  if (result.what != io::done) return false;
  return small_window && low_water_high ? result.count >= worth_another_read : !result.drained;
}

need connection::impl::receive(clock::time_point now) {
  bool told_when_full = tcp && !small_window;
  // Whoever waits for an answer reads it at once: a server that only answers sends nothing more meanwhile.
  bool pausing =
      to.wants() == want::receive_or_wake && !asked && now < next_read && !(told_when_full && filled);
  if (pausing && now < to.times_out_at()) {
    ++stats.pauses;
    return blocked(need{.read = told_when_full, .gather = true, .until = next_read}, now);
  }
  // After the time is over the socket has the last word: perhaps it was us who did not look.
  if (!readable && now < to.times_out_at()) return blocked(need{.read = true}, now);
  std::span<std::uint8_t> space = to.free_space();
  if (space.empty()) {
    to.fail(std::make_exception_ptr(
        failure{failure_kind::refused, "TW-NET-BAD-FRAME", "a message is larger than the receive buffer"}));
    return nothing_needed;
  }
  io_result result = stream.try_read(space);
  readable = more_to_read(result);
  switch (result.what) {
    case io::done: note_read(result.count, now); break;
    case io::want_read:
      if (to.gathering()) {
        to.set_gathering(false);
        to.wake();
        return nothing_needed;
      }
      return blocked(need{.read = true}, now);
    case io::want_write: return blocked(need{.write = true}, now);
    case io::eof: to.on_eof(); break;
    case io::error: to.fail(result.error); break;
  }
  return nothing_needed;
}

void connection::impl::note_read(std::size_t count, clock::time_point now) {
  ++stats.reads;
  stats.bytes_in += count;
  stats.last_byte_at = now;
  to.on_bytes(count, now);
  asked = asked && !to.ready();
  unpaced_bytes += count;
  next_read = now;  // while more is there we are behind, not ahead
  if (!readable) {
    auto elapsed = std::chrono::duration_cast<microseconds>(now - last_empty);
    microseconds pause = pacer.after_read(std::exchange(unpaced_bytes, 0), elapsed);
    last_empty = now;
    next_read += pause;
    readable = pause.count() > 0;  // worth a try after it, without asking first
  }
  filled = false;
  to.set_gathering(readable);
}

need connection::impl::do_tls(clock::time_point now) {
  io_result result;
  try {
    if (!stream.tls()) stream.start_tls(*to.tls_request());
    result = stream.try_handshake();
  } catch (...) {
    to.fail(std::current_exception());
    return nothing_needed;
  }
  switch (result.what) {
    case io::done:
      readable = true;  // the first record may have come with the handshake
      to.on_tls(stream.tls()->info());
      return nothing_needed;
    case io::want_read: return blocked(need{.read = true}, now);
    case io::want_write: return blocked(need{.write = true}, now);
    case io::eof: result.error = broken_connection(ECONNRESET); break;
    case io::error: break;
  }
  to.fail(result.error);
  return nothing_needed;
}

asio::awaitable<void> connection::drive(std::coroutine_handle<> talk) {
  std::shared_ptr<impl> self = impl_;
  int steps = 0;
  while (!talk.done()) {
    // A stream that never runs dry must not keep the thread from what others have posted.
    if (++steps > max_steps || self->to.wants() == want::turn) {
      steps = 0;
      co_await asio::post(self->executor, asio::use_awaitable);
    }
    clock::time_point now = clock::now();
    if (now >= self->next_tick) {
      self->next_tick = now + self->tick;
      self->to.wake();
    }
    if (self->to.ready()) {
      self->to.resume(now);
      continue;
    }
    need what = self->step(now);
    if (!what.wait || self->to.ready()) continue;
    want wants = self->to.wants();
    bool wakeable = wants == want::receive_or_wake || wants == want::wake;
    if (wakeable) what.until = std::min(what.until, self->next_tick);
    steps = 0;
    co_await self->wait(what);
  }
}

/// The error number, 0 when connected.
asio::awaitable<int> connection::impl::connect_to(socket_address name, clock::time_point until) {
  for (;;) {
    int error = start_connect(stream.fd(), name);
    bool queue_full = error == EAGAIN && name.family() == AF_UNIX;
    if (!queue_full && error != EINPROGRESS) co_return error;
    need what{.write = !queue_full, .until = until};
    // Nothing tells when a Unix socket's queue has room again.
    if (queue_full) what.until = std::min(until, clock::now() + milliseconds{10});
    co_await wait(what);
    if (writable) co_return connect_result(stream.fd());
    if (clock::now() >= until) co_return ETIMEDOUT;
  }
}

asio::awaitable<connection> connection::connect(endpoint to, socket_options options, link::framer frames,
                                                link_limits limits, dns_options dns) {
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  bool limited = options.connect_timeout.count() > 0;
  clock::time_point deadline = limited ? clock::now() + options.connect_timeout : never;
  std::vector<socket_address> addresses = co_await find_addresses(to, deadline, dns);
  std::string tried;
  int error = 0;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const socket_address& name = addresses[i];
    clock::time_point now = clock::now();
    auto others = static_cast<clock::rep>(addresses.size() - i);
    clock::time_point until = limited ? now + (deadline - now) / others : never;
    unique_fd fd = open_socket(name, options);
    error = fd ? 0 : errno;
    if (fd) {
      auto made = std::make_shared<impl>(executor, std::move(fd), frames, limits);
      made->tcp = name.family() != AF_UNIX;
      error = co_await made->connect_to(name, until);
      if (error == 0) {
        made->address = name.text;
        made->to.silence_limit = options.read_deadline;
        co_return connection{std::move(made)};
      }
    }
    tried += (tried.empty() ? "" : "; ") + name.text + ": " + error_text(error);
  }
  throw could_not_connect(to, tried, error);
}

void connection::begin() {
  impl_->to.set_now(clock::now());
}

connection::connection(std::shared_ptr<impl> made) : impl_(std::move(made)) {}
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;
connection::~connection() = default;

tidewire::link& connection::link() {
  return impl_->to;
}
const connection_stats& connection::stats() const {
  return impl_->stats;
}
const std::string& connection::address() const {
  return impl_->address;
}
std::optional<std::uint32_t> connection::peer_user_id() const {
  return peer_user(impl_->stream.fd());
}

void connection::wake() {
  impl_->to.wake();
  impl_->signal.cancel();
}

std::function<void()> connection::waker() const {
  return [weak = std::weak_ptr<impl>(impl_), executor = impl_->executor, posted = impl_->wake_posted] {
    if (posted->exchange(true)) return;
    asio::post(executor, [weak, posted] {
      // Before waking: what happens after this needs a wake of its own.
      posted->store(false);
      auto self = weak.lock();
      if (!self) return;
      self->to.wake();
      self->signal.cancel();
    });
  };
}

void connection::expect_small_messages() {
  impl_->small_window = impl_->tcp && on_loopback(impl_->stream.fd());
  if (impl_->small_window) impl_->pacer = read_pacer(small_window_pacing);
}

void connection::set_tick(milliseconds tick) {
  impl_->tick = tick;
  impl_->next_tick = tick.count() > 0 ? clock::now() + tick : never;
  impl_->signal.cancel();
}

}  // namespace tidewire
