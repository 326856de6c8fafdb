#include "tidewire/print_out.hpp"

#include <cerrno>
#include <cstdlib>
#include <unistd.h>

#include "core/failure.hpp"

namespace tidewire {

bool colour_wanted() {
  const char* no = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) && !(no && *no) && !(term && std::string_view(term) == "dumb");
}

void print_out(std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      throw failure{failure_kind::transient, errno == EPIPE ? "TW-SINK-READER-GONE" : "TW-SINK-WRITE",
                    "standard output can't be written", "check where it leads"};
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace tidewire
