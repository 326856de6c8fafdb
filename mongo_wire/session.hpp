// One connection to a server as the conversations use it: a command out, its reply in.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/conversation.hpp"
#include "core/link.hpp"
#include "mongo_wire/bson_writer.hpp"
#include "mongo_wire/compression.hpp"
#include "mongo_wire/message_trace.hpp"
#include "mongo_wire/op_msg.hpp"
#include "mongo_wire/server_error.hpp"

namespace tidewire::mongo_wire {

/// Borrowed until the next command.
struct answer {
  reply_view reply;
  bson_view body;
};

/// The highest cluster time that any server told: every command tells it to whatever server comes next.
struct cluster_clock {
  bson_timestamp time;
  std::vector<std::uint8_t> document;  // opaque, signed by the cluster

  void learn(bson_view cluster_time);
};

/// A logical session's id, made by the client.
using session_id = std::array<std::uint8_t, 16>;
session_id make_session_id();

class session {
 public:
  session(tidewire::link& over, cluster_clock& clock) : to(over), clock_(clock) {}
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Sends one command to `database` and waits for its reply, which may be an error. `fields`: what a
  /// bson_writer has made, the command's name first, without $db. Throws failure TW-MONGO-MALFORMED for a
  /// reply that can't be decoded, or is to something else.
  conversation<answer> command(std::string database, std::vector<std::uint8_t> fields);

  /// The two halves of command, to do something else while the server is at work: what receive gave before is
  /// still good after send.
  conversation<> send(std::string database, std::vector<std::uint8_t> fields);
  conversation<answer> receive();
  /// Or nothing, when the driver woke the conversation.
  conversation<std::optional<answer>> receive_or_wake();
  /// Whether an answer is still on its way: then nothing may be sent.
  bool is_waiting() const { return waiting_; }

  /// As command; an error is thrown as server_failure. `doing`: "could not log in".
  conversation<answer> must(std::string doing, std::string database, std::vector<std::uint8_t> fields);

  tidewire::link& to;
  /// After login: what commands are compressed with. Those of the login and those that make users never are.
  std::optional<compressor> compress_with;
  int zlib_level = default_zlib_level;
  std::optional<session_id> id;               // sent with every command; after hello and login
  std::vector<std::uint8_t> read_preference;  // the document; empty: that of a primary
  bool credentials_sent = false;
  /// One line per message, secrets masked; may be empty.
  std::function<void(const std::string& line)> on_trace;
  /// Every frame that comes, as it comes; may be empty.
  std::function<void(byte_view)> on_received;

 private:
  void encode(const std::string& database, byte_view fields);
  answer decode(byte_view frame);
  decoded<message_view> unwrap(byte_view frame);

  cluster_clock& clock_;
  decompressor decompress_;
  std::int32_t next_id_ = 1;
  std::int32_t sent_id_ = 0;
  trace_of kind_ = trace_of::usual;  // of what was sent last
  bool waiting_ = false;
};

/// A command's fields.
template <class Fill>
std::vector<std::uint8_t> command_fields(Fill fill) {
  std::vector<std::uint8_t> out;
  bson_writer to(out);
  fill(to);
  if (!to.finish())
    throw failure{failure_kind::usage, "TW-MONGO-ENCODE",
                  std::string("this can't be sent to the server: ") + to.error().field,
                  "a name with a zero byte, or something too large"};
  return out;
}

/// Failure TW-MONGO-MALFORMED.
[[noreturn]] void malformed(std::string_view what, const decode_error& error);
template <class T>
T well_formed(decoded<T> result, std::string_view what) {
  if (!result) malformed(what, result.error());
  return std::move(*result);
}

}  // namespace tidewire::mongo_wire
