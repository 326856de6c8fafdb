// What may not be done to the test program itself is done in a child.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace tidewire::testing {

/// Its exit code, which is what `run` gives: 99 if it throws, -1 if a signal ends it.
template <class Run>
int in_child(Run run) {
  pid_t child = ::fork();
  if (child < 0) return -2;
  if (child == 0) {
    int code = 99;
    try {
      code = run();
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -2;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace tidewire::testing
