// Streamed transactions come in pieces while they run, interleaved, and may yet be aborted, wholly or in
// part. Here they wait for their end: in memory up to a limit, beyond it in a file without a name.
//
// One file serves all transactions (each keeps a list of its chunks), so that the number of transactions
// running at once costs no file descriptors; a chunk goes to disk, and comes back, in one piece.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/spill_file.hpp"

namespace tidewire::pgoutput {

namespace detail {

/// A set of transaction ids that costs little when they were given out one after the other.
class xid_set {
 public:
  void insert(std::uint32_t xid);
  /// Brings the set into the order that contains() needs.
  void settle();
  bool contains(std::uint32_t xid) const;
  bool empty() const { return ranges_.empty(); }
  std::size_t memory_bytes() const { return ranges_.size() * sizeof(range); }

 private:
  struct range {
    std::uint32_t first, last;
  };
  std::vector<range> ranges_;
  std::size_t settle_at_ = 64;
};

/// Records one after the other, each {u32 subxid, u32 length, message}; none is split over two chunks.
struct chunk {
  std::unique_ptr<std::uint8_t[]> memory;  // null once spilled
  std::uint32_t capacity = 0;
  std::uint32_t used = 0;
  spill_file::piece spilled;
};

struct open_transaction {
  std::uint32_t xid = 0;
  std::vector<chunk> chunks;
  std::size_t resident_from = 0;  // all chunks before this one are spilled
  std::size_t memory_bytes = 0;   // of the chunks that are not
  xid_set aborted;
};

}  // namespace detail

class transaction_buffer;

/// One whole transaction on its way out, in the order in which it came, without what its aborted
/// subtransactions did. Holds one chunk at a time in memory. The buffer it came from must outlive it.
class transaction_replay {
 public:
  transaction_replay(transaction_replay&&) noexcept = default;
  transaction_replay& operator=(transaction_replay&&) = delete;
  ~transaction_replay();

  /// The next messages, tag first, each with its xid as it came in the streamed block; empty when there are
  /// no more. They are valid, and followed by padding_bytes readable bytes, until the next call. Throws
  /// failure TW-SPILL.
  std::span<const byte_view> next_batch();

  static constexpr std::size_t padding_bytes = 64;

 private:
  friend class transaction_buffer;
  transaction_replay(transaction_buffer& owner, std::unique_ptr<detail::open_transaction> transaction);
  const std::uint8_t* load(detail::chunk& from);
  void select(const std::uint8_t* records, std::size_t size);

  transaction_buffer* owner_;
  std::unique_ptr<detail::open_transaction> transaction_;
  std::size_t next_chunk_ = 0;
  detail::chunk current_;
  std::unique_ptr<std::uint8_t[]> block_;  // what was read back from disk
  std::size_t block_capacity_ = 0;
  std::vector<byte_view> batch_;
};

/// Not thread-safe. stream_state has checked the order of messages before they come here.
class transaction_buffer {
 public:
  struct limits {
    std::size_t memory_bytes = std::size_t{16} << 20;   // of all transactions together
    std::uint64_t spill_bytes = 0;                      // of the file; 0 for no limit but the disk's
    std::size_t transactions = 10'000;                  // open at once
    std::size_t aborted_bytes = std::size_t{16} << 20;  // to remember aborted subtransactions, 8 a run of ids
  };

  /// `folder` is where the file is made, the first time that memory does not do.
  transaction_buffer(std::string folder, limits bounds);
  explicit transaction_buffer(std::string folder) : transaction_buffer(std::move(folder), limits{}) {}

  /// Stream start: from here on `xid` is open, even if nothing follows. Throws failure
  /// TW-PG-OPEN-TRANSACTIONS (refused) if too many are.
  void start(std::uint32_t xid);

  /// Keeps a copy of a message of the streamed block of `xid`, tag first. The message itself tells which
  /// subtransaction it belongs to (an origin: `xid`'s own). Throws failures TW-SPILL, TW-SPILL-LIMIT.
  void add(std::uint32_t xid, byte_view message);

  /// Stream abort: drops the messages of `subxid`, past and to come; all of the transaction if it is `xid`.
  /// Throws failure TW-SPILL-LIMIT.
  void abort(std::uint32_t xid, std::uint32_t subxid);

  /// Stream commit and stream prepare: hands the transaction out and forgets it. An unknown one is empty.
  transaction_replay replay(std::uint32_t xid);

  /// The same, calling `sink` with one batch of messages (std::span<const byte_view>) after the other.
  template <class Sink>
  void replay(std::uint32_t xid, Sink&& sink) {
    transaction_replay from = replay(xid);
    for (auto batch = from.next_batch(); !batch.empty(); batch = from.next_batch()) sink(batch);
  }

  /// Forgets everything: the server sends unfinished transactions anew after a reconnect.
  void clear();

  std::size_t open_transactions() const { return open_.size(); }
  /// Of the messages that are kept in memory.
  std::size_t memory_bytes() const { return memory_bytes_; }
  std::uint64_t spilled_bytes() const { return file_.size_bytes(); }

 private:
  friend class transaction_replay;
  using transaction = detail::open_transaction;

  transaction& opened(std::uint32_t xid);
  void append_large(transaction& to, byte_view head, byte_view message);
  detail::chunk& room_for(transaction& in, std::size_t bytes);
  void charge(transaction& to, std::size_t bytes);
  void discharge(transaction& from, std::size_t bytes);
  void spill();
  void spill_chunks(transaction& of, std::size_t end, std::size_t target);
  void spill_chunk(transaction& of, detail::chunk& which);
  void drop_chunk(transaction& of, detail::chunk& which);
  void drop(transaction& which);

  limits bounds_;
  spill_file file_;
  std::unordered_map<std::uint32_t, std::unique_ptr<transaction>> open_;
  transaction* last_ = nullptr;    // messages come in blocks of one transaction
  std::size_t memory_bytes_ = 0;   // of all chunks, also those being replayed
  std::size_t aborted_bytes_ = 0;  // of all sets of aborted subtransactions
};

}  // namespace tidewire::pgoutput
