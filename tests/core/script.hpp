// Plays the other end of a conversation from a list: what it must send, what it is given. Everybody's
// conversation tests use it; for_each_failure runs a script again and again with a fault at each of its
// waits.
#pragma once

#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "core/conversation.hpp"
#include "core/failure.hpp"
#include "core/link.hpp"

namespace tidewire::testing {

using bytes = std::vector<std::uint8_t>;

inline bytes to_bytes(std::string_view text) {
  byte_view view = as_bytes(text);
  return {view.begin(), view.end()};
}

/// The conversation did something else than the script says.
class script_mismatch : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

inline std::string to_hex(byte_view data) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (std::uint8_t byte : data.first(std::min<std::size_t>(data.size(), 200))) {
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  if (data.size() > 200) hex += "… (" + std::to_string(data.size()) + " bytes)";
  return hex;
}

/// The steps in order. One send of the conversation may cover several `expects`; consecutive `gives` arrive
/// one read after the other.
class script {
 public:
  // Not a variant: g++ 12 warns of uninitialised bytes wherever one is moved.
  struct step {
    enum kind { expect, answer, give, close, wake, tls } what = close;
    bytes data{};
    std::function<bytes(byte_view)> from_sent{};
    std::chrono::milliseconds later{0};
    tls_info info{};
  };

  /// The conversation sends exactly this.
  script& expects(bytes data) { return add({.what = step::expect, .data = std::move(data)}); }
  script& expects(std::string_view data) { return expects(to_bytes(data)); }
  /// The conversation sends something, and is given what the function makes of it (nothing, if empty). The
  /// function throws script_mismatch if it doesn't like what it gets.
  script& answers(std::function<bytes(byte_view sent)> from_sent) {
    return add({.what = step::answer, .from_sent = std::move(from_sent)});
  }
  /// The conversation receives this.
  script& gives(bytes data) { return add({.what = step::give, .data = std::move(data)}); }
  script& gives(std::string_view data) { return gives(to_bytes(data)); }
  /// The server closes the connection.
  script& closes() { return add({.what = step::close}); }
  /// The driver wakes a conversation that waits for frames or for a wake, when its clock is so much later.
  script& wakes(std::chrono::milliseconds later = {}) { return add({.what = step::wake, .later = later}); }
  /// The conversation asks for TLS and gets it.
  script& tls(tls_info info = {}) { return add({.what = step::tls, .info = std::move(info)}); }

  script& add(step next) {
    steps_.push_back(std::move(next));
    return *this;
  }

  const std::vector<step>& steps() const { return steps_; }

 private:
  std::vector<step> steps_;
};

/// How a run differs from the script. `at_wait` counts the conversation's waits from 0.
struct fault {
  enum kind { none, fails, closes, dead_peer };
  kind what = none;
  std::size_t at_wait = 0;
  bool byte_by_byte = false;  // give every byte by itself
};

inline constexpr const char* injected_code = "TW-TEST-INJECTED";

/// One run of a script against one link.
class player {
 public:
  player(const script& steps, link& to, fault inject = {})
      : steps_(steps.steps()), link_(to), fault_(inject) {}

  /// Runs to the end, and throws script_mismatch if steps are left over.
  template <class T>
  T play(conversation<T> talk) {
    link_.set_now(now_);
    talk.start();
    while (!talk.done()) {
      if (!link_.ready()) meet_wait();
      if (link_.ready()) link_.resume(now_);
    }
    if constexpr (std::is_void_v<T>) {
      talk.result();
      check_end();
    } else {
      T result = talk.result();
      check_end();
      return result;
    }
  }

  std::size_t waits() const { return waits_; }
  bool injected() const { return injected_; }
  /// The kinds of the waits so far, in order.
  const std::vector<want>& wanted() const { return wanted_; }

 private:
  void check_end() const {
    if (fault_.what == fault::none && next_ != steps_.size()) mismatch("the conversation ended before it");
  }

  void meet_wait() {
    wanted_.push_back(link_.wants());
    if (fault_.what != fault::none && waits_ >= fault_.at_wait && inject()) return;
    ++waits_;
    do_step();
  }

  static std::exception_ptr injected_failure() {
    return std::make_exception_ptr(failure{failure_kind::transient, injected_code, "injected"});
  }

  bool inject() {
    bool sends = link_.wants() == want::send;
    bool receives = link_.wants() == want::receive || link_.wants() == want::receive_or_wake;
    bool first = waits_ == fault_.at_wait;
    switch (fault_.what) {
      case fault::none: return false;
      case fault::fails: link_.fail(injected_failure()); break;
      case fault::closes:
        if (!receives || !first) return false;
        link_.on_eof();
        break;
      case fault::dead_peer:
        // Gone since a send: what follows meets that too.
        if (first ? !sends : !injected_) return false;
        if (sends)
          link_.fail_send(injected_failure());
        else if (receives)
          link_.on_eof();
        else
          link_.fail(injected_failure());
    }
    injected_ = true;
    ++waits_;
    return true;
  }

  void do_step() {
    if (next_ == steps_.size()) mismatch("the script is over");
    const script::step& now = steps_[next_];
    switch (link_.wants()) {
      case want::nothing: mismatch("no wait");
      case want::send: return take_sent(now);
      case want::receive: return give(now);
      case want::receive_or_wake:
        if (now.what == script::step::wake) return wake(now);
        return give(now);
      case want::wake: return wake(now);
      case want::turn: return;  // never waits
      case want::start_tls:
        if (now.what != script::step::tls) mismatch("it wants TLS");
        link_.on_tls(now.info);
        ++next_;
    }
  }

  void take_sent(const script::step& now) {
    byte_view sent = link_.unsent();
    if (now.what == script::step::answer) {
      answer_ = now.from_sent(sent);
      link_.on_sent(sent.size(), now_);
      answering_ = !answer_.empty();
      if (!answering_) ++next_;
      return;
    }
    if (now.what != script::step::expect) mismatch("it sends " + to_hex(sent));
    const bytes& data = now.data;
    if (sent.size() < data.size() || !std::equal(data.begin(), data.end(), sent.begin()))
      mismatch("it sends " + to_hex(sent) + "\ninstead of " + to_hex(data));
    link_.on_sent(data.size(), now_);
    ++next_;
  }

  void give(const script::step& now) {
    if (now.what == script::step::close) {
      link_.on_eof();
      ++next_;
      return;
    }
    if (!answering_ && now.what != script::step::give) mismatch("it wants to receive");
    const bytes* data = answering_ ? &answer_ : &now.data;
    std::size_t count = fault_.byte_by_byte ? 1 : data->size() - given_;
    while (count > 0) {
      auto space = link_.free_space();
      std::size_t part = std::min(count, space.size());
      std::copy_n(data->begin() + static_cast<std::ptrdiff_t>(given_), part, space.begin());
      link_.on_bytes(part, now_);
      given_ += part;
      count -= part;
    }
    if (given_ == data->size()) given_ = 0, answering_ = false, ++next_;
  }

  void wake(const script::step& now) {
    if (now.what != script::step::wake) mismatch("it waits to be woken");
    now_ += now.later;
    link_.wake();
    ++next_;
  }

  [[noreturn]] void mismatch(const std::string& what) const {
    throw script_mismatch("step " + std::to_string(next_) + ": " + what);
  }

  const std::vector<script::step>& steps_;
  link& link_;
  fault fault_;
  std::size_t next_ = 0;
  std::size_t given_ = 0;  // bytes of the current give step
  bytes answer_;
  bool answering_ = false;
  std::size_t waits_ = 0;
  bool injected_ = false;
  std::vector<want> wanted_;
  // The real clock's: conversations may look at that one too.
  link::clock::time_point now_ = link::clock::now();
};

/// One run with a fresh link. `make(link&)` gives the conversation.
template <class Make>
auto play(const script& steps, link::framer frames, Make make, fault inject = {}) {
  link to{frames};
  player other{steps, to, inject};
  return other.play(make(to));
}

/// Plays the script as it is, with every byte by itself, and then with a fault at each wait in turn: a
/// failure there; the connection closed there (reads); a peer that is gone (writes: the send itself
/// succeeds). Every faulty run must end with a failure, unless `may_succeed(wait, wanted)` (a last goodbye
/// that nobody needs); `on_failure` is shown each. Gives the number of faulty runs, for a test to compare
/// with 0 at least.
template <class Make>
std::size_t for_each_failure(const script& steps, link::framer frames, Make make,
                             const std::function<bool(std::size_t wait, want wanted)>& may_succeed = nullptr,
                             const std::function<void(const failure&)>& on_failure = nullptr) {
  std::size_t waits = 0;
  {
    link to{frames};
    player other{steps, to};
    other.play(make(to));
    waits = other.waits();
  }
  play(steps, frames, make, fault{fault::none, 0, true});
  std::size_t runs = 0;
  for (fault::kind kind : {fault::fails, fault::closes, fault::dead_peer}) {
    for (std::size_t at = 0; at < waits; ++at) {
      link to{frames};
      player other{steps, to, fault{kind, at, false}};
      bool ended_well = false;
      try {
        other.play(make(to));
        ended_well = true;
      } catch (const failure& why) {
        if (on_failure) on_failure(why);
      }
      if (!other.injected()) continue;
      ++runs;
      want wanted = other.wanted().at(at);
      if (ended_well && !(may_succeed && may_succeed(at, wanted)))
        throw script_mismatch("the conversation ended well in spite of a fault at wait " +
                              std::to_string(at));
    }
  }
  return runs;
}

}  // namespace tidewire::testing
