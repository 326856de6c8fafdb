// An event that the server has cut into fragments ($changeStreamSplitLargeEvent), as one document again.
#pragma once

#include <vector>

#include "mongo_wire/change_event.hpp"

namespace tidewire::mongo_wire {

/// Fragments of one event follow each other, first to last, and share no field but _id and splitEvent. Only
/// the last one's _id is a place to go on from: it becomes that of the whole.
class split_event {
 public:
  /// A fragment: the whole event's document after the last one, borrowed until the next call, else nothing.
  /// bad_state for one that does not follow the one before; limit_exceeded for too large an event.
  decoded<std::optional<bson_view>> add(const change_event_view& event) {
    if (event.fragment != next_ || (next_ > 1 && event.fragments != of_)) {
      reset();
      return std::unexpected(decode_error{decode_errc::bad_state, event.whole.offset, "splitEvent.fragment"});
    }
    if (next_ == 1) {
      whole_.assign(4, 0);
      of_ = event.fragments;
    }
    bool last = event.fragment == of_;
    bson_reader reader(event.whole);
    for (element_view each; reader.next(each);) {
      if (each.name == "splitEvent" || (each.name == "_id" && !last)) continue;
      const std::uint8_t* begin = event.whole.outer + each.element_offset();
      whole_.insert(whole_.end(), begin, each.data() + each.size);
      if (whole_.size() >= max_document_bytes) {
        reset();
        return std::unexpected(
            decode_error{decode_errc::limit_exceeded, each.element_offset(), "split event"});
      }
    }
    if (!reader.ok()) {
      reset();
      return std::unexpected(reader.error());
    }
    ++next_;
    if (!last) return std::nullopt;
    next_ = 1;
    whole_.push_back(0);
    auto size = static_cast<std::uint32_t>(whole_.size());
    store_le(whole_.data(), size);
    return bson_view{whole_.data(), size, 0, size};
  }

  /// Between the first and the last fragment.
  bool incomplete() const { return next_ != 1; }
  void reset() {
    next_ = 1;
    whole_.clear();
  }
  /// Gives the memory of a large event back; the view of add() ends.
  void shrink() {
    if (!incomplete() && whole_.capacity() > (1u << 20)) std::vector<std::uint8_t>().swap(whole_);
  }

 private:
  std::vector<std::uint8_t> whole_;
  std::int64_t next_ = 1;
  std::int64_t of_ = 0;
};

}  // namespace tidewire::mongo_wire
