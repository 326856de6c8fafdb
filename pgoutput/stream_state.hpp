// Which messages may come next, and whether they carry an xid. The rules are those of the manual ("Logical
// Streaming Replication Message Flow") and of the server's own output plugin:
//
//   outside         B  b  S  c  p  A  K  r, and M that is not transactional
//   B … C, b … P    O R Y I U D T M
//   S … E           O R Y I U D T M, each but O with an xid; M only if transactional
#pragma once

#include <algorithm>
#include <vector>

#include "pgoutput/message_logical.hpp"
#include "pgoutput/message_stream.hpp"

namespace tidewire::pgoutput {

class stream_state {
 public:
  enum class place : std::uint8_t {
    outside,      // between transactions
    transaction,  // B … C
    preparation,  // b … P
    block,        // S … E: a piece of a transaction that still runs
  };

  struct limits {
    std::size_t open_transactions = 10'000;  // streamed ones, neither committed nor aborted yet
  };

  /// Where a message stands, and so how to decode it.
  struct standing {
    bool streamed = false;  // it begins with an xid (an origin never does); to be kept until the commit
    std::uint32_t xid = 0;  // of the streamed block's transaction; 0 outside of one
  };

  stream_state() = default;
  explicit stream_state(limits bounds) : bounds_(bounds) {}

  /// Checks that `message` may come here, and moves on. Decodes no more of it than that takes: the other
  /// fields may still turn out wrong. Errors: bad_state (offset 0, the message's name as the field);
  /// unknown_reference for a streamed transaction that never began; limit_exceeded; those of the decoders.
  decoded<standing> accept(const message_view& message) {
    switch (message.tag) {
      case message_tag::insert:
      case message_tag::update:
      case message_tag::remove:
      case message_tag::truncate:
      case message_tag::origin:
      case message_tag::relation:
      case message_tag::type:
        if (place_ == place::outside) [[unlikely]]
          return refuse(message);
        return standing{place_ == place::block && message.tag != message_tag::origin, block_xid_};
      case message_tag::logical: return logical(message);
      case message_tag::begin: return move(message, place::outside, place::transaction);
      case message_tag::commit: return move(message, place::transaction, place::outside);
      case message_tag::begin_prepare: return move(message, place::outside, place::preparation);
      case message_tag::prepare: return move(message, place::preparation, place::outside);
      case message_tag::commit_prepared:
      case message_tag::rollback_prepared: return move(message, place::outside, place::outside);
      case message_tag::stream_start: return start(message);
      case message_tag::stream_stop: block_xid_ = 0; return move(message, place::block, place::outside);
      case message_tag::stream_commit:
      case message_tag::stream_prepare:
      case message_tag::stream_abort: return end(message);
    }
    return refuse(message);
  }

  /// For rows, most of every stream: whether accept() would take one here. It changes nothing, so whoever
  /// asks this need not call it; in_block() and block_xid() are where the row stands.
  bool takes_rows() const { return place_ != place::outside; }

  /// For what is around the rows of small transactions: takes a begin or a commit that may come here. False,
  /// and nothing done, for every other message: accept() tells.
  bool takes_frame(message_tag tag) {
    bool begins = tag == message_tag::begin && place_ == place::outside;
    bool ends = tag == message_tag::commit && place_ == place::transaction;
    if (begins || ends) place_ = begins ? place::transaction : place::outside;
    return begins || ends;
  }

  place where() const { return place_; }
  bool in_block() const { return place_ == place::block; }
  /// The transaction of the block we are in; 0 outside of one.
  std::uint32_t block_xid() const { return block_xid_; }
  /// How many streamed transactions are neither committed nor aborted.
  std::size_t open_transactions() const { return open_.size(); }

  /// A new connection: the server begins every unfinished transaction anew.
  void reconnected() {
    place_ = place::outside;
    block_xid_ = 0;
    open_.clear();
  }

 private:
  static std::unexpected<decode_error> refuse(const message_view& message) {
    return std::unexpected(decode_error{decode_errc::bad_state, 0, name_of(message.tag)});
  }

  decoded<standing> move(const message_view& message, place from, place to) {
    if (place_ != from) return refuse(message);
    place_ = to;
    return standing{};
  }

  decoded<standing> logical(const message_view& message) {
    bool streamed = place_ == place::block;
    auto decoded = decode_logical_message(message.body, streamed);
    if (!decoded) return std::unexpected(decoded.error());
    // Servers send the other kind while they read the WAL, so never in the middle of a block; elsewhere it
    // would do no harm.
    bool fits = decoded->transactional() ? place_ != place::outside : !streamed;
    if (!fits) return refuse(message);
    return standing{streamed, block_xid_};
  }

  decoded<standing> start(const message_view& message) {
    if (place_ != place::outside) return refuse(message);
    auto started = decode_stream_start(message.body);
    if (!started) return std::unexpected(started.error());
    bool known = std::find(open_.begin(), open_.end(), started->xid) != open_.end();
    if (started->first && known)
      return std::unexpected(decode_error{decode_errc::bad_state, 4, "first segment"});
    if (!started->first && !known)
      return std::unexpected(decode_error{decode_errc::unknown_reference, 0, "xid"});
    if (!known) {
      if (open_.size() >= bounds_.open_transactions)
        return std::unexpected(decode_error{decode_errc::limit_exceeded, 0, "open transactions"});
      open_.push_back(started->xid);
    }
    place_ = place::block;
    block_xid_ = started->xid;
    return standing{false, block_xid_};
  }

  struct ending {
    std::uint32_t xid = 0;
    std::size_t xid_offset = 0;
    bool whole = true;  // not only a subtransaction
  };

  static decoded<ending> decode_ending(const message_view& message) {
    if (message.tag == message_tag::stream_abort) {
      auto m = decode_stream_abort(message.body);
      if (!m) return std::unexpected(m.error());
      return ending{m->xid, 0, m->subxid == m->xid};
    }
    if (message.tag == message_tag::stream_prepare) {
      auto m = decode_stream_prepare(message.body);
      if (!m) return std::unexpected(m.error());
      return ending{m->xid, 1 + 8 + 8 + 8, true};
    }
    auto m = decode_stream_commit(message.body);
    if (!m) return std::unexpected(m.error());
    return ending{m->xid, 0, true};
  }

  decoded<standing> end(const message_view& message) {
    if (place_ != place::outside) return refuse(message);
    auto ended = decode_ending(message);
    if (!ended) return std::unexpected(ended.error());
    auto at = std::find(open_.begin(), open_.end(), ended->xid);
    if (at != open_.end()) {
      if (ended->whole) open_.erase(at);
    } else if (message.tag != message_tag::stream_abort) {
      // An abort of what never came loses nothing; a commit would lose the transaction.
      return std::unexpected(decode_error{decode_errc::unknown_reference, ended->xid_offset, "xid"});
    }
    return standing{};
  }

  limits bounds_;
  place place_ = place::outside;
  std::uint32_t block_xid_ = 0;
  std::vector<std::uint32_t> open_;
};

}  // namespace tidewire::pgoutput
