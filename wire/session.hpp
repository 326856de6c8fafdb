// One connection to a server as the conversations use it: messages in and out, and what the server tells
// unasked (notices, parameters, notifications), which may come between any two messages.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/conversation.hpp"
#include "core/encoder.hpp"
#include "core/link.hpp"
#include "wire/frame.hpp"
#include "wire/server_error.hpp"

namespace tidewire::wire {

class session {
 public:
  explicit session(tidewire::link& over) : to(over) {}
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Writes into `to.out`; then send().
  encoder out() { return encoder{to.out}; }
  /// Sends what has been encoded. Throws failure TW-PG-ENCODE if `what` failed (a NUL inside a text).
  conversation<> send(encoder what);

  /// The next message that was not sent unasked; borrowed until the next receive. Throws failure
  /// TW-PG-MALFORMED for what is no message. An ErrorResponse is handed out like any other.
  conversation<backend_message> receive();

  /// For who receives frames by himself: splits, traces, and deals with what was sent unasked; nothing for
  /// such a message.
  std::optional<backend_message> take(byte_view frame);

  /// Everything up to ReadyForQuery is skipped; then the error is thrown.
  conversation<> fail_after_ready(std::string doing, error_details error);

  tidewire::link& to;
  std::map<std::string, std::string, std::less<>> parameters;  // ParameterStatus: the last value of each
  std::int32_t process_id = 0;
  std::string cancel_key;  // secret
  std::uint32_t protocol = 0;
  char transaction_status = 'I';
  bool credentials_sent = false;  // the server has got something that only who knows the password can make

  /// Notices and warnings of the server; may be empty.
  std::function<void(const error_details&)> on_notice;
  /// One line per message, secrets masked; may be empty.
  std::function<void(const std::string& line)> on_trace;
  void trace_sent(byte_view frames, bool startup = false) const;
  void trace_received(byte_view frame) const;
};

/// The value, or failure TW-PG-MALFORMED that names the message, the field and its offset.
[[noreturn]] void malformed(std::string_view message, const decode_error& error);
template <class T>
T well_formed(decoded<T> result, std::string_view message) {
  if (!result) malformed(message, result.error());
  return std::move(*result);
}

/// Not what comes here in this conversation: failure TW-PG-UNEXPECTED.
[[noreturn]] void unexpected_message(const backend_message& message, std::string_view during);

}  // namespace tidewire::wire
