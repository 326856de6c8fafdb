// Where a stream goes on after it ends, however it ends: one small file, replaced as a whole
// (docs/position_file.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes.hpp"
#include "core/decode_error.hpp"
#include "core/posix_file.hpp"

namespace tidewire {

/// What is stored. `source` and `identity` say whose position it is: it must never be used elsewhere.
struct stored_position {
  std::string source;  // the kind: "postgres"
  /// Names and values, for example system_identifier → 7301…, slot → tidewire. The order does not count.
  /// No name is empty or there twice.
  std::vector<std::pair<std::string, std::string>> identity;
  std::string position;                 // the source's own text: an LSN, a GTID set, a resume token
  std::uint64_t sink_offset_bytes = 0;  // how much of the sink belongs to it
  std::uint64_t transactions = 0;       // totals since the position store began
  std::uint64_t changes = 0;
  /// How far an initial copy has come, in the source's own words; empty when there is none, or no longer.
  std::vector<std::string> copy;

  friend bool operator==(const stored_position&, const stored_position&) = default;
};

inline constexpr std::size_t max_position_file_bytes = std::size_t{32} << 20;
inline constexpr std::size_t max_position_identity = 64;
inline constexpr std::size_t max_position_copy = 300'000;

/// The file's bytes and back. Errors: bad_value (magic, version, a line), bad_checksum, truncated,
/// trailing_bytes, limit_exceeded. What is not legal (a name that is empty or there twice, too many or too
/// large) is encoded all the same, and then refused.
std::string encode_position(const stored_position& of);
decoded<stored_position> decode_position(byte_view file);

/// What the last line says of all lines before it: SHA-256 in hex.
std::string position_checksum(std::string_view lines);

/// One process at a time: the lock is held as long as this object lives.
class position_store {
 public:
  /// Called before each step of store(), for tests that end the process there.
  using step_hook = std::function<void(std::string_view step)>;

  /// Throws failure TW-POSITION-LOCKED (refused) if another process has it, TW-POSITION-FILE (transient) if
  /// the folder can't be written. A symbolic link is followed.
  explicit position_store(std::string path, step_hook before_step = {});
  position_store(const position_store&) = delete;
  position_store& operator=(const position_store&) = delete;

  /// Nothing if there is no file. Throws failure TW-POSITION-DAMAGED (refused) for a file that is not whole:
  /// which field, at which offset; TW-POSITION-FILE if it can't be read.
  std::optional<stored_position> load() const;

  /// Replaces the file; durable (file and folder) when it returns. Throws failure TW-POSITION-FILE; then the
  /// file holds the old position or, if only the folder could not be synced, the new one.
  void store(const stored_position& what);

  /// As it was given.
  const std::string& path() const { return path_; }

 private:
  [[noreturn]] void fail(const char* what, int error) const;
  void lock();

  std::string path_;
  step_hook before_step_;
  std::string name_;
  posix::descriptor folder_;
  posix::descriptor lock_;
};

/// A position file as somebody else may be using it.
struct seen_position {
  stored_position stored;
  std::chrono::system_clock::time_point changed_at;  // whole seconds
  bool in_use = false;                               // a process holds the lock
};

/// Nothing if there is no file. Writes nothing. Throws what position_store::load does.
std::optional<seen_position> look_at_position(const std::string& path);

/// Throws failure TW-POSITION-FOREIGN (refused), naming every difference, if `stored` belongs to another
/// source than `ours` describes (kind, or a name's value; a name that only one has is a difference too).
void check_same_source(const stored_position& stored, const stored_position& ours);

}  // namespace tidewire
