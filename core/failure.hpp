// What goes wrong above the codecs: a stable code, a text that says what happened, and what to do next.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace tidewire {

/// Decides the exit code and whether a stream reconnects by itself.
enum class failure_kind {
  transient,  // exit 1: a retry may help (connection cut, server restarting)
  usage,      // exit 2: the command line or the connection string is wrong
  refused,    // exit 3: a person must act (slot lost, wrong server, password wrong)
};

/// Thrown by conversations, the driver, sinks and commands; never by a codec. `code` is one of
/// docs/errors.md, for example TW-PG-SLOT-LOST; `hint` is the next step and may be empty. Neither ever holds
/// a secret.
class failure : public std::runtime_error {
 public:
  failure(failure_kind kind, std::string code, const std::string& text, std::string hint = {})
      : std::runtime_error(text), kind(kind), code(std::move(code)), hint(std::move(hint)) {}

  failure_kind kind;
  std::string code;
  std::string hint;
};

}  // namespace tidewire
