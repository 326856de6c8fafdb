// The packets of one connection as lines for people, in the form of libpq's PQtrace.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/trace_line.hpp"

namespace tidewire::binlog {

/// One line for each payload, without an end of line: F or B (from the client or the server), its bytes, its
/// name and its fields, separated by tabs. Any bytes will do: what is wrong with them is then part of the
/// line. Most packets have no mark of their kind: what came before tells, so all must be shown, in order.
///
/// No scramble, salt, key, password or answer of an authentication is shown, nor how long one is that may be
/// a password; of statements and rows nothing behind a word that a password or its hash may follow
/// (IDENTIFIED, PASSWORD), and of what the server says to such a statement no text.
class packet_trace {
 public:
  explicit packet_trace(std::function<void(const std::string& line)> to) : to_(std::move(to)) {}

  void sent(byte_view payload);
  void received(byte_view payload);

 private:
  enum class wanted : std::uint8_t { greeting, login, authentication, answer, columns, rows, events };

  void show_command(trace::line& out, byte_view payload);
  void show_answer(trace::line& out, byte_view payload);
  void show_authentication(trace::line& out, byte_view payload);
  void show_result(trace::line& out, byte_view payload);
  void show_error(trace::line& out, byte_view payload);

  std::function<void(const std::string&)> to_;
  wanted next_ = wanted::greeting;
  std::uint8_t command_ = 0;
  bool secret_ = false;  // the last command may hold a password
  std::size_t columns_left_ = 0;
  std::vector<std::optional<std::string_view>> values_;
};

/// Where in a statement a password or its hash may begin; npos: nowhere.
std::size_t secret_in(std::string_view sql);

}  // namespace tidewire::binlog
