// `tidewire snapshot`: a copy without a stream, from the signals to the exit.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "tidewire/copy_runner.hpp"

namespace tidewire {

/// What it needs beside the source: `store` may be null, `stored` is that of an earlier run.
using copy_maker = std::function<std::unique_ptr<copy_runner>(
    asio::io_context& io, copy_runner::settings with, position_store* store,
    const std::optional<stored_position>& stored)>;

/// Does nothing if an earlier run has completed it, which is told. Throws what the copy met,
/// TW-SNAPSHOT-STOPPED, TW-POSITION-FOREIGN for a stream's position.
void run_copy_alone(const stream_options& options, bool quiet, const copy_maker& make);

}  // namespace tidewire
