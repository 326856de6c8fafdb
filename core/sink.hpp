// Where lines go. A sink is written by one thread and synced by another; nothing else is concurrent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tidewire {

/// All functions block, and throw failure when the operating system refuses: TW-SINK-WRITE (transient; what
/// has been synced before is good, what a failed write left behind is nobody's), TW-SINK-READER-GONE
/// (transient: who reads the other end of a pipe has gone, and perhaps has all it wanted), TW-SINK-CHANGED
/// (refused: somebody else cut or removed the file).
class sink {
 public:
  virtual ~sink() = default;

  /// Appends all of `lines`.
  virtual void write(std::string_view lines) = 0;

  /// How many bytes the sink holds, counted from its beginning: where the next write goes. Sinks that keep
  /// nothing (pipes, terminals, devices) count from 0 in each process.
  virtual std::uint64_t offset() const = 0;

  /// Everything written before the call is durable after it. May run while another thread writes. After it
  /// failed once it keeps failing: the kernel may have dropped what it could not write.
  virtual void sync() = 0;

  /// Drops everything from `offset` on, durably, where the sink can; where it can't, what is there stays.
  virtual void cut(std::uint64_t offset) = 0;
};

/// Throws failure TW-USAGE-SINK for what is neither `stdout` nor `file:PATH`.
void check_sink(const std::string& to);

/// `resume_at`: the offset of the stored position. A file is cut back to it, and must be at least as long;
/// sinks that keep nothing don't look at it. Without it a file must be empty or absent.
struct sink_place {
  std::string to;  // `stdout` or `file:PATH`
  std::optional<std::uint64_t> resume_at{};
};

/// A file is locked as long as the sink lives; a FIFO waits for its reader. The process must ignore SIGPIPE
/// and SIGXFSZ. Throws failure TW-USAGE-SINK (usage) for a `to` that is neither; refused: TW-SINK-OPEN,
/// TW-SINK-LOCKED, TW-SINK-NOT-EMPTY, TW-SINK-SHORT, TW-SINK-CHANGED.
std::unique_ptr<sink> open_sink(const sink_place& place);

}  // namespace tidewire
