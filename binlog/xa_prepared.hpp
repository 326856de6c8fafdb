// Which XA transactions are prepared. Their rows are in the binlog before a place that is read now, and in no
// snapshot: whoever begins there while they have no outcome loses them.
#pragma once

#include <string>
#include <vector>

#include "binlog/source.hpp"
#include "core/asked.hpp"

namespace tidewire::binlog {

/// As XA RECOVER lists them, in the form of xa_text(); nothing where the account may not look, which takes
/// XA_RECOVER_ADMIN on MySQL from 8.0 on. Throws failure TW-MY-MALFORMED.
conversation<asked<std::vector<std::string>>> prepared_transactions(session& with);

/// "2: X'61',X'',1 and X'62',X'',1": how many, and the first of them.
std::string prepared_text(const std::vector<std::string>& ids);

/// A look before a place is read, and one after. What is on neither list can only have been prepared and
/// committed in between: then the server has counted an XA COMMIT more.
class xa_looks {
 public:
  enum class patience { waits, at_once };

  /// Waits some seconds for what is prepared. Throws failure TW-MY-XA-PREPARED, `at_once` only after().
  conversation<> before(session& with, patience how = patience::waits);
  /// Whether nothing was prepared; else the place is to be read again, behind another before(). Where the
  /// counter never stands still it is content with the lists.
  conversation<bool> after(session& with);
  /// Whether the account may look; if not, every place is good.
  bool may_look() const { return may_look_; }

 private:
  bool may_look_ = true;
  int tries_ = 0;
  std::string commits_;           // the server's counter
  std::vector<std::string> ids_;  // that have not been waited for
};

struct fresh_start {
  server_facts server;
  bool saw_prepared = true;
};

/// Where a stream begins that follows no copy: all that is committed behind server.now comes with its rows.
/// Throws failure TW-MY-XA-PREPARED.
conversation<fresh_start> begin_fresh(session& with, server_facts server);

}  // namespace tidewire::binlog
