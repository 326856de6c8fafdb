// What is missing on a server, as steps: pure, from the facts that check judges too.
#pragma once

#include <string>
#include <vector>

#include "core/secret.hpp"
#include "core/setup_report.hpp"
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

/// In the order in which to do it; empty: nothing is missing. `password` is used only if the plan makes one:
/// then one of its steps says so. `admin_superuser`: who asks is one.
std::vector<setup_step> plan_setup(const check_facts& facts, const setup_wishes& wishes,
                                   const secret& password, bool admin_superuser);

}  // namespace tidewire::pgoutput
