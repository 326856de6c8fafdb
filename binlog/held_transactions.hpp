// Prepared XA transactions: their events wait here for XA COMMIT or XA ROLLBACK, which may come much later
// and in another file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "binlog/event.hpp"
#include "core/spill_file.hpp"

namespace tidewire::binlog {

namespace detail {

struct held_transaction {
  struct piece {
    spill_file::piece where;
    std::size_t size = 0;
  };
  std::vector<piece> pieces;       // on disk, the oldest first
  std::vector<std::uint8_t> tail;  // in memory: size and bytes of each event
};

}  // namespace detail

/// Hands out the events of a held transaction, which must be held as long as this.
class held_replay {
 public:
  held_replay(const spill_file& file, const detail::held_transaction& of) : file_(&file), of_(&of) {}

  /// Valid until the next call; nothing at the end. Throws failure TW-SPILL.
  std::optional<event_view> next();

 private:
  const spill_file* file_;
  const detail::held_transaction* of_;
  std::vector<std::uint8_t> block_;
  std::size_t size_ = 0;  // of the block, without padding
  std::size_t read_ = 0;
  std::size_t next_piece_ = 0;
  bool tail_taken_ = false;
};

/// Memory is bounded; what is beyond it goes to disk. Ids are texts of xa_text().
class held_transactions {
 public:
  /// `spill_bytes` of the file: 0 for no limit but the disk's.
  explicit held_transactions(std::string folder, std::size_t memory_bytes = std::size_t{16} << 20,
                             std::uint64_t spill_bytes = 0)
      : file_(std::move(folder), spill_bytes), memory_limit_(memory_bytes) {}

  /// The events that follow belong to this one, also if it is held already.
  void begin(const std::string& id);
  /// Only between begin() and end(). Throws failure TW-SPILL, TW-SPILL-LIMIT.
  void add(const event_view& event);
  void end() { current_ = nullptr; }
  bool open() const { return current_; }

  bool holds(const std::string& id) const { return held_.contains(id); }
  /// It is committed: its events, as often as they are wanted, until drop(). Only if it is held.
  held_replay replay(const std::string& id) const { return {file_, held_.find(id)->second}; }
  /// Its events are not needed any more.
  void drop(const std::string& id);
  void clear();

  std::size_t count() const { return held_.size(); }
  std::size_t memory_bytes() const { return memory_; }
  std::uint64_t disk_bytes() const { return file_.size_bytes(); }

 private:
  void spill();

  spill_file file_;
  std::size_t memory_limit_;
  std::size_t memory_ = 0;
  std::map<std::string, detail::held_transaction, std::less<>> held_;
  detail::held_transaction* current_ = nullptr;
};

}  // namespace tidewire::binlog
