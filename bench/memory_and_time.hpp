// What the benchmark programs share: memory in large pages, times and medians.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/bytes.hpp"

namespace tidewire::bench {

[[noreturn]] inline void die(const char* what, const char* about) {
  std::fprintf(stderr, "%s: %s\n", what, about);
  std::exit(2);
}

/// Zeroes, and more of them behind the end: the encoders read a little past a value's end. In large pages, as
/// far as the system has them: else the figures are those of its page tables.
class memory {
 public:
  explicit memory(std::size_t size, const char* what) : size_(size) {
    void* place = mmap(nullptr, size + behind, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) die("no memory for", what);
    madvise(place, size + behind, MADV_HUGEPAGE);
    bytes_ = static_cast<std::uint8_t*>(place);
  }
  ~memory() {
    if (bytes_) munmap(bytes_, size_ + behind);
  }
  memory(memory&& from) noexcept
      : bytes_(std::exchange(from.bytes_, nullptr)), size_(std::exchange(from.size_, 0)) {}
  memory& operator=(memory&&) = delete;

  std::uint8_t* data() { return bytes_; }
  byte_view view() const { return {bytes_, size_}; }

 private:
  static constexpr std::size_t behind = 4096;
  std::uint8_t* bytes_ = nullptr;
  std::size_t size_;
};

inline memory load_file(const char* name) {
  int file = open(name, O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (file < 0 || fstat(file, &status) != 0) die("cannot read", name);
  auto size = static_cast<std::size_t>(status.st_size);
  memory bytes(size, name);
  for (std::size_t have = 0; have < size;) {
    ssize_t got = read(file, bytes.data() + have, size - have);
    if (got <= 0) die("cannot read", name);
    have += static_cast<std::size_t>(got);
  }
  close(file);
  return bytes;
}

inline double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Of the processor, not of the clock: on a shared machine that tells of the neighbours.
template <class Pass, class Input>
double seconds_of(Pass pass, const Input& input) {
  double begin = cpu_seconds();
  auto seen = pass(input);
  asm volatile("" ::"g"(&seen) : "memory");
  return cpu_seconds() - begin;
}

inline double median(std::vector<double> of) {
  std::sort(of.begin(), of.end());
  return of[of.size() / 2];
}

/// The word after an option.
inline const char* value_of_option(int count, char** words, int& i) {
  if (i + 1 >= count) die("needs a value", words[i]);
  return words[++i];
}

}  // namespace tidewire::bench
