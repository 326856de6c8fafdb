// The sinks that open_sink chooses from.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/failure.hpp"
#include "core/posix_file.hpp"
#include "core/sink.hpp"

namespace tidewire {

/// A regular file, or what else is at that path.
std::unique_ptr<sink> open_file_sink(const std::string& path, std::optional<std::uint64_t> resume_at);

/// Whatever stdout is.
std::unique_ptr<sink> open_stdout_sink();

/// Something that is only written to, whose owner is somebody else. `name` is for messages.
std::unique_ptr<sink> make_stream_sink(int to, std::string name);
/// The same, owned.
std::unique_ptr<sink> make_stream_sink(posix::descriptor to, std::string name);

/// TW-SINK-WRITE, or TW-SINK-READER-GONE. `what`: "write to".
failure sink_failure(const char* what, const std::string& name, int error);

}  // namespace tidewire
