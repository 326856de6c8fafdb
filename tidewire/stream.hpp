// tidewire stream: follow a Postgres and write every change.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// Runs to the end that was asked for, or until SIGINT or SIGTERM; then everything that was complete is
/// durable and its position stored. Throws failure for everything else.
void run_stream(const stream_options& options, bool quiet);

}  // namespace tidewire
