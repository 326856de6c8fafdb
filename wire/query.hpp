// Queries as conversations: simple and extended, COPY out and in, cancel.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "wire/session.hpp"

namespace tidewire::wire {

/// A small result, owned, as text.
struct result_set {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
  std::string tag;  // "SELECT 1"

  /// A value of the first row, empty for NULL or where there is none.
  std::string_view first(std::size_t column = 0) const;
};

/// A larger result is refused with TW-PG-RESULT-LIMIT: these are for catalogs, not for data.
inline constexpr std::size_t max_result_rows = 1'000'000;
inline constexpr std::size_t max_result_bytes = std::size_t{64} << 20;

/// Simple query protocol; also for replication commands. Of several statements the last result that has
/// columns is given. An error throws server_failure ("<doing>: …") when the server is ready again.
conversation<result_set> query(session& with, std::string sql, std::string doing = {});

/// What one of several queries gave: its result, or the error that it ended with.
struct query_outcome {
  result_set result;
  std::optional<error_details> error;
};

/// Several queries in one round trip, each a transaction of its own: an error of one leaves the others alone.
/// Their text together must fit into the buffers of a connection (64 KB), because all of it is sent first.
conversation<std::vector<query_outcome>> query_each(session& with, std::vector<std::string> sql);

/// Extended query protocol: unnamed statement and portal, parameters and results as text.
conversation<result_set> execute(session& with, std::string sql,
                                 std::vector<std::optional<std::string>> parameters, std::string doing = {});

/// COPY … TO STDOUT. `take` is given each CopyData's payload, borrowed for the call; the command's tag is
/// returned.
conversation<std::string> copy_out(session& with, std::string sql, std::function<void(byte_view)> take);

/// COPY … FROM STDIN. `fill` appends the next piece to an empty vector; an empty piece ends the data. If it
/// throws, the copy fails on the server and the exception goes on.
conversation<std::string> copy_in(session& with, std::string sql,
                                  std::function<void(std::vector<std::uint8_t>&)> fill);

/// On a connection of its own: asks the server to cancel what `process_id` is doing, and waits for the server
/// to hang up. Whether it had an effect is not told.
conversation<> cancel(link& to, std::int32_t process_id, std::string cancel_key);

/// Says goodbye. Never throws for a connection that is gone already.
conversation<> terminate(session& with);

}  // namespace tidewire::wire
