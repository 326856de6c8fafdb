// What `tidewire setup` plans, and what became of it: a list of steps in words that fit every source.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/check_report.hpp"
#include "core/secret.hpp"

namespace tidewire {

struct setup_step {
  enum class state : std::uint8_t {
    planned,
    done,
    failed,
    undone,  // was rolled back with the one that failed
    left,    // for a person: a restart, a console, a decision
  };

  std::string what;  // "the role tidewire"
  check_fix::kind is = check_fix::kind::sql;
  std::string text;
  state at = state::planned;
  bool in_transaction = true;
  bool optional = false;      // the rest goes on without it
  bool has_password = false;  // `text` is not to be shown when it is run
  std::string shown;          // then: the text without the password or its verifier
  std::string otherwise;      // what to run if this is not permitted
  std::string note;           // why, or what the server said

  bool can_apply() const { return is == check_fix::kind::sql && at != state::left; }
  const std::string& shown_text() const { return has_password ? shown : text; }
};
inline constexpr std::string_view setup_state_names[]{"planned", "done", "failed", "undone", "left"};
constexpr std::string_view to_string(setup_step::state at) {
  return setup_state_names[static_cast<std::size_t>(at)];
}

struct setup_report {
  std::string source;   // "Postgres"
  std::string target;   // the connection, redacted
  std::string version;  // "15.18"
  std::string hoster;   // "Supabase"
  bool applied = false;
  std::vector<setup_step> steps;     // empty: nothing is missing
  std::string role;                  // who will stream
  secret password;                   // shown if a step that counts has it
  std::string next;                  // the commands to go on with
  std::string_view comment = "-- ";  // what begins a comment where the statements are run

  bool password_made() const;
  /// Whether something is left that the stream needs.
  bool incomplete() const;
};

/// A plan is a script for the database's own shell: everything that is no statement is a comment.
std::string report_text(const setup_report& report);
/// One object in one line, as docs/checks.md describes it.
std::string report_json(const setup_report& report);

}  // namespace tidewire
