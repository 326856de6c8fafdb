#include "core/sink.hpp"

#include <cerrno>

#include "core/sink_kinds.hpp"

namespace tidewire {

failure sink_failure(const char* what, const std::string& name, int error) {
  if (error == EPIPE)
    return failure(failure_kind::transient, "TW-SINK-READER-GONE", "nobody reads " + name + " any more");
  return failure(
      failure_kind::transient, "TW-SINK-WRITE",
      std::string("cannot ") + what + " " + name + ": " + posix::error_text(error),
      posix::is_full(error)
          ? "make room on that disk (or raise the limit of file sizes) and start again: it goes on from "
            "the stored position"
          : "see to the disk and start again: it goes on from the stored position");
}

namespace {

constexpr std::string_view file_prefix = "file:";

}  // namespace

void check_sink(const std::string& to) {
  bool is_file = to.starts_with(file_prefix) && to.size() > file_prefix.size() && to.find('\0') == to.npos;
  if (to != "stdout" && !is_file)
    throw failure(failure_kind::usage, "TW-USAGE-SINK", "\"" + to + "\" is no place to write to",
                  "say stdout or file:PATH");
}

std::unique_ptr<sink> open_sink(const sink_place& place) {
  check_sink(place.to);
  if (place.to == "stdout") return open_stdout_sink();
  return open_file_sink(place.to.substr(file_prefix.size()), place.resume_at);
}

}  // namespace tidewire
