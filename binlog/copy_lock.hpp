// Nobody writes to the tables that are copied while the snapshots of all connections are opened: LOCK TABLES
// … READ. Each transaction that has changed one of them is over then, and in the server's GTIDs, and no other
// has begun; reading is not held up. It waits for open transactions, not for long SELECTs, and an attempt
// that is given up leaves nothing behind. FLUSH TABLES WITH READ LOCK does: once it has waited in vain, the
// tables of the SELECT that it waited for stay closed to everybody until that ends.
#pragma once

#include <string>
#include <vector>

#include "binlog/copy.hpp"

namespace tidewire::binlog {

/// Throws failure TW-MY-SNAPSHOT where rows can't be as of one place.
void check_can_be_exact(const server_facts& server, const std::vector<copy_table>& tables);

/// On a connection of its own: waiting ends soon, and so does a lock whose owner is silent. Gives the
/// connection's number.
conversation<std::string> prepare_lock(session& with);

/// False: others have changed them and not committed yet. Throws failure TW-MY-PRIVILEGE, which names the
/// right that is missing and how to give it.
conversation<bool> lock_tables(session& with, const std::vector<copy_table>& tables);

/// On another connection of the same account: that one's lock_tables is told to give up.
conversation<> end_waiting(session& with, std::string connection);

/// Once it returns, the lock was held until now.
conversation<> unlock_tables(session& with);

/// Whose transactions are in the way, for a person.
conversation<std::string> who_writes(session& with, const std::vector<copy_table>& tables);

}  // namespace tidewire::binlog
