// libpq's own traces: the messages that their lines tell of are printed as the same lines.
#include <filesystem>
#include <fstream>

#include "tests/paths.hpp"
#include "tests/wire/frame_case.hpp"
#include "tests/wire/trace_script.hpp"
#include "wire/trace.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::wire::testing;

namespace {

/// What libpq's regression mode hides, hidden in a line of ours.
std::string hide(std::string line, const traced_message& message) {
  const std::string number = " " + std::to_string(hidden_number);
  for (std::size_t at = line.find(number); at != line.npos; at = line.find(number, at))
    line.replace(at, number.size(), " NNNN");
  if (message.length == "NN") line.replace(2, line.find('\t', 2) - 2, "NN");
  return line;
}

}  // namespace

TEST_CASE("the messages of libpq's traces are printed as libpq prints them") {
  std::filesystem::path folder = tidewire::testing::vectors_folder() / "postgres" / "pg-traces";
  if (!std::filesystem::exists(folder)) SKIP("no traces in " << folder);
  std::size_t files = 0, lines = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    CAPTURE(entry.path());
    ++files;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line); ++lines) {
      CAPTURE(line);
      traced_message message;
      REQUIRE_NOTHROW(message = read_trace_line(line));
      CHECK(hide(trace_line(message.from_server, message.frame), message) == line);
    }
  }
  CHECK(files > 0);
  CHECK(lines >= files);
}
