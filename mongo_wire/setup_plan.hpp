// What is missing on a MongoDB, as steps: pure, from the facts that check judges too.
#pragma once

#include <string>
#include <vector>

#include "core/secret.hpp"
#include "core/setup_report.hpp"
#include "mongo_wire/check.hpp"

namespace tidewire::mongo_wire {

struct setup_wishes {
  std::string role = "tidewire";  // the user, of the database admin, and its role
  std::optional<hoster> at;
  post_images images = post_images::off;
  bool new_password = false;  // also for a user that exists
};

/// `step.text` is for mongosh; `command` does the same, where we can do it: empty otherwise. It may hold the
/// password.
struct planned_step {
  setup_step step;
  std::string database;
  std::vector<std::uint8_t> command;
};

/// In the order in which to do it; empty: nothing is missing. `password` is used only if the plan makes one:
/// then one of its steps says so.
std::vector<planned_step> plan_setup(const check_facts& facts, const setup_wishes& wishes,
                                     const secret& password);

}  // namespace tidewire::mongo_wire
