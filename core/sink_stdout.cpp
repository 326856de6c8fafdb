// What is only written to: pipes, terminals, devices, and a stdout of any kind.
#include <atomic>
#include <cerrno>
#include <fcntl.h>

#include "core/sink_kinds.hpp"

namespace tidewire {
namespace {

class stream_sink : public sink {
 public:
  stream_sink(int to, posix::descriptor owned, std::string name)
      : owned_(std::move(owned)), to_(to), name_(std::move(name)) {}

  void write(std::string_view lines) override {
    check();
    if (int error = posix::write_all(to_, lines)) throw sink_failure("write to", name_, error);
    offset_ += lines.size();
  }

  std::uint64_t offset() const override { return offset_; }

  void sync() override {
    check();
    int error = posix::sync_data(to_);
    // Pipes, terminals and devices have nothing to sync.
    if (error == 0 || error == EINVAL || error == ENOTSUP || error == EROFS) return;
    sync_error_ = error;
    check();
  }

  void cut(std::uint64_t) override {}

 private:
  void check() const {
    if (int error = sync_error_) throw sink_failure("sync", name_, error);
  }

  posix::descriptor owned_;
  int to_;
  std::string name_;
  std::uint64_t offset_ = 0;
  std::atomic<int> sync_error_ = 0;  // the first one, for ever
};

}  // namespace

std::unique_ptr<sink> make_stream_sink(int to, std::string name) {
  return std::make_unique<stream_sink>(to, posix::descriptor(), std::move(name));
}

std::unique_ptr<sink> make_stream_sink(posix::descriptor to, std::string name) {
  int number = to.get();
  return std::make_unique<stream_sink>(number, std::move(to), std::move(name));
}

std::unique_ptr<sink> open_stdout_sink() {
  int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
    throw failure(failure_kind::refused, "TW-SINK-OPEN", "stdout is closed",
                  "leave stdout open, or write to a file with file:PATH");
  return make_stream_sink(STDOUT_FILENO, "stdout");
}

}  // namespace tidewire
