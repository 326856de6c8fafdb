// A server for conversation tests: answers each command with what the test says, as Extended JSON.
#pragma once

#include <functional>
#include <string>

#include "mongo_wire/session.hpp"
#include "tests/core/script.hpp"
#include "tests/mongo_wire/event_case.hpp"

namespace tidewire::mongo_wire::testing {

using tidewire::testing::script;
using tidewire::testing::script_mismatch;

/// A reply to the request `sent`, with this body.
inline bytes reply_to(byte_view sent, const bytes& body) {
  bytes out;
  std::size_t mark = open_op_msg(out, 1000, 0, split_message(sent).value().header.request_id);
  put_body(out, body);
  REQUIRE(close_op_msg(out, mark).has_value());
  return out;
}

/// The command `sent` as canonical Extended JSON.
inline std::string command_in(byte_view sent) {
  bytes whole = copy_of(sent);
  auto message = decode_op_msg(whole);
  REQUIRE(message.has_value());
  return canonical(message->body.bytes());
}

/// The conversation sends one command; `answer` gets it and gives the reply's body as Extended JSON.
inline void expect(script& of, std::function<std::string(const std::string& command)> answer) {
  of.answers([answer = std::move(answer)](byte_view sent) {
    return reply_to(sent, bson_of(answer(command_in(sent))));
  });
}

/// The same for a command that must begin like this.
inline void expect(script& of, std::string begins, std::string reply) {
  expect(of, [begins = std::move(begins), reply = std::move(reply)](const std::string& command) {
    if (!command.starts_with(begins)) throw script_mismatch(command + "\ninstead of " + begins);
    return reply;
  });
}

}  // namespace tidewire::mongo_wire::testing
