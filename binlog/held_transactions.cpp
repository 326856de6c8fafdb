#include "binlog/held_transactions.hpp"

#include <algorithm>
#include <utility>

namespace tidewire::binlog {

held_replay::held_replay(held_replay&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)),
      of_(std::move(other.of_)),
      block_(std::move(other.block_)),
      size_(other.size_),
      read_(other.read_),
      next_piece_(other.next_piece_),
      tail_taken_(other.tail_taken_) {}

held_replay::~held_replay() {
  if (!file_) return;
  for (; next_piece_ < of_.pieces.size(); ++next_piece_) file_->release(of_.pieces[next_piece_].where);
}

std::optional<event_view> held_replay::next() {
  if (read_ == size_) {
    read_ = 0;
    if (next_piece_ < of_.pieces.size()) {
      const auto& piece = of_.pieces[next_piece_];
      size_ = piece.size;
      block_.resize(size_ + event_padding);
      file_->read(piece.where, std::span(block_).first(size_));
      file_->release(piece.where);
      ++next_piece_;
    } else if (!tail_taken_) {
      tail_taken_ = true;
      block_ = std::move(of_.tail);
      size_ = block_.size();
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

void held_transactions::forget(detail::held_transaction& each) {
  memory_ -= each.tail.size();
  if (current_ == &each) current_ = nullptr;
}

held_replay held_transactions::take(const std::string& id) {
  auto at = held_.find(id);
  forget(at->second);
  held_replay replay(file_, std::move(at->second));
  held_.erase(at);
  return replay;
}

void held_transactions::drop(const std::string& id) {
  if (holds(id)) take(id);
}

void held_transactions::clear() {
  while (!held_.empty()) drop(std::string(held_.begin()->first));
}

}  // namespace tidewire::binlog
