#include "pgoutput/capture_file.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "core/encoder.hpp"
#include "core/failure.hpp"
#include "core/socket.hpp"
#include "pgoutput/capture.hpp"

namespace tidewire::pgoutput {
namespace {

constexpr std::size_t piece_bytes = 1 << 20;

}  // namespace

capture_file::capture_file(std::string path) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file_ < 0 && errno == EEXIST)
    throw failure{failure_kind::refused, "TW-CAPTURE-FILE", "the capture file " + path_ + " exists already",
                  "name another one, or remove it"};
  if (file_ < 0)
    throw failure{failure_kind::refused, "TW-CAPTURE-FILE",
                  "could not make the capture file " + path_ + ": " + error_text(errno), "check its folder"};
  encoder out(pending_);
  encode_capture_header(out);
}

capture_file::~capture_file() {
  try {
    close();
  } catch (const failure&) {
    // Who wanted to know has called close().
  }
}

void capture_file::connected(wire::lsn from) {
  std::vector<std::uint8_t> payload;
  encoder body(payload);
  encode_capture_connection(body, from.value);
  add(payload);
}

void capture_file::add(byte_view payload) {
  encoder out(pending_);
  encode_capture_record(out, payload);
  if (!out.ok())
    throw failure{failure_kind::refused, "TW-CAPTURE-FILE",
                  std::string("a message can't be captured: ") + std::string(to_string(out.error().code)) +
                      " (" + out.error().field + ")",
                  "stream without --capture, and report what the server is"};
  if (pending_.size() >= piece_bytes) write_out();
}

void capture_file::close() {
  if (file_ < 0) return;
  write_out();
  ::close(std::exchange(file_, -1));
}

void capture_file::write_out() {
  byte_view left = pending_;
  while (!left.empty()) {
    ssize_t count = ::write(file_, left.data(), left.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      int error = errno;
      ::close(std::exchange(file_, -1));
      throw failure{failure_kind::transient, "TW-CAPTURE-FILE",
                    "could not write the capture file " + path_ + ": " + error_text(error), "check the disk"};
    }
    left = left.subspan(static_cast<std::size_t>(count));
  }
  pending_.clear();
  if (pending_.capacity() > 4 * piece_bytes) pending_.shrink_to_fit();
}

}  // namespace tidewire::pgoutput
