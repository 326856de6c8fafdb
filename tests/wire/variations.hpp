// One good script of a conversation, and the many ways in which a server may depart from it: cut off in every
// byte, messages of every wrong length and of every other kind, and what may come between any two.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "tests/core/script.hpp"
#include "tests/wire/server_messages.hpp"
#include "wire/frame.hpp"

namespace tidewire::wire::testing {

using namespace tidewire::testing;

/// How a conversation ended; the code is "none" where it went well.
struct outcome {
  std::string code = "none";
  failure_kind kind = failure_kind::usage;
  std::string text;
  std::string hint;
};

/// Plays the script as far as the conversation goes.
template <class Make>
outcome outcome_of(const script& steps, Make make) {
  tidewire::link to{frame_size};
  player other{steps, to};
  try {
    other.play(make(to));
  } catch (const failure& why) {
    CHECK(to.out.empty());  // nothing half said
    return {why.code, why.kind, why.what(), why.hint};
  }
  return {};
}

/// A refusal, of that code, with a next step for who reads it.
inline void check_refused(const outcome& found, std::string_view code) {
  CHECK(found.code == code);
  CHECK(found.kind == failure_kind::refused);
  CHECK(!found.hint.empty());
}

inline bool speaks(const script::step& of) {
  return of.what == script::step::give || of.what == script::step::answer;
}

/// The steps at which the server speaks.
inline std::vector<std::size_t> spoken(const script& of) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < of.steps().size(); ++i)
    if (speaks(of.steps()[i])) found.push_back(i);
  return found;
}

using change = std::function<bytes(bytes)>;

inline script::step changed(script::step of, const change& how) {
  if (of.what == script::step::give)
    of.data = how(std::move(of.data));
  else
    of.from_sent = [how, first = of.from_sent](byte_view sent) {
      bytes said = first(sent);
      return said.empty() ? said : how(std::move(said));
    };
  return of;
}

/// The script up to the step `at`, where the server says something else and then hangs up.
inline script departing(const script& of, std::size_t at, const change& how) {
  script made;
  for (std::size_t i = 0; i < at; ++i) made.add(of.steps()[i]);
  made.add(changed(of.steps()[at], how));
  made.closes();
  return made;
}

/// What is taken for good may also end the conversation, or make it go on talking: "none".
template <class Make>
outcome outcome_of_departure(const script& of, std::size_t at, const change& how, Make make) {
  script steps = departing(of, at, how);
  try {
    return outcome_of(steps, make);
  } catch (const script_mismatch& early) {
    std::string_view what = early.what();
    std::string sends = "step " + std::to_string(at + 1) + ": it sends ";
    if (!what.ends_with("the conversation ended before it") && !what.starts_with(sends)) throw;
    return {};
  }
}

/// The server hangs up in every byte of every message.
template <class Make>
void check_cuts(const script& of, Make make) {
  for (std::size_t at : spoken(of)) {
    std::size_t size = 1;
    for (std::size_t keep = 0; keep < size; ++keep) {
      INFO("step " << at << ", " << keep << " bytes");
      bool spoke = false;
      outcome found = outcome_of_departure(
          of, at,
          [&](bytes message) {
            spoke = true;
            size = message.size();
            message.resize(keep);
            return message;
          },
          make);
      if (!spoke) break;  // it takes what was sent, and says nothing
      CHECK(found.code == "TW-NET-CLOSED");
      CHECK(found.kind == failure_kind::transient);
      CHECK((found.text.find("in the middle of a message") != found.text.npos) == (keep > 0));
    }
  }
}

/// Every message with every smaller length than its own, and with a byte more: refused, with one of the codes
/// (TW-PG-MALFORMED, others where the content has a form of its own). Not those whose tag is in
/// `of_any_length`.
template <class Make>
void check_lengths(const script& of, Make make, std::string_view of_any_length = "",
                   std::vector<std::string_view> codes = {"TW-PG-MALFORMED"}) {
  for (std::size_t at : spoken(of)) {
    std::size_t size = frame_head_bytes + 1;
    for (std::size_t length = frame_head_bytes; length <= size + 1; ++length) {
      INFO("step " << at << ", " << length << " bytes");
      char tag = 0;
      bool same = false;
      outcome found = outcome_of_departure(
          of, at,
          [&](bytes message) {
            size = message.size();
            tag = static_cast<char>(message[0]);
            same = length == size;
            message.resize(length);
            store_be(&message[1], static_cast<std::uint32_t>(length - 1));
            return message;
          },
          make);
      if (tag == 0) break;  // it takes what was sent, and says nothing
      if (same || of_any_length.find(tag) != of_any_length.npos) continue;
      INFO("ended with " << found.code);
      CHECK(std::ranges::count(codes, found.code) == 1);
      CHECK(found.kind == failure_kind::refused);
    }
  }
}

/// The tags that may stand in the place of the step's message, sorted. All others are refused, also bytes
/// that are no tag.
template <class Make>
std::string welcome_at(const script& of, std::size_t at, Make make) {
  std::string welcome;
  for (const bytes& each : one_of_each()) {
    outcome found = outcome_of_departure(of, at, [&](const bytes&) { return each; }, make);
    // What is welcome leads on: to the server's hanging up, to the end, or to the error that it is.
    if (found.code == "TW-NET-CLOSED" || found.code == "none" || found.code == "TW-PG-ERROR" ||
        found.code == "TW-PG-UNAVAILABLE") {
      welcome += static_cast<char>(each[0]);
      continue;
    }
    CHECK(found.kind == failure_kind::refused);
    CHECK((found.code == "TW-PG-UNEXPECTED" || found.code == "TW-PG-MALFORMED"));
  }
  for (int tag = 0; tag < 256; ++tag) {
    if (name_of(static_cast<backend_tag>(tag))) continue;
    bytes stranger{static_cast<std::uint8_t>(tag), 0, 0, 0, 4};
    outcome found = outcome_of_departure(of, at, [&](const bytes&) { return stranger; }, make);
    if (found.code != "TW-PG-MALFORMED" || found.kind != failure_kind::refused)
      FAIL_CHECK("tag " << tag << " ends with " << found.code);
  }
  // A length that is none.
  outcome found = outcome_of_departure(of, at, [&](const bytes&) { return bytes{'Z', 0, 0, 0, 3}; }, make);
  CHECK(found.code == "TW-NET-BAD-FRAME");
  CHECK(found.kind == failure_kind::refused);
  std::ranges::sort(welcome);
  return welcome;
}

/// What may come unasked comes before every message.
inline script interrupted(const script& of) {
  bytes unasked = notice("by the way") + parameter("application_name", "x") + notification("c", "p");
  script made;
  for (const script::step& each : of.steps())
    made.add(speaks(each) ? changed(each, [unasked](bytes message) { return unasked + message; }) : each);
  return made;
}

}  // namespace tidewire::wire::testing
