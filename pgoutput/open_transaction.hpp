// Transactions that have written and not ended: a slot that is being made waits for them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/query.hpp"

namespace tidewire::pgoutput {

struct open_transaction {
  std::string pid;  // empty for a prepared one
  std::string prepared;
  std::string user;
  std::string application;
  std::string state;
  std::string since;
  std::optional<double> age_s;  // nothing: the role may not see it
};

/// Not our own, and at most ten, the oldest first.
extern const std::string_view open_transactions_sql;
std::vector<open_transaction> open_transactions_of(const wire::result_set& found);

/// "PID 17 (app, psql, idle in transaction, since …)".
std::string to_string(const open_transaction& one);

}  // namespace tidewire::pgoutput
