// tidewire stream mongodb://…: a change stream into a sink.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// Until the bound, a signal (then it ends well) or a failure that a reconnect can't help, which it throws.
void run_mongo_stream(const stream_options& options, bool quiet);

}  // namespace tidewire
