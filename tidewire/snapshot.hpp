// An initial copy of Postgres: rounds of several connections under one snapshot.
#pragma once

#include "pgoutput/source.hpp"
#include "tidewire/copy_runner.hpp"
#include "wire/connection_string.hpp"

namespace tidewire {

/// See copy_runner. `source` and `from` outlive it. A copy that stands alone needs no right to replicate.
std::unique_ptr<copy_runner> make_postgres_copy(asio::io_context& io, copy_runner::settings with,
                                                const pgoutput::source_settings& source,
                                                const wire::connection_options& from, position_store* store,
                                                std::optional<stored_position> stored);

/// `tidewire snapshot`: the copy alone.
void run_snapshot(const stream_options& options, bool quiet);

}  // namespace tidewire
