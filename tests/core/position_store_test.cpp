#include "core/position_store.hpp"

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <sys/resource.h>

#include "tests/core/child.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/core/temporary_folder.hpp"

using namespace tidewire;
using namespace tidewire::testing;

namespace {

stored_position at(std::string position) {
  stored_position p;
  p.source = "postgres";
  p.identity = {{"slot", "tidewire"}, {"system_identifier", "7301"}};
  p.position = std::move(position);
  p.sink_offset_bytes = 10;
  return p;
}

const std::vector<std::string> all_steps{"remove", "create", "write", "sync", "rename", "sync folder"};

}  // namespace

TEST_CASE("A position is stored and loaded again", "[position]") {
  temporary_folder folder;
  std::string path = folder / "position";
  {
    position_store store(path);
    CHECK(store.path() == path);
    CHECK(!store.load().has_value());
    store.store(at("0/1"));
    CHECK(store.load() == at("0/1"));
    CHECK(mode_of(path) == 0600);
    CHECK(!std::filesystem::exists(path + ".new"));
    store.store(at("0/2"));
  }
  CHECK(read_file(path) == encode_position(at("0/2")));
  CHECK(position_store(path).load() == at("0/2"));
}

TEST_CASE("Storing takes its steps in order", "[position]") {
  temporary_folder folder;
  std::vector<std::string> steps;
  position_store store(folder / "position", [&](std::string_view step) { steps.emplace_back(step); });
  store.store(at("0/1"));
  CHECK(steps == all_steps);
}

TEST_CASE("After a crash at any step of storing the position is the old or the new one", "[position]") {
  for (bool first : {true, false}) {
    for (const std::string& last_step : all_steps) {
      CAPTURE(first, last_step);
      temporary_folder folder;
      std::string path = folder / "position";
      if (!first) position_store(path).store(at("old"));
      int code = in_child([&] {
        position_store store(path, [&](std::string_view step) {
          if (step == last_step) ::_exit(7);
        });
        store.store(at("new"));
        return 0;
      });
      CHECK(code == 7);
      position_store store(path);
      auto found = store.load();
      if (last_step == "sync folder")
        CHECK(found == at("new"));
      else if (first)
        CHECK(!found.has_value());
      else
        CHECK(found == at("old"));
      store.store(at("next"));
      CHECK(store.load() == at("next"));
      CHECK(!std::filesystem::exists(path + ".new"));
    }
  }
}

TEST_CASE("A failure at any step leaves a position to go on from, and no rest", "[position]") {
  for (const std::string& last_step : all_steps) {
    CAPTURE(last_step);
    temporary_folder folder;
    std::string path = folder / "position";
    bool fail = false;
    position_store store(path, [&](std::string_view step) {
      if (fail && step == last_step) throw std::runtime_error("injected");
    });
    store.store(at("old"));
    fail = true;
    CHECK_THROWS_AS(store.store(at("new")), std::runtime_error);
    CHECK(store.load() == at(last_step == "sync folder" ? "new" : "old"));
    CHECK(!std::filesystem::exists(path + ".new"));
    fail = false;
    store.store(at("next"));
    CHECK(store.load() == at("next"));
  }
}

TEST_CASE("What a crash left behind is not read and is replaced", "[position]") {
  for (std::string rest :
       {std::string(), std::string("half a file"), encode_position(at("never")), std::string(5000, '\0')}) {
    temporary_folder folder;
    std::string path = folder / "position";
    write_file(path + ".new", rest);
    position_store store(path);
    CHECK(!store.load().has_value());
    store.store(at("0/1"));
    CHECK(store.load() == at("0/1"));
    CHECK(!std::filesystem::exists(path + ".new"));
  }
  // Nor is a link followed that somebody put there.
  temporary_folder folder;
  write_file(folder / "precious", "precious");
  std::filesystem::create_symlink("precious", folder / "position.new");
  position_store store(folder / "position");
  store.store(at("0/1"));
  CHECK(read_file(folder / "precious") == "precious");
}

TEST_CASE("A damaged position is refused and left alone", "[position]") {
  temporary_folder folder;
  std::string path = folder / "position";
  std::string whole = encode_position(at("0/1"));
  struct {
    std::string file;
    const char* says;
  } cases[] = {
      {"", "truncated at offset 0, magic"},
      {whole.substr(0, whole.size() - 1), "truncated at offset"},
      {whole + "x", "trailing_bytes at offset"},
      {"tidewire position 3\n", "bad_value at offset 18, version"},
      {"something else", "bad_value at offset 0, magic"},
      {std::string(max_position_file_bytes + 10, 'x'), "limit_exceeded"},
  };
  for (const auto& each : cases) {
    write_file(path, each.file);
    position_store store(path);
    failure f = failure_of([&] { store.load(); });
    CHECK(f.kind == failure_kind::refused);
    CHECK(f.code == "TW-POSITION-DAMAGED");
    CHECK(std::string(f.what()).find(each.says) != std::string::npos);
    CHECK(!f.hint.empty());
    CHECK(read_file(path) == each.file);
  }
}

TEST_CASE("One process at a time has a position", "[position]") {
  temporary_folder folder;
  std::string path = folder / "position";
  {
    position_store store(path);
    failure f = failure_of([&] { position_store second(path); });
    CHECK(f.kind == failure_kind::refused);
    CHECK(f.code == "TW-POSITION-LOCKED");
    CHECK(!f.hint.empty());
    // Nor through another name for the same file.
    std::filesystem::create_symlink("position", folder / "link");
    CHECK(failure_of([&] { position_store second(folder / "link"); }).code == "TW-POSITION-LOCKED");
    CHECK(in_child([&] {
            try {
              position_store second(path);
            } catch (const failure& f) {
              return f.code == "TW-POSITION-LOCKED" ? 5 : 6;
            }
            return 0;
          }) == 5);
    // Storing replaces the file and keeps the lock.
    store.store(at("0/1"));
    store.store(at("0/2"));
    CHECK(failure_of([&] { position_store second(path); }).code == "TW-POSITION-LOCKED");
    position_store other(folder / "other");
  }
  position_store again(path);
  CHECK(again.load() == at("0/2"));
}

TEST_CASE("A killed process leaves its lock to the next", "[position]") {
  temporary_folder folder;
  std::string path = folder / "position";
  CHECK(in_child([&] {
          position_store store(path);
          store.store(at("0/1"));
          ::_exit(3);
          return 0;
        }) == 3);
  CHECK(position_store(path).load() == at("0/1"));
}

TEST_CASE("A position path that is a link stays one", "[position]") {
  temporary_folder folder;
  std::filesystem::create_directory(folder / "real");
  std::filesystem::create_symlink("second", folder / "first");
  std::filesystem::create_symlink(folder / "real/position", folder / "second");
  {
    // The target need not be there yet.
    position_store store(folder / "first");
    CHECK(!store.load().has_value());
    store.store(at("0/1"));
    store.store(at("0/2"));
  }
  CHECK(std::filesystem::is_symlink(folder / "first"));
  CHECK(std::filesystem::is_symlink(folder / "second"));
  CHECK(read_file(folder / "real/position") == encode_position(at("0/2")));
  CHECK(position_store(folder / "first").load() == at("0/2"));
  CHECK(std::filesystem::exists(folder / "real/position.lock"));
  CHECK(!std::filesystem::exists(folder / "first.lock"));

  std::filesystem::create_symlink("round", folder / "about");
  std::filesystem::create_symlink("about", folder / "round");
  CHECK(failure_of([&] { position_store store(folder / "round"); }).code == "TW-POSITION-FILE");
}

TEST_CASE("A path relative to the current folder is good", "[position]") {
  temporary_folder folder;
  CHECK(in_child([&] {
          std::filesystem::current_path(folder.path());
          position_store store("position");
          // The folder is the one of the beginning.
          std::filesystem::current_path("/");
          store.store(at("0/1"));
          return 0;
        }) == 0);
  CHECK(read_file(folder / "position") == encode_position(at("0/1")));
}

TEST_CASE("Where no position can be written is told", "[position]") {
  temporary_folder folder;
  std::filesystem::create_directory(folder / "folder");
  write_file(folder / "file", "x");
  for (std::string path : {folder / "missing/position", folder / "file/position", folder / "folder/",
                           std::string("/proc/position"), std::string("")}) {
    CAPTURE(path);
    failure f = failure_of([&] { position_store store(path); });
    CHECK(f.kind == failure_kind::transient);
    CHECK(f.code == "TW-POSITION-FILE");
    CHECK(std::string(f.what()).find(path) != std::string::npos);
    CHECK(!f.hint.empty());
  }
  // In the way: a folder, a FIFO (which must not block).
  position_store store(folder / "folder");
  CHECK(failure_of([&] { store.load(); }).code == "TW-POSITION-FILE");
  CHECK(failure_of([&] { store.store(at("0/1")); }).code == "TW-POSITION-FILE");
  CHECK(!std::filesystem::exists(folder / "folder.new"));
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK(failure_of([&] { position_store(folder / "fifo").load(); }).code == "TW-POSITION-FILE");
}

TEST_CASE("A full disk leaves the old position", "[position]") {
  temporary_folder folder;
  std::string path = folder / "position";
  position_store(path).store(at("old"));
  int code = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit none{50, 50};
    if (::setrlimit(RLIMIT_FSIZE, &none) != 0) return 1;
    position_store store(path);
    try {
      store.store(at("new"));
    } catch (const failure& f) {
      if (f.code != "TW-POSITION-FILE" || f.kind != failure_kind::transient) return 2;
      return f.hint.find("room") == std::string::npos ? 3 : 0;
    }
    return 4;
  });
  CHECK(code == 0);
  CHECK(position_store(path).load() == at("old"));
  CHECK(!std::filesystem::exists(path + ".new"));
}

TEST_CASE("What could not be read again is not stored", "[position]") {
  temporary_folder folder;
  position_store store(folder / "position");
  store.store(at("old"));
  stored_position twice = at("new"), nameless = at("new"),
                  large = at(std::string(max_position_file_bytes, 'x'));
  twice.identity.emplace_back("slot", "other");
  nameless.identity.emplace_back("", "x");
  for (const stored_position& each : {twice, nameless, large}) {
    CHECK(failure_of([&] { store.store(each); }).code == "TW-POSITION-FILE");
    CHECK(store.load() == at("old"));
  }
}

TEST_CASE("A position of another source is told by every difference", "[position]") {
  stored_position stored = at("0/1"), ours = at("0/9");
  check_same_source(stored, ours);
  std::swap(ours.identity[0], ours.identity[1]);
  check_same_source(stored, ours);
  ours.source = "mysql";
  ours.identity = {{"slot", "other\x1b[31m"}, {"server_uuid", "abc"}};
  failure f = failure_of([&] { check_same_source(stored, ours); });
  CHECK(f.kind == failure_kind::refused);
  CHECK(f.code == "TW-POSITION-FOREIGN");
  CHECK(
      std::string(f.what()) ==
      "the stored position belongs to another source: it is of \"postgres\", not of \"mysql\"; \"slot\" is "
      "\"tidewire\" there and \"other?[31m\" here; \"system_identifier\" is \"7301\" there and unknown here; "
      "\"server_uuid\" is \"abc\" here and unknown there");
  CHECK(!f.hint.empty());
  for (std::size_t i : {0, 1}) {
    stored_position fewer = at("0/1");
    fewer.identity.erase(fewer.identity.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(failure_of([&] { check_same_source(stored, fewer); }).code == "TW-POSITION-FOREIGN");
    CHECK(failure_of([&] { check_same_source(fewer, stored); }).code == "TW-POSITION-FOREIGN");
  }
}
