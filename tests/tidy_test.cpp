// The rules of CONTRIBUTING.md that a program can check.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

#include "tests/paths.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path root = tidewire::testing::project_root();
const std::vector<std::string> code_folders{"core", "wire", "pgoutput", "binlog", "mongo_wire", "tidewire"};
const std::vector<std::string> other_folders{"tests", "fuzz", "bench"};

struct source_file {
  std::string name;  // from the root
  std::vector<std::string> lines;

  bool is_header() const { return name.ends_with(".hpp"); }
  std::string folder() const { return name.substr(0, name.find('/')); }
};

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<source_file> sources(const std::vector<std::string>& folders) {
  std::vector<source_file> found;
  for (const std::string& folder : folders) {
    for (const auto& each : fs::recursive_directory_iterator(root / folder)) {
      if (each.path().extension() != ".hpp" && each.path().extension() != ".cpp") continue;
      source_file file{fs::relative(each.path(), root).string(), {}};
      std::istringstream text(read(each.path()));
      for (std::string line; std::getline(text, line);) file.lines.push_back(line);
      found.push_back(std::move(file));
    }
  }
  REQUIRE(found.size() > 10);
  return found;
}

std::vector<source_file> all_sources() {
  std::vector<std::string> folders = code_folders;
  folders.insert(folders.end(), other_folders.begin(), other_folders.end());
  return sources(folders);
}

std::vector<std::string> includes(const source_file& file) {
  static const std::regex include(R"(^#include ["<]([^">]+)[">])");
  std::vector<std::string> found;
  std::smatch match;
  for (const std::string& line : file.lines)
    if (line.starts_with('#') && std::regex_search(line, match, include)) found.push_back(match[1]);
  return found;
}

/// How many characters a line shows, not how many bytes it has.
std::size_t width(const std::string& line) {
  return static_cast<std::size_t>(
      std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::set<std::string> codes_in(const std::string& text, const std::regex& code) {
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), code), end; at != end; ++at) found.insert((*at)[1]);
  return found;
}

}  // namespace

TEST_CASE("Lines have 110 columns at most", "[tidy]") {
  for (const source_file& file : all_sources())
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      if (width(file.lines[i]) > 110) FAIL_CHECK(file.name << ":" << i + 1);
}

TEST_CASE("A file over 500 lines says why at its top", "[tidy]") {
  for (const source_file& file : sources(code_folders)) {
    if (file.lines.size() <= 500) continue;
    INFO(file.name << " has " << file.lines.size() << " lines");
    std::string top = file.lines[0] + " " + file.lines[1];
    CHECK(top.find("onger than other files because") != std::string::npos);
  }
}

TEST_CASE("Every file says in its first line what it is for", "[tidy]") {
  for (const source_file& file : all_sources()) {
    bool own_header = !file.is_header() && file.lines.at(0).starts_with("#include \"" + file.folder() + "/");
    bool test = file.folder() == "tests" && !file.is_header();
    INFO(file.name);
    CHECK((own_header || test || file.lines.at(0).starts_with("//") || file.name == "tidewire/main.cpp"));
  }
}

TEST_CASE("Folders know only what comes before them", "[tidy]") {
  const std::vector<std::pair<std::string, std::set<std::string>>> allowed{
      {"core", {"core"}},
      {"wire", {"core", "wire"}},
      {"pgoutput", {"core", "wire", "pgoutput"}},
      {"binlog", {"core", "binlog"}},
      {"mongo_wire", {"core", "mongo_wire"}}};
  for (const source_file& file : sources({"core", "wire", "pgoutput", "binlog", "mongo_wire"})) {
    auto rule =
        std::ranges::find(allowed, file.folder(), &std::pair<std::string, std::set<std::string>>::first);
    for (const std::string& include : includes(file)) {
      std::string folder = include.substr(0, include.find('/'));
      if (std::ranges::find(code_folders, folder) == code_folders.end()) continue;
      INFO(file.name << " includes " << include);
      CHECK(rule->second.contains(folder));
    }
  }
}

TEST_CASE("Asio is seen by the driver and the program only", "[tidy]") {
  const std::set<std::string> may{"core/asio.cpp",
                                  "core/drive.hpp",
                                  "core/drive.cpp",
                                  "core/drive_addresses.hpp",
                                  "core/drive_addresses.cpp",
                                  "wire/connect.hpp",
                                  "wire/connect.cpp",
                                  "binlog/connect.hpp",
                                  "binlog/connect.cpp",
                                  "mongo_wire/connect.hpp",
                                  "mongo_wire/connect.cpp"};
  for (const source_file& file : sources(code_folders)) {
    if (file.folder() == "tidewire" || may.contains(file.name)) continue;
    for (const std::string& include : includes(file)) {
      INFO(file.name << " includes " << include);
      CHECK_FALSE((include.starts_with("asio") || include == "core/drive.hpp" ||
                   include == "wire/connect.hpp" || include == "binlog/connect.hpp" ||
                   include == "mongo_wire/connect.hpp"));
    }
  }
}

TEST_CASE("A codec includes bytes, cursors and its siblings, and nothing that does I/O", "[tidy]") {
  const std::set<std::string> basics{"core/bytes.hpp",        "core/cursor.hpp", "core/encoder.hpp",
                                     "core/decode_error.hpp", "core/value.hpp",  "wire/lsn.hpp",
                                     "core/json.hpp",         "core/digits.hpp", "core/clock_text.hpp",
                                     "core/short_double.hpp"};
  auto is_codec = [](const std::string& name) {
    static const std::regex codec(
        R"((wire/(backend_\w+|frontend\w*|frame|tags|fields|copy|copy_binary|error_notice)"
        R"(|replication_message|startup_message|lsn)|pgoutput/(message\w*|capture|stream_state|relation))"
        R"(|mongo_wire/(bson\w*|decimal128|utf8|crc32c|message|op_\w+))"
        R"(|binlog/(event\w*|file_events|format_description|gtid\w*|heartbeat|lenenc|query\w*)"
        R"(|rows|statement_events|table_map|table_definition|temporal|number|column_type|charset|checksum)"
        R"(|transaction_\w+|xa_statement|mariadb_gtid\w*|group_replication|compressed_event|inflate)"
        R"(|text_buffer|json_\w+|packet|handshake|response|dump_request))\.hpp)");
    return std::regex_match(name, codec);
  };
  int seen = 0;
  for (const source_file& file : sources({"wire", "pgoutput", "binlog", "mongo_wire"})) {
    if (!is_codec(file.name)) continue;
    ++seen;
    for (const std::string& include : includes(file)) {
      if (include.find('/') == std::string::npos) continue;
      INFO(file.name << " includes " << include);
      CHECK((basics.contains(include) || is_codec(include)));
    }
  }
  CHECK(seen > 15);
}

TEST_CASE("A co_await is a whole statement or the whole initialiser of a variable", "[tidy]") {
  // What g++ 12 compiles rightly: see CONTRIBUTING.md.
  for (const source_file& file : sources(code_folders)) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      std::size_t at = line.find("co_await ");
      if (at == std::string::npos || line.find("//") < at) continue;
      INFO(file.name << ":" << i + 1 << ": " << line);
      CHECK(std::count(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(at), '(') ==
            std::count(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(at), ')'));
      CHECK(line.find("co_return co_await") == std::string::npos);
      CHECK(line.find('{', at) == std::string::npos);
    }
  }
}

namespace {

std::set<std::string> codes_in_code() {
  const std::regex code(R"re("(TW-[A-Z0-9-]*[A-Z0-9])")re");
  std::set<std::string> used;
  for (const source_file& file : sources(code_folders))
    for (const std::string& line : file.lines)
      if (line.find("\"TW-") != line.npos) used.merge(codes_in(line, code));
  return used;
}

bool is_check(const std::string& code) {
  return code.starts_with("TW-CHECK-");
}

void compare_codes(const std::set<std::string>& used, const std::set<std::string>& documented,
                   const std::string& page) {
  for (const std::string& code : used)
    if (!documented.contains(code)) FAIL_CHECK(code << " is not in " << page);
  for (const std::string& code : documented)
    if (!used.contains(code)) FAIL_CHECK(code << " is documented in " << page << " and nothing uses it");
}

}  // namespace

TEST_CASE("Every error code is documented, and every documented code exists", "[tidy]") {
  std::set<std::string> used = codes_in_code();
  std::erase_if(used, is_check);
  REQUIRE(used.size() > 40);
  const std::regex code(R"(`(TW-[A-Z0-9-]+)`)");
  compare_codes(used, codes_in(read(root / "docs" / "errors.md"), code), "docs/errors.md");
}

TEST_CASE("Every check has a section, and every section a check", "[tidy]") {
  std::set<std::string> used = codes_in_code();
  std::erase_if(used, [](const std::string& code) { return !is_check(code); });
  REQUIRE(used.size() > 30);
  const std::regex heading(R"(### `(TW-CHECK-[A-Z0-9-]+)`)");
  std::set<std::string> documented;
  for (const auto& each : fs::directory_iterator(root / "docs"))
    if (each.path().stem().string().starts_with("checks"))
      documented.merge(codes_in(read(each.path()), heading));
  compare_codes(used, documented, "docs/checks*.md");
}

TEST_CASE("Every fuzz target has seeds", "[tidy]") {
  for (const auto& each : fs::directory_iterator(root / "fuzz")) {
    std::string name = each.path().stem().string();
    if (!name.starts_with("fuzz_") || name == "fuzz_canary") continue;
    fs::path seeds = root / "fuzz" / "seeds" / name.substr(5);
    INFO(seeds.string());
    CHECK((fs::is_directory(seeds) && !fs::is_empty(seeds)));
  }
}
