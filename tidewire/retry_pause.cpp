#include "tidewire/retry_pause.hpp"

#include <algorithm>
#include <asio/use_awaitable.hpp>

namespace tidewire {

using std::chrono::milliseconds;

void retry_pause::reset() {
  next_ = milliseconds{100};
}

asio::awaitable<void> retry_pause::wait() {
  co_await wait(next_);
  next_ = std::min(next_ * 2, milliseconds{5'000});
}

asio::awaitable<void> retry_pause::wait(milliseconds time) {
  // Many programs of one server must not come back all at once.
  std::uniform_real_distribution<double> jitter(0.75, 1.25);
  timer_.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(time * jitter(random_)));
  co_await timer_.async_wait(asio::use_awaitable);
}

}  // namespace tidewire
