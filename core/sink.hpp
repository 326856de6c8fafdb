// Where lines go. A sink is written by one thread and synced by another; nothing else is concurrent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tidewire {

/// All functions block, and throw failure TW-SINK-… when the operating system refuses.
class sink {
 public:
  virtual ~sink() = default;

  /// Appends all of `lines`.
  virtual void write(std::string_view lines) = 0;

  /// How many bytes the sink holds, counted from its beginning: where the next write goes.
  virtual std::uint64_t offset() const = 0;

  /// Everything written before the call is durable after it. May run while another thread writes.
  virtual void sync() = 0;

  /// Drops everything from `offset` on, durably, where the sink can; where it can't, what is there stays.
  virtual void cut(std::uint64_t offset) = 0;
};

/// `stdout` or `file:PATH`. Throws failure TW-USAGE-SINK for anything else.
void check_sink(const std::string& to);

/// `resume_at`: the offset of the stored position; a file is cut back to it, and must be at least as long.
/// Without it a file must be empty or absent. Throws failure TW-SINK-… (refused).
struct sink_place {
  std::string to;
  std::optional<std::uint64_t> resume_at;
};
std::unique_ptr<sink> open_sink(const sink_place& place);

}  // namespace tidewire
