// An initial copy of MongoDB's collections.
#pragma once

#include "tidewire/copy_runner.hpp"
#include "tidewire/mongo_source.hpp"

namespace tidewire {

/// See copy_runner. `source` outlives it.
std::unique_ptr<copy_runner> make_mongo_copy(asio::io_context& io, copy_runner::settings with,
                                             mongo_source& source, position_store* store,
                                             std::optional<stored_position> stored);

/// `tidewire snapshot mongodb://…`: the copy alone.
void run_mongo_snapshot(const stream_options& options, bool quiet);

}  // namespace tidewire
