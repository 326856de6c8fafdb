// A growing place for text that values are rendered into. Kept and cleared, it stops allocating.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

namespace tidewire::binlog {

class text_buffer {
 public:
  /// Readable and writable bytes behind what room() was asked for, for consumers that copy in steps.
  static constexpr std::size_t slack = 64;

  /// A place for `bytes` more; valid until the next room().
  char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes + slack) [[unlikely]]
      grow(bytes + slack);
    return data_.get() + size_;
  }
  /// Takes over what was written from room() on, up to `end`.
  void end(char* at) { size_ = static_cast<std::size_t>(at - data_.get()); }

  void put(char c) {
    char* at = room(1);
    *at = c;
    ++size_;
  }
  void put(std::string_view text) {
    char* at = room(text.size());
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    size_ += text.size();
  }

  const char* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::string_view view() const { return {data_.get(), size_}; }
  void clear() { size_ = 0; }
  void truncate(std::size_t size) { size_ = size; }
  /// Empties it and gives back memory beyond `bytes`, after an unusually large value.
  void clear_to(std::size_t bytes) {
    size_ = 0;
    if (capacity_ > bytes) data_.reset(), capacity_ = 0;
  }

 private:
  void grow(std::size_t bytes) {
    std::size_t wanted = size_ + bytes;
    std::size_t capacity = capacity_ + capacity_ / 2 > wanted ? capacity_ + capacity_ / 2 : wanted;
    void* moved = std::realloc(data_.get(), capacity);
    if (!moved) throw std::bad_alloc();
    (void)data_.release();
    data_.reset(static_cast<char*>(moved));
    capacity_ = capacity;
  }

  struct free_it {
    void operator()(char* p) const { std::free(p); }
  };
  std::unique_ptr<char, free_it> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace tidewire::binlog
