#include "core/capture_output.hpp"

#include <cerrno>
#include <fcntl.h>

#include "core/failure.hpp"

namespace tidewire {

namespace {

constexpr std::size_t piece_bytes = 1 << 20;

}  // namespace

capture_output::capture_output(std::string path) : path_(std::move(path)) {
  file_ = posix::descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file_) return;
  if (errno == EEXIST)
    throw failure{failure_kind::refused, "TW-CAPTURE-FILE", "the capture file " + path_ + " exists already",
                  "name another one, or remove it"};
  throw failure{failure_kind::refused, "TW-CAPTURE-FILE",
                "could not make the capture file " + path_ + ": " + posix::error_text(errno),
                "check its folder"};
}

capture_output::~capture_output() {
  try {
    close();
  } catch (const failure&) {
    // Who wanted to know has called close().
  }
}

void capture_output::append(byte_view bytes) {
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  appended();
}

void capture_output::appended() {
  if (pending_.size() >= piece_bytes) write_out();
}

void capture_output::cut(std::uint64_t size) {
  if (size >= this->size()) return;
  if (size >= written_) return pending_.resize(static_cast<std::size_t>(size - written_));
  pending_.clear();
  if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) fail(errno);
  if (::lseek(file_.get(), static_cast<off_t>(size), SEEK_SET) < 0) fail(errno);
  written_ = size;
}

void capture_output::close() {
  if (!file_) return;
  write_out();
  file_ = {};
}

void capture_output::write_out() {
  if (int error = posix::write_all(file_.get(), as_text(pending_))) fail(error);
  written_ += pending_.size();
  pending_.clear();
  if (pending_.capacity() > 4 * piece_bytes) pending_.shrink_to_fit();
}

void capture_output::fail(int error) {
  file_ = {};
  throw failure{failure_kind::transient, "TW-CAPTURE-FILE",
                "could not write the capture file " + path_ + ": " + posix::error_text(error),
                "check the disk"};
}

}  // namespace tidewire
