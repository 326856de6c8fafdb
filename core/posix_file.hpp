// What position files and sinks have in common: file descriptors, whole writes, durable folders.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace tidewire::posix {

/// Owns a descriptor.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int number) : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// The operating system's words for an errno.
std::string error_text(int error);

/// Whether a file, once there is room on its disk, could be written.
bool is_full(int error);

/// These give 0 or the errno of what failed; interruptions by signals are not failures.

/// All of `data`, at the descriptor's own place. Waits where a write would block.
int write_all(int to, std::string_view data);
/// All of `data`, at `offset`.
int write_all_at(int to, std::string_view data, std::uint64_t offset);
/// The data and what is needed to read it again.
int sync_data(int file);
int sync_all(int file);
/// A folder's entries, where its file system can do that.
int sync_folder(int folder);

/// Puts a whole file into a folder in one step: `NAME.new` beside it first. Durable, file and folder, when it
/// returns. `before_step` is called with each step's name. After an error the old one is there or, if only
/// the folder could not be synced, the new one.
struct replace_error {
  const char* doing = nullptr;  // "write"
  int error = 0;                // 0: there was none
};
replace_error replace_file(int folder, const std::string& name, std::string_view bytes,
                           const std::function<void(std::string_view)>& before_step = {});

/// Where a file really is: what `path` names after following symbolic links, also such whose target is not
/// there yet. Gives an errno for links that go in circles or a folder that is not there.
struct real_place {
  std::string folder;
  std::string name;
  int error = 0;
};
real_place follow(const std::string& path);

}  // namespace tidewire::posix
