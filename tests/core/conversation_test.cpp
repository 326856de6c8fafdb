#include "core/conversation.hpp"

#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/core/script.hpp"
#include "tests/core/test_framer.hpp"

using namespace tidewire::testing;
using tidewire::conversation;
using tidewire::failure;

namespace {

conversation<int> answer() {
  co_return 42;
}

conversation<std::string> add_one(std::string text) {
  int number = co_await answer();
  co_return text + std::to_string(number + 1);
}

conversation<> throws_deep(int depth) {
  if (depth == 0) throw std::runtime_error("deep");
  co_await throws_deep(depth - 1);
}

conversation<std::unique_ptr<int>> move_only_result() {
  co_return std::make_unique<int>(7);
}

conversation<int> catches() {
  int result = 0;
  try {
    co_await throws_deep(3);
  } catch (const std::runtime_error&) {
    result = 1;
  }
  std::unique_ptr<int> moved = co_await move_only_result();
  co_return result + *moved;
}

struct counted {
  explicit counted(int& alive) : alive(alive) { ++alive; }
  ~counted() { --alive; }
  counted(const counted&) = delete;
  int& alive;
};

conversation<std::string> ask(tidewire::link& to, std::string question, int& alive) {
  counted local{alive};
  to.out = frame(question);
  co_await to.send();
  tidewire::byte_view reply = co_await to.receive();
  co_return std::string(body(reply));
}

conversation<std::string> ask_twice(tidewire::link& to, int& alive) {
  counted local{alive};
  std::string first = co_await ask(to, "one", alive);
  std::string second = co_await ask(to, "two", alive);
  co_return first + second;
}

conversation<long> nest_many(int count) {
  long sum = 0;
  for (int i = 0; i < count; ++i) {
    int part = co_await answer();
    sum += part;
  }
  co_return sum;
}

}  // namespace

TEST_CASE("A conversation is lazy, and gives its value once", "[conversation]") {
  auto talk = add_one("n");
  CHECK(!talk.done());
  talk.start();
  REQUIRE(talk.done());
  CHECK(talk.result() == "n43");
  auto moved = answer();
  auto other = std::move(moved);
  other.start();
  CHECK(other.result() == 42);
}

TEST_CASE("Exceptions pass through nested conversations", "[conversation]") {
  auto talk = throws_deep(5);
  talk.start();
  REQUIRE(talk.done());
  CHECK_THROWS_AS(talk.result(), std::runtime_error);
  auto caught = catches();
  caught.start();
  CHECK(caught.result() == 8);
}

TEST_CASE("Many nested conversations in turn", "[conversation]") {
  auto talk = nest_many(10'000);
  talk.start();
  CHECK(talk.result() == 420'000);
}

TEST_CASE("A conversation runs against a script", "[conversation]") {
  int alive = 0;
  script steps;
  steps.expects(frame("one")).gives(frame("1"));
  steps.answers([](tidewire::byte_view sent) { return frame(std::string(body(sent)) + "!"); });
  auto make = [&](tidewire::link& to) { return ask_twice(to, alive); };
  CHECK(play(steps, test_framer, make) == "1two!");
  CHECK(alive == 0);
  CHECK(for_each_failure(steps, test_framer, make) == 4 + 2 + 2);
  CHECK(alive == 0);
}

TEST_CASE("A script notices what is different", "[conversation]") {
  int alive = 0;
  auto make = [&](tidewire::link& to) { return ask_twice(to, alive); };
  script wrong, early, late;
  wrong.expects(frame("eins"));
  CHECK_THROWS_AS(play(wrong, test_framer, make), script_mismatch);
  early.expects(frame("one")).gives(frame("1"));
  CHECK_THROWS_AS(play(early, test_framer, make), script_mismatch);
  late.expects(frame("one")).gives(frame("1")).expects(frame("two")).gives(frame("2")).gives(frame("3"));
  CHECK_THROWS_AS(play(late, test_framer, make), script_mismatch);
}

TEST_CASE("An unfinished conversation releases what it holds", "[conversation]") {
  int alive = 0;
  {
    tidewire::link to{test_framer};
    auto talk = ask_twice(to, alive);
    talk.start();
    CHECK(alive == 2);
    CHECK(!talk.done());
  }
  CHECK(alive == 0);
}
