#include "core/posix_file.hpp"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <system_error>

namespace tidewire::posix {

std::string error_text(int error) {
  return std::generic_category().message(error);
}

bool is_full(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

namespace {

/// `put(data)` writes as much as it can. A write of nothing is a full disk.
template <class Put>
int repeat(std::string_view data, Put put) {
  while (!data.empty()) {
    ssize_t done = put(data);
    if (done > 0)
      data.remove_prefix(static_cast<std::size_t>(done));
    else if (done == 0)
      return ENOSPC;
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

}  // namespace

int write_all(int to, std::string_view data) {
  return repeat(data, [to](std::string_view rest) {
    ssize_t done = ::write(to, rest.data(), rest.size());
    if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      // Somebody else's setting: a terminal or pipe that we share.
      pollfd room{to, POLLOUT, 0};
      ::poll(&room, 1, -1);
      errno = EINTR;
    }
    return done;
  });
}

int write_all_at(int to, std::string_view data, std::uint64_t offset) {
  return repeat(data, [to, &offset](std::string_view rest) {
    ssize_t done = ::pwrite(to, rest.data(), rest.size(), static_cast<off_t>(offset));
    if (done > 0) offset += static_cast<std::uint64_t>(done);
    return done;
  });
}

int sync_data(int file) {
  while (::fdatasync(file) != 0)
    if (errno != EINTR) return errno;
  return 0;
}

int sync_all(int file) {
  while (::fsync(file) != 0)
    if (errno != EINTR) return errno;
  return 0;
}

int sync_folder(int folder) {
  int error = sync_all(folder);
  return error == EINVAL || error == EBADF ? 0 : error;
}

namespace {

replace_error write_new(int folder, const std::string& name, const std::string& fresh, std::string_view bytes,
                        const std::function<void(std::string_view)>& step) {
  step("create");
  descriptor file(::openat(folder, fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return {"create", errno};
  step("write");
  if (int error = write_all(file.get(), bytes)) return {"write", error};
  step("sync");
  if (int error = sync_all(file.get())) return {"sync", error};
  step("rename");
  if (::renameat(folder, fresh.c_str(), folder, name.c_str()) != 0) return {"replace", errno};
  return {};
}

}  // namespace

replace_error replace_file(int folder, const std::string& name, std::string_view bytes,
                           const std::function<void(std::string_view)>& before_step) {
  auto step = [&](std::string_view of) {
    if (before_step) before_step(of);
  };
  std::string fresh = name + ".new";
  step("remove");
  // One that a crash left behind. Its content never counted.
  if (::unlinkat(folder, fresh.c_str(), 0) != 0 && errno != ENOENT) return {"remove an old copy of", errno};
  try {
    if (replace_error wrong = write_new(folder, name, fresh, bytes, step); wrong.error) {
      ::unlinkat(folder, fresh.c_str(), 0);
      return wrong;
    }
  } catch (...) {
    ::unlinkat(folder, fresh.c_str(), 0);
    throw;
  }
  step("sync folder");
  if (int error = sync_folder(folder)) return {"sync the folder of", error};
  return {};
}

real_place follow(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr int most_links = 40;  // as many as the kernel follows
  std::error_code error;
  fs::path at = path;
  for (int links = 0; fs::is_symlink(fs::symlink_status(at, error)); ++links) {
    if (links == most_links) return {{}, {}, ELOOP};
    fs::path target = fs::read_symlink(at, error);
    if (error) return {{}, {}, error.value()};
    at = at.parent_path() / target;  // an absolute target replaces it all
  }
  if (!at.has_filename()) return {{}, {}, EISDIR};
  fs::path folder = fs::canonical(at.has_parent_path() ? at.parent_path() : ".", error);
  if (error) return {{}, {}, error.value()};
  return {folder.string(), at.filename().string(), 0};
}

}  // namespace tidewire::posix
