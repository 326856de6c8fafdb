// What is missing on a server, as steps: pure, from the facts that check judges too.
#pragma once

#include <string>
#include <vector>

#include "core/secret.hpp"
#include "pgoutput/check.hpp"

namespace tidewire::pgoutput {

struct setup_wishes {
  std::string role = "tidewire";
  std::string publication = "tidewire";
  std::vector<wanted_table> tables;  // empty: all
  std::optional<hoster> at;
  bool new_password = false;   // also for a role that exists
  bool identity_full = false;  // for tables without a key
};

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
  std::string otherwise;      // what to run if this is not permitted
  std::string note;           // why, or what the server said

  bool can_apply() const { return is == check_fix::kind::sql && at != state::left; }
};
inline constexpr std::string_view setup_state_names[]{"planned", "done", "failed", "undone", "left"};
constexpr std::string_view to_string(setup_step::state at) {
  return setup_state_names[static_cast<std::size_t>(at)];
}

/// In the order in which to do it; empty: nothing is missing. `password` is used only if the plan makes one:
/// then one of its steps says so. `admin_superuser`: who asks is one.
std::vector<setup_step> plan_setup(const check_facts& facts, const setup_wishes& wishes,
                                   const secret& password, bool admin_superuser);

/// The text without the password or its verifier.
std::string shown_text(const setup_step& step);

}  // namespace tidewire::pgoutput
