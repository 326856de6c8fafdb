// A file that only this process writes, and that a stored position can cut back.
#include <atomic>
#include <cassert>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/sink_kinds.hpp"

namespace tidewire {
namespace {

class file_sink : public sink {
 public:
  file_sink(posix::descriptor file, std::string path, std::uint64_t offset)
      : file_(std::move(file)), path_(std::move(path)), offset_(offset) {}

  /// What a failed write leaves is behind offset(): the next write, or the cut at the next start, is over it.
  void write(std::string_view lines) override {
    check();
    if (int error = posix::write_all_at(file_.get(), lines, offset_))
      throw sink_failure("write to", path_, error);
    offset_ += lines.size();
  }

  std::uint64_t offset() const override { return offset_; }

  void sync() override {
    check();
    check_unchanged();
    if (int error = posix::sync_data(file_.get())) {
      sync_error_ = error;
      check();
    }
  }

  void cut(std::uint64_t offset) override {
    assert(offset <= offset_);
    check();
    cut_to(offset);
    offset_ = offset;
  }

  /// Also of what is not ours yet.
  void cut_to(std::uint64_t offset) {
    while (::ftruncate(file_.get(), static_cast<off_t>(offset)) != 0)
      if (errno != EINTR) throw sink_failure("cut", path_, errno);
    if (int error = posix::sync_data(file_.get())) {
      sync_error_ = error;
      check();
    }
  }

 private:
  void check() const {
    if (int error = sync_error_) throw sink_failure("sync", path_, error);
  }

  /// A log rotation that copies and truncates, or a removal, would lose what the source is then told is safe.
  void check_unchanged() const {
    std::uint64_t written = offset_;
    struct stat about{};
    if (::fstat(file_.get(), &about) != 0) throw sink_failure("look at", path_, errno);
    bool removed = about.st_nlink == 0;
    if (!removed && static_cast<std::uint64_t>(about.st_size) >= written) return;
    throw failure(
        failure_kind::refused, "TW-SINK-CHANGED",
        removed ? "somebody removed " + path_ + " while it was being written"
                : "somebody cut " + path_ + " to " + std::to_string(about.st_size) + " bytes; " +
                      std::to_string(written) + " had been written",
        "let nothing else move or rotate that file. Put it back as it was; or move it and the position "
        "file away, and begin anew");
  }

  posix::descriptor file_;
  std::string path_;
  std::atomic<std::uint64_t> offset_;
  std::atomic<int> sync_error_ = 0;  // the first one, for ever
};

[[noreturn]] void refuse(const char* code, const std::string& text, const std::string& hint) {
  throw failure(failure_kind::refused, code, text, hint);
}

[[noreturn]] void cannot_open(const std::string& path, int error) {
  refuse("TW-SINK-OPEN", "cannot open " + path + ": " + posix::error_text(error),
         "choose a path in a folder that exists and may be written to");
}

void lock(const posix::descriptor& file, const std::string& path) {
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) cannot_open(path, errno);
    refuse("TW-SINK-LOCKED", "another process writes to " + path,
           "end that process, or give this one a file and a position file of its own");
  }
}

[[noreturn]] void too_short(const std::string& path, std::uint64_t resume_at, const std::string& has) {
  refuse("TW-SINK-SHORT",
         "the position says that " + std::to_string(resume_at) + " bytes of " + path + " are durable, but " +
             has,
         "put the file back as it was; or move it and the position file away, and begin anew");
}

/// Lines end before the position. Where they don't, it is not the file that was written.
void check_end_of_line(const posix::descriptor& file, const std::string& path, std::uint64_t resume_at) {
  if (resume_at == 0) return;
  char last = 0;
  ssize_t count = 0;
  do {
    count = ::pread(file.get(), &last, 1, static_cast<off_t>(resume_at - 1));
  } while (count < 0 && errno == EINTR);
  if (count < 0) cannot_open(path, errno);
  if (count == 1 && last == '\n') return;
  refuse("TW-SINK-CHANGED",
         "no line of " + path + " ends at the " + std::to_string(resume_at) +
             " bytes that the position speaks of: it is not the file that was written",
         "put the file back as it was; or move it and the position file away, and begin anew");
}

void sync_folder_of(const std::string& path) {
  posix::real_place place = posix::follow(path);
  int error = place.error;
  if (!error) {
    posix::descriptor folder(::open(place.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    error = folder ? posix::sync_folder(folder.get()) : errno;
  }
  if (error) throw sink_failure("sync the folder of", path, error);
}

}  // namespace

std::unique_ptr<sink> open_file_sink(const std::string& path, std::optional<std::uint64_t> resume_at) {
  struct stat about{};
  bool is_there = ::stat(path.c_str(), &about) == 0;
  // A FIFO that is opened for reading too would never tell that its reader has gone.
  bool as_stream = is_there && !S_ISREG(about.st_mode);
  bool must_exist = resume_at && *resume_at > 0;
  int flags = as_stream ? O_WRONLY : must_exist ? O_RDWR : O_RDWR | O_CREAT;
  int number = 0;
  do {
    number = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0644);
  } while (number < 0 && errno == EINTR);
  posix::descriptor file(number);
  if (!file && errno == ENOENT && must_exist) too_short(path, *resume_at, "it is not there");
  if (!file) cannot_open(path, errno);
  if (::fstat(file.get(), &about) != 0) cannot_open(path, errno);
  if (!S_ISREG(about.st_mode)) return make_stream_sink(std::move(file), path);

  lock(file, path);
  // Another process may have written until it lost the lock.
  if (::fstat(file.get(), &about) != 0) cannot_open(path, errno);
  auto size = static_cast<std::uint64_t>(about.st_size);
  if (!resume_at && size != 0)
    refuse("TW-SINK-NOT-EMPTY",
           path + " has " + std::to_string(size) +
               " bytes already, and there is no stored position to go on from",
           "choose another path, or move the file away: nothing is ever overwritten");
  std::uint64_t offset = resume_at.value_or(0);
  if (size < offset) too_short(path, offset, "it has " + std::to_string(size));
  check_end_of_line(file, path, offset);
  auto sink = std::make_unique<file_sink>(std::move(file), path, offset);
  if (size > offset) sink->cut_to(offset);
  // The file may be new, or its entry not durable since a crash of the machine.
  sync_folder_of(path);
  return sink;
}

}  // namespace tidewire
