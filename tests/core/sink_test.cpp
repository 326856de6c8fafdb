#include "core/sink.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <thread>

#include "core/sink_kinds.hpp"
#include "tests/core/child.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/core/temporary_folder.hpp"

using namespace tidewire;
using namespace tidewire::testing;

namespace {

/// Ignores a signal as the program does.
class ignored_signal {
 public:
  explicit ignored_signal(int number) : number_(number), before_(::signal(number, SIG_IGN)) {}
  ignored_signal(const ignored_signal&) = delete;
  ignored_signal& operator=(const ignored_signal&) = delete;
  ~ignored_signal() { ::signal(number_, before_); }

 private:
  int number_;
  void (*before_)(int);
};

std::unique_ptr<sink> open_file(const std::string& path, std::optional<std::uint64_t> resume_at = {}) {
  return open_sink({"file:" + path, resume_at});
}

/// What can be read until the other end is closed.
std::string read_all(int from) {
  std::string all;
  char part[4096];
  for (ssize_t count = 0; (count = ::read(from, part, sizeof part)) > 0;)
    all.append(part, static_cast<std::size_t>(count));
  return all;
}

/// The number under which this process has a file open.
int descriptor_of(const std::string& path) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) == path) return std::stoi(entry.path().filename());
  }
  return -1;
}

struct pipe_ends {
  pipe_ends() {
    std::array<int, 2> both{};
    REQUIRE(::pipe2(both.data(), O_CLOEXEC) == 0);
    out = posix::descriptor(both[0]);
    in = posix::descriptor(both[1]);
  }
  posix::descriptor out, in;
};

}  // namespace

TEST_CASE("A file sink writes lines and counts their bytes", "[sink]") {
  temporary_folder folder;
  std::string path = folder / "out.ndjson";
  mode_t mask = ::umask(022);
  auto to = open_file(path);
  ::umask(mask);
  CHECK(mode_of(path) == 0644);
  CHECK(to->offset() == 0);
  to->write("one\n");
  to->write("");
  to->write("two\n");
  CHECK(to->offset() == 8);
  to->sync();
  CHECK(read_file(path) == "one\ntwo\n");
  to->cut(4);
  CHECK(to->offset() == 4);
  CHECK(read_file(path) == "one\n");
  to->write("three\n");
  to->sync();
  CHECK(read_file(path) == "one\nthree\n");
  to->cut(10);
  to->cut(0);
  CHECK(read_file(path).empty());
}

TEST_CASE("A file sink goes on at the stored position", "[sink]") {
  temporary_folder folder;
  std::string path = folder / "out";
  struct {
    std::string before;
    std::uint64_t resume_at;
    std::string after;
  } cases[] = {{"", 0, "new\n"},
               {"one\ntwo\n", 8, "one\ntwo\nnew\n"},
               {"one\ntwo\n", 4, "one\nnew\n"},
               {"one\ntwo\nhalf a li", 8, "one\ntwo\nnew\n"},
               {"half a li", 0, "new\n"}};
  for (const auto& each : cases) {
    CAPTURE(each.before, each.resume_at);
    write_file(path, each.before);
    auto to = open_file(path, each.resume_at);
    CHECK(to->offset() == each.resume_at);
    CHECK(read_file(path) == each.before.substr(0, each.resume_at));
    to->write("new\n");
    CHECK(read_file(path) == each.after);
  }
  std::filesystem::remove(path);
  CHECK(open_file(path, 0)->offset() == 0);
}

TEST_CASE("A file sink that doesn't fit its position is refused and left alone", "[sink]") {
  temporary_folder folder;
  std::string path = folder / "out";
  struct {
    std::string file;
    std::optional<std::uint64_t> resume_at;
    const char* code;
  } cases[] = {
      {"one\n", {}, "TW-SINK-NOT-EMPTY"},
      {"\n", {}, "TW-SINK-NOT-EMPTY"},
      {"one\n", 5, "TW-SINK-SHORT"},
      {"", 1, "TW-SINK-SHORT"},
      {"one\n", ~std::uint64_t{0}, "TW-SINK-SHORT"},
      {"one\ntwo\n", 5, "TW-SINK-CHANGED"},
      {"onetwo", 6, "TW-SINK-CHANGED"},
  };
  for (const auto& each : cases) {
    CAPTURE(each.file, each.code);
    write_file(path, each.file);
    failure f = failure_of([&] { open_file(path, each.resume_at); });
    CHECK(f.kind == failure_kind::refused);
    CHECK(f.code == each.code);
    CHECK(std::string(f.what()).find(path) != std::string::npos);
    CHECK(!f.hint.empty());
    CHECK(read_file(path) == each.file);
  }
  write_file(path, "one\n");
  CHECK(std::string(failure_of([&] { open_file(path, 5); }).what()) ==
        "the position says that 5 bytes of " + path + " are durable, but it has 4");
  std::filesystem::remove(path);
  CHECK(failure_of([&] { open_file(path, 5); }).code == "TW-SINK-SHORT");
  CHECK(!std::filesystem::exists(path));
}

TEST_CASE("One process at a time writes a file", "[sink]") {
  temporary_folder folder;
  std::string path = folder / "out";
  auto to = open_file(path);
  to->write("one\n");
  for (std::optional<std::uint64_t> resume_at :
       {std::optional<std::uint64_t>{}, {std::uint64_t{0}}, {std::uint64_t{4}}}) {
    failure f = failure_of([&] { open_file(path, resume_at); });
    CHECK(f.kind == failure_kind::refused);
    CHECK(f.code == "TW-SINK-LOCKED");
  }
  CHECK(in_child([&] {
          try {
            open_file(path, 4);
          } catch (const failure& f) {
            return f.code == "TW-SINK-LOCKED" ? 5 : 6;
          }
          return 0;
        }) == 5);
  CHECK(read_file(path) == "one\n");
  to.reset();
  CHECK(open_file(path, 4)->offset() == 4);
}

TEST_CASE("A file that somebody else removes or cuts is not called durable", "[sink]") {
  temporary_folder folder;
  std::string path = folder / "out";
  for (bool removed : {true, false}) {
    std::filesystem::remove(path);
    auto to = open_file(path);
    to->write("one\ntwo\n");
    to->sync();
    if (removed)
      std::filesystem::remove(path);
    else
      std::filesystem::resize_file(path, 7);
    failure f = failure_of([&] { to->sync(); });
    CHECK(f.kind == failure_kind::refused);
    CHECK(f.code == "TW-SINK-CHANGED");
    CHECK(std::string(f.what()).find(removed ? "removed" : "to 7 bytes; 8 had been") != std::string::npos);
  }
}

TEST_CASE("A file sink follows a link", "[sink]") {
  temporary_folder folder;
  std::filesystem::create_directory(folder / "real");
  std::filesystem::create_symlink("real/out", folder / "link");
  open_file(folder / "link")->write("one\n");
  CHECK(read_file(folder / "real/out") == "one\n");
  auto to = open_file(folder / "link", 4);
  CHECK(failure_of([&] { open_file(folder / "real/out", 4); }).code == "TW-SINK-LOCKED");
}

TEST_CASE("Where no file can be opened is told", "[sink]") {
  temporary_folder folder;
  write_file(folder / "file", "");
  for (std::string path : {folder.path(), folder / "missing/out", folder / "file/out"}) {
    CAPTURE(path);
    for (std::optional<std::uint64_t> resume_at : {std::optional<std::uint64_t>{}, {std::uint64_t{0}}}) {
      failure f = failure_of([&] { open_file(path, resume_at); });
      CHECK(f.kind == failure_kind::refused);
      CHECK(f.code == "TW-SINK-OPEN");
      CHECK(!f.hint.empty());
    }
  }
  for (std::string to : {"", "file", "file:", "Stdout", "stdout:", "kafka://x", "/tmp/x", "-"}) {
    CAPTURE(to);
    failure f = failure_of([&] { open_sink({to}); });
    CHECK(f.kind == failure_kind::usage);
    CHECK(f.code == "TW-USAGE-SINK");
  }
  CHECK(failure_of([&] { open_sink({std::string("file:a\0b", 8)}); }).code == "TW-USAGE-SINK");
}

TEST_CASE("A full disk fails a write and leaves the position's part alone", "[sink]") {
  temporary_folder folder;
  std::string path = folder / "out";
  int code = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit some{10, 10};
    if (::setrlimit(RLIMIT_FSIZE, &some) != 0) return 1;
    auto to = open_file(path);
    to->write("one\ntwo\n");
    to->sync();
    try {
      to->write("three\nfour\n");
      return 2;
    } catch (const failure& f) {
      if (f.kind != failure_kind::transient || f.code != "TW-SINK-WRITE") return 3;
      if (std::string(f.what()).find(path) == std::string::npos) return 4;
      if (f.hint.find("room") == std::string::npos) return 5;
    }
    // The tail is there, but not counted.
    if (to->offset() != 8 || read_file(path) != "one\ntwo\nth") return 6;
    to->sync();
    // A smaller line in its place still fits.
    to->write("3\n");
    return to->offset() == 10 && read_file(path) == "one\ntwo\n3\n" ? 0 : 7;
  });
  CHECK(code == 0);
  write_file(path, "one\ntwo\nth");
  auto to = open_file(path, 8);
  to->write("three\n");
  CHECK(read_file(path) == "one\ntwo\nthree\n");
}

TEST_CASE("Devices take writes, and are neither locked nor cut", "[sink]") {
  auto null = open_file("/dev/null"), again = open_file("/dev/null", 1234);
  CHECK(again->offset() == 0);
  null->write("one\n");
  CHECK(null->offset() == 4);
  null->sync();
  null->cut(0);
  null->write("two\n");
  null->sync();

  auto full = open_file("/dev/full");
  failure f = failure_of([&] { full->write("one\n"); });
  CHECK(f.kind == failure_kind::transient);
  CHECK(f.code == "TW-SINK-WRITE");
  CHECK(std::string(f.what()).find("/dev/full") != std::string::npos);
  CHECK(f.hint.find("room") != std::string::npos);
  CHECK(full->offset() == 0);
}

TEST_CASE("A FIFO waits for its reader and tells when it has gone", "[sink]") {
  ignored_signal pipe(SIGPIPE);
  temporary_folder folder;
  std::string path = folder / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::string read;
  std::thread reader([&] {
    posix::descriptor from(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char part[4];
    if (::read(from.get(), part, 4) == 4) read.assign(part, 4);
  });
  auto to = open_file(path, 99);
  CHECK(to->offset() == 0);
  to->write("one\n");
  to->sync();
  to->cut(0);
  CHECK(to->offset() == 4);
  reader.join();
  CHECK(read == "one\n");
  failure f = failure_of([&] { to->write("two\n"); });
  CHECK(f.kind == failure_kind::transient);
  CHECK(f.code == "TW-SINK-READER-GONE");
}

TEST_CASE("A pipe gets all that is written, however little it takes at once", "[sink]") {
  pipe_ends ends;
  // As after somebody else's O_NONBLOCK on a shared terminal.
  REQUIRE(::fcntl(ends.in.get(), F_SETFL, O_NONBLOCK) == 0);
  std::string lines;
  for (int i = 0; lines.size() < 1'000'000; ++i) lines += std::to_string(i) + "\n";
  std::string read;
  int out = ends.out.get();
  std::thread reader([&read, out] { read = read_all(out); });
  {
    auto to = make_stream_sink(std::move(ends.in), "the pipe");
    to->write(lines);
    CHECK(to->offset() == lines.size());
    to->sync();
    to->write("end\n");
    CHECK(to->offset() == lines.size() + 4);
  }
  reader.join();
  CHECK(read == lines + "end\n");
}

TEST_CASE("A pipe without a reader is told as such", "[sink]") {
  ignored_signal pipe(SIGPIPE);
  pipe_ends ends;
  auto to = make_stream_sink(ends.in.get(), "stdout");
  to->write("one\n");
  ends.out = {};
  failure f = failure_of([&] { to->write("two\n"); });
  CHECK(f.kind == failure_kind::transient);
  CHECK(f.code == "TW-SINK-READER-GONE");
  CHECK(std::string(f.what()) == "nobody reads stdout any more");
  CHECK(to->offset() == 4);
}

TEST_CASE("A write goes on after a signal", "[sink]") {
  pipe_ends ends;
  struct sigaction quiet{}, before{};
  quiet.sa_handler = [](int) {};  // without SA_RESTART
  REQUIRE(::sigaction(SIGUSR1, &quiet, &before) == 0);
  std::string lines(300'000, 'x'), read;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    make_stream_sink(std::move(ends.in), "the pipe")->write(lines);
    done = true;
  });
  // Read slowly enough that the writer waits in each of its writes, and disturb it there.
  char part[1000];
  while (!done || read.size() < lines.size()) {
    if (!done) ::pthread_kill(writer.native_handle(), SIGUSR1);
    ssize_t count = ::read(ends.out.get(), part, sizeof part);
    if (count <= 0) break;
    read.append(part, static_cast<std::size_t>(count));
  }
  writer.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  CHECK(read == lines);
}

TEST_CASE("A sink that failed to sync once keeps failing", "[sink]") {
  temporary_folder folder;
  std::string path = folder / "out";
  pipe_ends ends;
  auto check_failing = [](sink& to) {
    for (int i = 0; i < 2; ++i) {
      failure f = failure_of([&] { to.sync(); });
      CHECK(f.kind == failure_kind::transient);
      CHECK(f.code == "TW-SINK-WRITE");
      CHECK(std::string(f.what()).find("sync") != std::string::npos);
      CHECK(failure_of([&] { to.write("more\n"); }).code == "TW-SINK-WRITE");
    }
  };
  {
    auto to = open_file(path);
    to->sync();
    // Something else in the descriptor's place: a pipe can't be synced.
    int number = descriptor_of(path);
    REQUIRE(number >= 0);
    posix::descriptor kept(::dup(number));
    REQUIRE(::dup2(ends.in.get(), number) == number);
    CHECK(failure_of([&] { to->sync(); }).code == "TW-SINK-WRITE");
    REQUIRE(::dup2(kept.get(), number) == number);
    check_failing(*to);
    CHECK(failure_of([&] { to->cut(0); }).code == "TW-SINK-WRITE");
    CHECK(read_file(path).empty());
  }
  posix::descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  int number = file.get();
  auto to = make_stream_sink(number, "stdout");
  to->sync();
  posix::descriptor kept(::dup(number));
  REQUIRE(::close(number) == 0);
  CHECK(failure_of([&] { to->sync(); }).code == "TW-SINK-WRITE");
  REQUIRE(::dup2(kept.get(), number) == number);
  check_failing(*to);
}

TEST_CASE("Stdout is whatever it was redirected to", "[sink]") {
  temporary_folder folder;
  std::string path = folder / "out";
  write_file(path, "before\n");
  auto redirected = [&](int flags, const char* to) {
    return in_child([&] {
      ::signal(SIGPIPE, SIG_IGN);
      int file = ::open(to, flags, 0600);
      if (file < 0 || ::dup2(file, STDOUT_FILENO) < 0) return 1;
      try {
        auto out = open_sink({"stdout", 1000});
        if (out->offset() != 0) return 2;
        out->write("one\n");
        out->sync();
        out->cut(0);
        out->write("two\n");
        out->sync();
        return out->offset() == 8 ? 0 : 3;
      } catch (const failure& f) {
        return f.code == "TW-SINK-WRITE" ? 4 : f.code == "TW-SINK-OPEN" ? 5 : 6;
      }
    });
  };
  CHECK(redirected(O_WRONLY | O_APPEND, path.c_str()) == 0);
  CHECK(read_file(path) == "before\none\ntwo\n");
  CHECK(redirected(O_WRONLY, "/dev/null") == 0);
  CHECK(redirected(O_WRONLY, "/dev/full") == 4);
  CHECK(redirected(O_RDONLY, "/dev/null") == 5);
  CHECK(in_child([&] {
          ::close(STDOUT_FILENO);
          try {
            open_sink({"stdout"});
          } catch (const failure& f) {
            return f.code == "TW-SINK-OPEN" && f.kind == failure_kind::refused ? 5 : 6;
          }
          return 0;
        }) == 5);
}
