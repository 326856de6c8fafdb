#include "tidewire/file_window.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "core/failure.hpp"
#include "core/json.hpp"

namespace tidewire {
namespace {

constexpr std::size_t window_bytes = 1 << 20;

}  // namespace

file_window::file_window(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!file_) fail();
  window_.resize(window_bytes + json::input_padding);
}

byte_view file_window::next(std::size_t unread, std::size_t wanted) {
  std::memmove(window_.data(), window_.data() + size_ - unread, unread);
  size_ = unread;
  // A length is believed only as far as the file goes.
  while (size_ < wanted || size_ == unread) {
    if (window_.size() - json::input_padding == size_) window_.resize(window_.size() * 2);
    std::size_t count = read_more();
    if (count == 0) break;
    size_ += count;
  }
  return {window_.data(), size_};
}

std::uint64_t file_window::skip_rest() {
  std::uint64_t bytes = 0;
  size_ = 0;
  while (std::size_t count = read_more()) bytes += count;
  return bytes;
}

std::size_t file_window::read_more() {
  for (;;) {
    ssize_t count = ::read(file_.get(), window_.data() + size_, window_.size() - json::input_padding - size_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail();
    ended_ = count == 0;
    return static_cast<std::size_t>(count);
  }
}

void file_window::fail() const {
  throw failure{failure_kind::refused, "TW-CAPTURE-FILE",
                "could not read " + path_ + ": " + error_text(errno), "check the path"};
}

}  // namespace tidewire
