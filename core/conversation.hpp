// A protocol as a straight-line coroutine. It knows no socket, no clock and no thread: it awaits a link (see
// link.hpp) or another conversation, and whoever drives the link resumes it.
#pragma once

#include <cassert>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace tidewire {

template <class T>
class conversation;

namespace detail {

class conversation_promise_base {
 public:
  /// Hands the thread to whoever awaits this conversation, without growing the stack.
  struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      return ended.promise().continuation_;
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  final_awaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error_ = std::current_exception(); }
  void continue_with(std::coroutine_handle<> next) noexcept { continuation_ = next; }

 protected:
  void rethrow() {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  std::coroutine_handle<> continuation_ = std::noop_coroutine();
  std::exception_ptr error_;
};

template <class T>
class conversation_promise : public conversation_promise_base {
 public:
  conversation<T> get_return_object() noexcept;
  template <class U>
    requires std::is_convertible_v<U&&, T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow();
    assert(value_);
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class conversation_promise<void> : public conversation_promise_base {
 public:
  conversation<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() { rethrow(); }
};

}  // namespace detail

/// Lazy and move-only. As the outermost: start(), then the driver resumes through the link until done(), then
/// result() once. Inside another: `co_await other(...)` runs it to its end and gives its result. An exception
/// leaves through result() or the co_await. Destroying an unfinished one destroys its locals.
///
/// g++ 12: a co_await is a whole statement or the whole initialiser of a named variable, and has no braces in
/// its arguments (see CONTRIBUTING.md). Parameters that are references must outlive the conversation.
template <class T = void>
class [[nodiscard]] conversation {
 public:
  using promise_type = detail::conversation_promise<T>;
  using handle = std::coroutine_handle<promise_type>;

  explicit conversation(handle coroutine) noexcept : coroutine_(coroutine) {}
  conversation(conversation&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  conversation& operator=(conversation&& other) noexcept {
    if (this != &other) {
      if (coroutine_) coroutine_.destroy();
      coroutine_ = std::exchange(other.coroutine_, nullptr);
    }
    return *this;
  }
  ~conversation() {
    if (coroutine_) coroutine_.destroy();
  }

  /// Runs up to the first wait, or to the end. Once.
  void start() { coroutine_.resume(); }
  bool done() const { return coroutine_.done(); }
  /// The value, or the exception that ended it. Only when done, and once.
  T result() {
    assert(done());
    return coroutine_.promise().take();
  }
  /// For a driver that does not know T; valid as long as this object.
  std::coroutine_handle<> erased() const { return coroutine_; }

  class awaiter {
   public:
    explicit awaiter(handle coroutine) : coroutine_(coroutine) {}
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> outer) noexcept {
      coroutine_.promise().continue_with(outer);
      return coroutine_;
    }
    T await_resume() { return coroutine_.promise().take(); }

   private:
    handle coroutine_;  // owned by the conversation that is awaited, which lives in the outer frame
  };
  awaiter operator co_await() const& noexcept { return awaiter{coroutine_}; }
  awaiter operator co_await() const&& noexcept { return awaiter{coroutine_}; }

 private:
  handle coroutine_;
};

namespace detail {

template <class T>
conversation<T> conversation_promise<T>::get_return_object() noexcept {
  return conversation<T>{std::coroutine_handle<conversation_promise<T>>::from_promise(*this)};
}

inline conversation<void> conversation_promise<void>::get_return_object() noexcept {
  return conversation<void>{std::coroutine_handle<conversation_promise<void>>::from_promise(*this)};
}

}  // namespace detail

}  // namespace tidewire
