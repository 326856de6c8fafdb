#include "tidewire/binlog_input.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include "binlog/event_reader.hpp"
#include "core/failure.hpp"
#include "tidewire/decode_binlog.hpp"

namespace tidewire {

namespace {

constexpr std::size_t window_bytes = 1 << 20;

std::string_view first_bytes(char (&into)[4], int file) {
  ssize_t got = ::pread(file, into, sizeof into, 0);
  return {into, got > 0 ? static_cast<std::size_t>(got) : 0};
}

bool is_gzip(std::string_view begin) {
  return begin.starts_with("\x1f\x8b");
}

bool has_magic(std::string_view begin) {
  return begin.starts_with(binlog::file_magic) || begin.starts_with(binlog::encrypted_file_magic);
}

}  // namespace

struct binlog_input::unzip {
  gzFile file = nullptr;
  ~unzip() {
    if (file) gzclose_r(file);
  }
};

binlog_input::binlog_input(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!file_) fail(error_text(errno));
  char begin[4];
  if (is_gzip(first_bytes(begin, file_.get()))) {
    unzip_ = std::make_unique<unzip>();
    int copy = ::dup(file_.get());
    unzip_->file = copy >= 0 ? gzdopen(copy, "rb") : nullptr;
    if (!unzip_->file) {
      if (copy >= 0) ::close(copy);
      fail(error_text(ENOMEM));
    }
    gzbuffer(unzip_->file, 256 * 1024);
  }
  window_.resize(window_bytes + binlog::event_padding);
}

binlog_input::~binlog_input() = default;

void binlog_input::fail(const std::string& why) const {
  throw failure{failure_kind::refused, "TW-MY-FILE", "could not read " + path_ + ": " + why,
                "check the path"};
}

std::string binlog_input::name() const {
  std::string name = path_.substr(path_.rfind('/') + 1);
  if (unzip_ && name.ends_with(".gz")) name.resize(name.size() - 3);
  return name;
}

std::size_t binlog_input::read(std::uint8_t* into, std::size_t size) {
  if (unzip_) {
    int count = gzread(unzip_->file, into, static_cast<unsigned>(std::min(size, std::size_t{1} << 30)));
    if (count > 0) return static_cast<std::size_t>(count);
    int error = Z_OK;
    const char* text = gzerror(unzip_->file, &error);
    // A zipped file that is cut off ends there, like any other.
    if (error != Z_OK && error != Z_BUF_ERROR) fail(text);
    return 0;
  }
  for (;;) {
    ssize_t count = ::read(file_.get(), into, size);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) fail(error_text(errno));
  }
}

byte_view binlog_input::next(std::size_t unread, std::size_t wanted) {
  std::memmove(window_.data(), window_.data() + size_ - unread, unread);
  size_ = unread;
  // A length is believed only as far as the file goes.
  while (size_ < wanted || size_ == unread) {
    if (window_.size() - binlog::event_padding == size_) window_.resize(window_.size() * 2);
    std::size_t count = read(window_.data() + size_, window_.size() - binlog::event_padding - size_);
    if (count == 0) {
      ended_ = true;
      break;
    }
    size_ += count;
  }
  return {window_.data(), size_};
}

bool is_binlog(const std::string& path) {
  unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char begin[4];
  std::string_view got = file ? first_bytes(begin, file.get()) : std::string_view{};
  if (!is_gzip(got)) return has_magic(got);
  gzFile zipped = gzopen(path.c_str(), "rb");
  if (!zipped) return false;
  char inside[4];
  int count = gzread(zipped, inside, sizeof inside);
  gzclose_r(zipped);
  return count == sizeof inside && has_magic({inside, sizeof inside});
}

}  // namespace tidewire
