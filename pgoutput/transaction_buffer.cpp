#include "pgoutput/transaction_buffer.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "core/failure.hpp"
#include "pgoutput/message_tag.hpp"

namespace tidewire::pgoutput {

namespace {

constexpr std::size_t least_chunk_bytes = std::size_t{4} << 10;
constexpr std::size_t chunk_bytes = std::size_t{256} << 10;
constexpr std::size_t head_bytes = 8;

std::unique_ptr<std::uint8_t[]> block_of(std::size_t bytes) {
  return std::make_unique_for_overwrite<std::uint8_t[]>(bytes + transaction_replay::padding_bytes);
}

/// A message inside a streamed block begins with its own (sub)transaction's id; an origin has none.
std::uint32_t owner_of(std::uint32_t block_xid, byte_view message) {
  bool tells = message.size() >= 5 && static_cast<message_tag>(message[0]) != message_tag::origin;
  return tells ? load_be<std::uint32_t>(message.data() + 1) : block_xid;
}

}  // namespace

namespace detail {

void xid_set::insert(std::uint32_t xid) {
  if (!ranges_.empty()) {
    range& last = ranges_.back();
    if (xid >= last.first && xid <= last.last) return;
    if (xid == std::uint64_t{last.last} + 1) {
      last.last = xid;
      return;
    }
    if (std::uint64_t{xid} + 1 == last.first) {
      last.first = xid;
      return;
    }
  }
  ranges_.push_back({xid, xid});
  if (ranges_.size() >= settle_at_) {
    settle();
    settle_at_ = ranges_.size() * 2 + 64;
  }
}

void xid_set::settle() {
  std::sort(ranges_.begin(), ranges_.end(), [](range a, range b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (range each : ranges_) {
    if (kept != 0 && each.first <= std::uint64_t{ranges_[kept - 1].last} + 1)
      ranges_[kept - 1].last = std::max(ranges_[kept - 1].last, each.last);
    else
      ranges_[kept++] = each;
  }
  ranges_.resize(kept);
}

bool xid_set::contains(std::uint32_t xid) const {
  auto after = std::upper_bound(ranges_.begin(), ranges_.end(), xid,
                                [](std::uint32_t value, range each) { return value < each.first; });
  return after != ranges_.begin() && xid <= std::prev(after)->last;
}

}  // namespace detail

transaction_buffer::transaction_buffer(std::string folder, limits bounds)
    : bounds_(bounds), file_(std::move(folder), bounds.spill_bytes) {}

transaction_buffer::transaction& transaction_buffer::opened(std::uint32_t xid) {
  if (last_ && last_->xid == xid) [[likely]]
    return *last_;
  auto at = open_.find(xid);
  if (at == open_.end()) {
    if (open_.size() >= bounds_.transactions)
      throw failure(
          failure_kind::refused, "TW-PG-OPEN-TRANSACTIONS",
          "more than " + std::to_string(bounds_.transactions) + " streamed transactions are open at once",
          "raise the limit of open transactions, or turn streaming of running transactions off");
    at = open_.emplace(xid, std::make_unique<transaction>()).first;
    at->second->xid = xid;
  }
  last_ = at->second.get();
  return *last_;
}

void transaction_buffer::start(std::uint32_t xid) {
  opened(xid);
}

void transaction_buffer::charge(transaction& to, std::size_t bytes) {
  to.memory_bytes += bytes;
  memory_bytes_ += bytes;
}

void transaction_buffer::discharge(transaction& from, std::size_t bytes) {
  from.memory_bytes -= bytes;
  memory_bytes_ -= bytes;
}

void transaction_buffer::add(std::uint32_t xid, byte_view message) {
  transaction& to = opened(xid);
  std::uint8_t head[head_bytes];
  store_le(head, owner_of(xid, message));
  store_le(head + 4, static_cast<std::uint32_t>(message.size()));
  std::size_t bytes = head_bytes + message.size();
  if (bytes > chunk_bytes) [[unlikely]]
    return append_large(to, head, message);
  detail::chunk& tail = room_for(to, bytes);
  std::uint8_t* at = tail.memory.get() + tail.used;
  std::memcpy(at, head, head_bytes);
  std::memcpy(at + head_bytes, message.data(), message.size());
  tail.used += static_cast<std::uint32_t>(bytes);
  if (memory_bytes_ > bounds_.memory_bytes) [[unlikely]]
    spill();
}

void transaction_buffer::append_large(transaction& to, byte_view head, byte_view message) {
  // Record lengths are 32 bits, and a frame is far smaller than that.
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max() - head_bytes;
  if (message.size() > most)
    throw failure(failure_kind::refused, "TW-SPILL-LIMIT", "a message of more than 4 GiB was streamed");
  std::size_t bytes = head.size() + message.size();
  detail::chunk own;
  own.used = static_cast<std::uint32_t>(bytes);
  if (bytes > bounds_.memory_bytes / 2) {
    own.spilled = file_.write(head, message);
    to.chunks.push_back(std::move(own));
    return;
  }
  own.memory = block_of(bytes);
  own.capacity = own.used;
  std::memcpy(own.memory.get(), head.data(), head.size());
  std::memcpy(own.memory.get() + head.size(), message.data(), message.size());
  to.chunks.push_back(std::move(own));
  charge(to, bytes);
  if (memory_bytes_ > bounds_.memory_bytes) spill();
}

detail::chunk& transaction_buffer::room_for(transaction& in, std::size_t bytes) {
  if (!in.chunks.empty()) {
    detail::chunk& tail = in.chunks.back();
    if (tail.memory && tail.used + bytes <= tail.capacity) [[likely]]
      return tail;
    if (tail.memory && tail.used + bytes <= chunk_bytes) {
      std::size_t capacity = std::bit_ceil(tail.used + bytes);
      auto larger = block_of(capacity);
      std::memcpy(larger.get(), tail.memory.get(), tail.used);
      charge(in, capacity - tail.capacity);
      tail.memory = std::move(larger);
      tail.capacity = static_cast<std::uint32_t>(capacity);
      return tail;
    }
  }
  // A transaction that filled a chunk will fill another; the many small ones begin small.
  bool large = !in.chunks.empty() && in.chunks.back().used > chunk_bytes / 2;
  detail::chunk fresh;
  std::size_t capacity = large ? chunk_bytes : std::max(least_chunk_bytes, std::bit_ceil(bytes));
  fresh.memory = block_of(capacity);
  fresh.capacity = static_cast<std::uint32_t>(capacity);
  in.chunks.push_back(std::move(fresh));
  charge(in, capacity);
  return in.chunks.back();
}

void transaction_buffer::spill() {
  // Down to half of the limit: so the search for the largest transactions comes once in many messages.
  std::size_t target = bounds_.memory_bytes / 2;
  std::vector<transaction*> largest;
  for (auto& [xid, each] : open_)
    if (each->resident_from < each->chunks.size()) largest.push_back(each.get());
  std::sort(largest.begin(), largest.end(),
            [](const transaction* a, const transaction* b) { return a->memory_bytes > b->memory_bytes; });
  for (transaction* each : largest) spill_chunks(*each, each->chunks.size() - 1, target);
  // The chunks that are still being filled go last.
  for (transaction* each : largest) spill_chunks(*each, each->chunks.size(), target);
}

void transaction_buffer::spill_chunks(transaction& of, std::size_t end, std::size_t target) {
  for (; of.resident_from < end && memory_bytes_ > target; ++of.resident_from) {
    detail::chunk& next = of.chunks[of.resident_from];
    if (next.memory) spill_chunk(of, next);
  }
}

void transaction_buffer::spill_chunk(transaction& of, detail::chunk& which) {
  which.spilled = file_.write({which.memory.get(), which.used});
  which.memory.reset();
  discharge(of, which.capacity);
}

void transaction_buffer::drop_chunk(transaction& of, detail::chunk& which) {
  if (which.memory) {
    which.memory.reset();
    discharge(of, which.capacity);
  } else if (which.used != 0) {
    file_.release(which.spilled);
  }
  which.used = 0;
}

void transaction_buffer::drop(transaction& which) {
  for (detail::chunk& each : which.chunks) drop_chunk(which, each);
  aborted_bytes_ -= which.aborted.memory_bytes();
}

void transaction_buffer::abort(std::uint32_t xid, std::uint32_t subxid) {
  auto at = open_.find(xid);
  if (at == open_.end()) return;
  transaction& of = *at->second;
  if (xid != subxid) {
    aborted_bytes_ -= of.aborted.memory_bytes();
    of.aborted.insert(subxid);
    aborted_bytes_ += of.aborted.memory_bytes();
    // What was aborted is the one thing that cannot go to disk.
    if (aborted_bytes_ > bounds_.aborted_bytes)
      throw failure(failure_kind::refused, "TW-SPILL-LIMIT",
                    "too many aborted subtransactions in streamed transactions",
                    "turn streaming of running transactions off");
    return;
  }
  drop(of);
  if (last_ == &of) last_ = nullptr;
  open_.erase(at);
}

void transaction_buffer::clear() {
  for (auto& [xid, each] : open_) drop(*each);
  open_.clear();
  last_ = nullptr;
}

transaction_replay transaction_buffer::replay(std::uint32_t xid) {
  auto at = open_.find(xid);
  if (at == open_.end()) return {*this, std::make_unique<transaction>()};
  auto whole = std::move(at->second);
  open_.erase(at);
  if (last_ == whole.get()) last_ = nullptr;
  aborted_bytes_ -= whole->aborted.memory_bytes();
  whole->aborted.settle();
  aborted_bytes_ += whole->aborted.memory_bytes();
  return {*this, std::move(whole)};
}

transaction_replay::transaction_replay(transaction_buffer& owner,
                                       std::unique_ptr<detail::open_transaction> transaction)
    : owner_(&owner), transaction_(std::move(transaction)) {}

transaction_replay::~transaction_replay() {
  if (!transaction_) return;
  if (current_.used != 0) owner_->drop_chunk(*transaction_, current_);
  owner_->drop(*transaction_);
}

std::span<const byte_view> transaction_replay::next_batch() {
  batch_.clear();
  while (batch_.empty()) {
    if (current_.used != 0) owner_->drop_chunk(*transaction_, current_);
    if (next_chunk_ == transaction_->chunks.size()) return {};
    // Taken out of the list, so that it is given back once only.
    current_ = std::exchange(transaction_->chunks[next_chunk_++], {});
    select(load(current_), current_.used);
  }
  return batch_;
}

const std::uint8_t* transaction_replay::load(detail::chunk& from) {
  if (from.memory) return from.memory.get();
  std::size_t usual = std::max<std::size_t>(from.used, chunk_bytes);
  if (block_capacity_ != usual) {
    block_.reset();  // before the next, lest both be there
    block_ = block_of(usual);
    block_capacity_ = usual;
  }
  owner_->file_.read(from.spilled, {block_.get(), from.used});
  return block_.get();
}

void transaction_replay::select(const std::uint8_t* records, std::size_t size) {
  const detail::xid_set& aborted = transaction_->aborted;
  std::uint32_t last = transaction_->xid;
  bool last_aborted = aborted.contains(last);
  while (size >= head_bytes) {
    auto subxid = load_le<std::uint32_t>(records);
    std::size_t length = load_le<std::uint32_t>(records + 4);
    if (length > size - head_bytes)
      throw failure(failure_kind::transient, "TW-SPILL",
                    "the file for streamed transactions does not hold what was written to it",
                    "check the disk of the folder for spilled transactions");
    if (subxid != last) {
      last = subxid;
      last_aborted = aborted.contains(subxid);
    }
    if (!last_aborted) batch_.emplace_back(records + head_bytes, length);
    records += head_bytes + length;
    size -= head_bytes + length;
  }
}

}  // namespace tidewire::pgoutput
