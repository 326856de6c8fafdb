// What is missing on a server, as steps: pure, from the facts that check judges too.
#pragma once

#include <string>
#include <vector>

#include "binlog/check.hpp"
#include "core/secret.hpp"
#include "core/setup_report.hpp"

namespace tidewire::binlog {

struct setup_wishes {
  account_name account{"tidewire", "%"};
  std::vector<wanted_table> tables;  // empty: all schemas that there are
  std::optional<hoster> at;
  bool new_password = false;  // also for an account that exists
};

/// In the order in which to do it; empty: nothing is missing. The rights in `facts` are those of the account
/// that is set up. `password` is used only if the plan makes one: then one of its steps says so.
std::vector<setup_step> plan_setup(const check_facts& facts, const setup_wishes& wishes,
                                   const secret& password);

/// A password that the server's own rules for passwords take too, where it has some.
secret fitting_password(const check_facts& facts, const secret& password);

/// Whether it is given what it keeps of a password, so that the password itself never gets there: MariaDB,
/// unless it looks at passwords itself.
bool takes_verifier(const check_facts& facts);

/// What MariaDB keeps of a password, and takes instead of it: `*` and 40 hex digits.
std::string native_verifier(const secret& password);

}  // namespace tidewire::binlog
