#include "binlog/held_transactions.hpp"

namespace tidewire::binlog {

std::optional<event_view> held_replay::next() {
  if (read_ == size_) {
    read_ = 0;
    if (next_piece_ < of_->pieces.size()) {
      const auto& piece = of_->pieces[next_piece_++];
      size_ = piece.size;
      block_.resize(size_ + event_padding);
      file_->read(piece.where, std::span(block_).first(size_));
    } else if (!tail_taken_) {
      tail_taken_ = true;
      size_ = of_->tail.size();
      block_.assign(of_->tail.begin(), of_->tail.end());
      block_.resize(size_ + event_padding);
    } else {
      size_ = 0;
    }
    if (size_ == 0) return std::nullopt;
  }
  // What add() wrote: there is no need to distrust it.
  auto size = load_le<std::uint32_t>(block_.data() + read_);
  byte_view bytes = byte_view(block_).subspan(read_ + 4, size);
  read_ += 4 + size;
  return event_view{*decode_event_header(bytes), bytes};
}

void held_transactions::begin(const std::string& id) {
  current_ = &held_[id];
}

void held_transactions::add(const event_view& event) {
  std::vector<std::uint8_t>& tail = current_->tail;
  encoder to(tail);
  to.le(static_cast<std::uint32_t>(event.bytes.size()));
  to.bytes(event.bytes);
  memory_ += event.bytes.size() + 4;
  if (memory_ > memory_limit_) spill();
}

void held_transactions::spill() {
  for (auto& [id, each] : held_) {
    if (each.tail.empty()) continue;
    each.pieces.push_back({file_.write(each.tail), each.tail.size()});
    memory_ -= each.tail.size();
    each.tail = {};
  }
}

void held_transactions::drop(const std::string& id) {
  auto at = held_.find(id);
  if (at == held_.end()) return;
  if (current_ == &at->second) current_ = nullptr;
  memory_ -= at->second.tail.size();
  for (const auto& piece : at->second.pieces) file_.release(piece.where);
  held_.erase(at);
}

void held_transactions::clear() {
  while (!held_.empty()) drop(std::string(held_.begin()->first));
}

}  // namespace tidewire::binlog
