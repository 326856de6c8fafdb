// Room on disk for what does not fit into memory: one nameless file, cut into pieces of powers of two.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/bytes.hpp"

namespace tidewire {

/// The file is made when it is first needed, has no name (it is gone when the process is), can be read by
/// nobody else, and is emptied when nothing in it is needed any more. Not thread-safe.
///
/// Every function that touches the disk throws failure TW-SPILL (transient) when that goes wrong.
class spill_file {
 public:
  struct piece {
    std::uint64_t offset = 0;
    std::uint8_t order = 0;  // it has room for 2^order bytes
  };

  /// `limit_bytes`: how large the file may become; 0 for no limit but the disk's.
  spill_file(std::string folder, std::uint64_t limit_bytes)
      : folder_(std::move(folder)), limit_bytes_(limit_bytes) {}
  ~spill_file();
  spill_file(const spill_file&) = delete;
  spill_file& operator=(const spill_file&) = delete;

  /// Stores `head` followed by `body`. Throws failure TW-SPILL-LIMIT (refused) if the file would become
  /// too large.
  piece write(byte_view head, byte_view body = {});

  /// Fills `into` with what was stored in `from`, from its start.
  void read(const piece& from, std::span<std::uint8_t> into) const;

  /// Gives a piece back.
  void release(const piece& done);

  /// How large the file is now; not all of it need be in use.
  std::uint64_t size_bytes() const { return end_; }
  std::uint64_t stored_pieces() const { return stored_pieces_; }

 private:
  static constexpr int least_order = 12;
  static constexpr int orders = 40;

  void open();
  piece allocate(std::uint64_t bytes);
  void write_at(std::uint64_t offset, byte_view bytes) const;

  std::string folder_;
  std::uint64_t limit_bytes_;
  int descriptor_ = -1;
  std::uint64_t end_ = 0;
  std::uint64_t stored_pieces_ = 0;
  std::vector<std::uint64_t> free_[orders];  // offsets, by order
};

}  // namespace tidewire
