#include "core/spill_file.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "core/failure.hpp"

namespace tidewire {

namespace {

[[noreturn]] void fail(const char* what, const std::string& folder, int error) {
  throw failure(failure_kind::transient, "TW-SPILL",
                std::string("cannot ") + what + " the file for transactions that wait in " + folder + ": " +
                    std::generic_category().message(error),
                error == ENOSPC || error == EDQUOT || error == EFBIG
                    ? "make room on that disk, or choose a larger one for the spilled transactions"
                    : "choose a folder that exists and may be written to for the spilled transactions");
}

}  // namespace

spill_file::~spill_file() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void spill_file::open() {
#ifdef O_TMPFILE
  // Not every file system can do this, and each says so with an error of its own: all lead to the other way.
  descriptor_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor_ >= 0) return;
#endif
  std::string name = folder_ + "/tidewire-spill-XXXXXX";
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);  // with mode 0600
  if (descriptor_ < 0) fail("create", folder_, errno);
  if (::unlink(name.c_str()) != 0) fail("unlink", folder_, errno);
}

spill_file::piece spill_file::allocate(std::uint64_t bytes) {
  int order = std::max(least_order, static_cast<int>(std::bit_width(bytes - 1)));
  for (int larger = order; larger < orders; ++larger) {
    if (free_[larger].empty()) continue;
    std::uint64_t offset = free_[larger].back();
    free_[larger].pop_back();
    // Its first half serves, again and again; the second halves stay free.
    while (larger > order) {
      --larger;
      free_[larger].push_back(offset + (std::uint64_t{1} << larger));
    }
    return {offset, static_cast<std::uint8_t>(order)};
  }
  std::uint64_t room = std::uint64_t{1} << order;
  if (limit_bytes_ != 0 && end_ + room > limit_bytes_)
    throw failure(failure_kind::refused, "TW-SPILL-LIMIT",
                  "transactions that wait need more room on disk than the " + std::to_string(limit_bytes_) +
                      " bytes allowed",
                  "raise the limit of spilled bytes, or turn streaming of running transactions off");
  piece added{end_, static_cast<std::uint8_t>(order)};
  end_ += room;
  return added;
}

spill_file::piece spill_file::write(byte_view head, byte_view body) {
  if (descriptor_ < 0) open();
  piece into = allocate(std::max<std::uint64_t>(1, head.size() + body.size()));
  ++stored_pieces_;
  try {
    write_at(into.offset, head);
    write_at(into.offset + head.size(), body);
  } catch (...) {
    release(into);
    throw;
  }
  return into;
}

void spill_file::write_at(std::uint64_t offset, byte_view bytes) const {
  while (!bytes.empty()) {
    ssize_t done = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("write", folder_, done < 0 ? errno : ENOSPC);
    offset += static_cast<std::uint64_t>(done);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

void spill_file::read(const piece& from, std::span<std::uint8_t> into) const {
  std::uint64_t offset = from.offset;
  while (!into.empty()) {
    ssize_t done = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("read", folder_, done < 0 ? errno : EIO);
    offset += static_cast<std::uint64_t>(done);
    into = into.subspan(static_cast<std::size_t>(done));
  }
}

void spill_file::release(const piece& done) {
  if (--stored_pieces_ != 0) {
    free_[done.order].push_back(done.offset);
    return;
  }
  for (auto& each : free_) each.clear();
  end_ = 0;
  // Only gives the disk its room back early: a failure does no harm, the next write starts at 0 all the same.
  if (::ftruncate(descriptor_, 0) != 0) return;
}

}  // namespace tidewire
