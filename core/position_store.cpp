#include "core/position_store.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>

#include "core/failure.hpp"

namespace tidewire {
namespace {

/// For messages: what is in the file (or in somebody's options) must not steer a terminal.
std::string printable(std::string_view text) {
  constexpr std::size_t longest = 200;
  std::string out = "\"";
  for (char c : text.substr(0, longest)) out += c >= 0 && (c < 0x20 || c == 0x7f) ? '?' : c;
  return out + (text.size() > longest ? "…\"" : "\"");
}

std::string message_of(const decode_error& error) {
  return std::string(to_string(error.code)) + " at offset " + std::to_string(error.offset) + ", " +
         error.field;
}

std::string hint_for(const decode_error& error) {
  std::string_view field = error.field;
  if (error.code == decode_errc::bad_value && field == "magic")
    return "it is another kind of file: check the path";
  if (error.code == decode_errc::bad_value && field != "checksum")
    return "it may come from a newer version of tidewire: use that one";
  return "put back a copy of it; or look at what it says (it is text), move it away, and begin anew";
}

[[noreturn]] void fail_at(const std::string& path, const char* what, int error) {
  throw failure(
      failure_kind::transient, "TW-POSITION-FILE",
      std::string("cannot ") + what + " the position file " + path + ": " + posix::error_text(error),
      posix::is_full(error) ? "make room on that disk"
                            : "choose a path in a folder that exists and may be written to");
}

posix::descriptor open_folder(const std::string& path, const std::string& folder) {
  posix::descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened) fail_at(path, "open the folder of", errno);
  return opened;
}

/// Nothing if there is none. `changed_at` may be null.
std::optional<stored_position> read_in(int folder, const std::string& name, const std::string& path,
                                       std::chrono::system_clock::time_point* changed_at) {
  auto fail = [&path](const char* what, int error) { fail_at(path, what, error); };
  posix::descriptor file(::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) fail("open", errno);
  struct stat about{};
  if (::fstat(file.get(), &about) != 0) fail("read", errno);
  if (!S_ISREG(about.st_mode)) fail("read", S_ISDIR(about.st_mode) ? EISDIR : EINVAL);
  if (changed_at) *changed_at = std::chrono::system_clock::from_time_t(about.st_mtim.tv_sec);
  std::string bytes;
  // One byte more than is allowed is enough to refuse it.
  while (bytes.size() <= max_position_file_bytes) {
    char part[4096];
    ssize_t count = ::read(file.get(), part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read", errno);
    if (count == 0) break;
    bytes.append(part, static_cast<std::size_t>(count));
  }
  auto position = decode_position(as_bytes(bytes));
  if (position) return std::move(*position);
  throw failure(failure_kind::refused, "TW-POSITION-DAMAGED",
                "the position file " + path + " is not whole: " + message_of(position.error()),
                hint_for(position.error()));
}

}  // namespace

void position_store::fail(const char* what, int error) const {
  fail_at(path_, what, error);
}

position_store::position_store(std::string path, step_hook before_step)
    : path_(std::move(path)), before_step_(std::move(before_step)) {
  posix::real_place place = posix::follow(path_);
  if (place.error) fail("find", place.error);
  name_ = place.name;
  folder_ = open_folder(path_, place.folder);
  lock();
}

/// The lock is on a file beside the position's, because that one is replaced again and again. It is never
/// removed: whoever waited for the removed one would share the lock with whoever made the next.
void position_store::lock() {
  std::string name = name_ + ".lock";
  lock_ = posix::descriptor(
      ::openat(folder_.get(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!lock_) fail("make the lock of", errno);
  // Whoever only looks whether it is locked (look_at_position) has it for an instant.
  int more_tries = 10;
  while (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) fail("lock", errno);
    if (more_tries-- > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
      continue;
    }
    throw failure(failure_kind::refused, "TW-POSITION-LOCKED",
                  "another process uses the position file " + path_ + " (it has locked " + name + ")",
                  "end that process, or give this one a position file and a sink of its own");
  }
}

std::optional<stored_position> position_store::load() const {
  return read_in(folder_.get(), name_, path_, nullptr);
}

std::optional<seen_position> look_at_position(const std::string& path) {
  posix::real_place place = posix::follow(path);
  if (place.error) fail_at(path, "find", place.error);
  posix::descriptor folder = open_folder(path, place.folder);
  seen_position seen;
  std::optional<stored_position> stored = read_in(folder.get(), place.name, path, &seen.changed_at);
  if (!stored) return std::nullopt;
  seen.stored = std::move(*stored);
  std::string lock_name = place.name + ".lock";
  posix::descriptor lock(::openat(folder.get(), lock_name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  seen.in_use = lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  return seen;
}

void position_store::store(const stored_position& what) {
  std::string bytes = encode_position(what);
  // What could not be read again must not replace what can.
  auto again = decode_position(as_bytes(bytes));
  if (!again)
    throw failure(failure_kind::transient, "TW-POSITION-FILE",
                  "cannot store a position in " + path_ + " that is not legal: " + message_of(again.error()));
  posix::replace_error wrong = posix::replace_file(folder_.get(), name_, bytes, before_step_);
  if (wrong.error) fail(wrong.doing, wrong.error);
}

void check_same_source(const stored_position& stored, const stored_position& ours) {
  std::string differences;
  auto differ = [&](const std::string& text) { differences += (differences.empty() ? "" : "; ") + text; };
  if (stored.source != ours.source)
    differ("it is of " + printable(stored.source) + ", not of " + printable(ours.source));
  std::map<std::string, std::string> there(stored.identity.begin(), stored.identity.end());
  std::map<std::string, std::string> here(ours.identity.begin(), ours.identity.end());
  for (const auto& [name, value] : there) {
    auto same = here.find(name);
    if (same == here.end())
      differ(printable(name) + " is " + printable(value) + " there and unknown here");
    else if (same->second != value)
      differ(printable(name) + " is " + printable(value) + " there and " + printable(same->second) + " here");
  }
  for (const auto& [name, value] : here)
    if (!there.contains(name))
      differ(printable(name) + " is " + printable(value) + " here and unknown there");
  if (differences.empty()) return;
  throw failure(
      failure_kind::refused, "TW-POSITION-FOREIGN",
      "the stored position belongs to another source: " + differences,
      "connect to the source that it belongs to, or give this one a position file and a sink of its own");
}

}  // namespace tidewire
