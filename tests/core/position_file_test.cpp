#include <catch2/catch_test_macros.hpp>
#include <set>
#include <sstream>

#include "core/position_store.hpp"

using namespace tidewire;

namespace {

stored_position example() {
  stored_position p;
  p.source = "postgres";
  p.identity = {{"slot", "tidewire"}, {"system_identifier", "7301840928410934311"}};
  p.position = "0/16B3790";
  p.sink_offset_bytes = 1893;
  p.transactions = 2;
  p.changes = 7;
  return p;
}

const std::string example_lines =
    "tidewire position 1\n"
    "source postgres\n"
    "identity.slot tidewire\n"
    "identity.system_identifier 7301840928410934311\n"
    "position 0/16B3790\n"
    "sink_offset_bytes 1893\n"
    "transactions 2\n"
    "changes 7\n";

std::string with_checksum(const std::string& lines) {
  return lines + "checksum " + position_checksum(lines) + "\n";
}

decoded<stored_position> decode(const std::string& file) {
  std::vector<std::uint8_t> exact(file.begin(), file.end());
  return decode_position(exact);
}

decode_error error_of(const std::string& file) {
  auto result = decode(file);
  return result ? decode_error{} : result.error();
}

}  // namespace

TEST_CASE("A position file is text with a checksum", "[position]") {
  std::string file = encode_position(example());
  CHECK(file == with_checksum(example_lines));
  CHECK(decode(file) == example());
  CHECK(position_checksum("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("Any bytes in a position come back", "[position]") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  stored_position p = example();
  p.source = all;
  p.position = all + "\nchecksum x\nposition y \\x41 \\";
  p.identity = {{all, all}, {"a name", ""}, {"a", " b "}, {" ", "\n"}, {"checksum", "identity. x"}};
  p.sink_offset_bytes = p.transactions = p.changes = ~std::uint64_t{0};
  std::string file = encode_position(p);
  CHECK(decode(file) == p);
  for (char c : file) CHECK((c < 0 || c >= 0x20 || c == '\n'));
  CHECK(decode(encode_position(stored_position{})) == stored_position{});
}

TEST_CASE("A position file with any byte changed, lost or added is found out", "[position]") {
  const std::string file = encode_position(example());
  for (std::size_t at = 0; at <= file.size(); ++at) {
    CAPTURE(at);
    if (at < file.size()) {
      for (int other = 0; other < 256; ++other) {
        std::string changed = file;
        changed[at] = static_cast<char>(other);
        if (changed != file) CHECK(!decode(changed).has_value());
      }
      std::string lost = file;
      lost.erase(at, 1);
      CHECK(!decode(lost).has_value());
    }
    for (char more : {'\n', ' ', '0', 'a', '\0'}) {
      std::string added = file;
      added.insert(at, 1, more);
      CHECK(!decode(added).has_value());
    }
    // Two that follow each other, as when a block is written twice.
    CHECK(!decode(file.substr(0, at) + file).has_value() == (at != 0));
  }
}

TEST_CASE("A position file that was cut off anywhere is truncated", "[position]") {
  const std::string file = encode_position(example());
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    decode_error error = error_of(file.substr(0, size));
    CHECK(error.code == decode_errc::truncated);
    CHECK(error.offset == size);
  }
}

TEST_CASE("What is wrong with a position file is told with its place", "[position]") {
  using enum decode_errc;
  const std::string good = encode_position(example());
  const std::size_t last_line = example_lines.size();
  std::string flipped = good;
  flipped[30] ^= 1;
  struct {
    std::string file;
    decode_error error;
  } cases[] = {
      {"", {truncated, 0, "magic"}},
      {"\n", {bad_value, 0, "magic"}},
      {"{\"v\":1}", {bad_value, 0, "magic"}},
      {"Tidewire position 1\n", {bad_value, 0, "magic"}},
      {with_checksum("tidewire position 3\n"), {bad_value, 18, "version"}},
      {"tidewire position 10\n", {bad_value, 18, "version"}},
      {"tidewire position 3", {bad_value, 18, "version"}},
      {"tidewire position 2", {truncated, 19, "version"}},
      {"tidewire position 21\n", {bad_value, 18, "version"}},
      {with_checksum("tidewire position 2\n"), {truncated, 20, "source"}},
      {"tidewire position 1\r\n", {bad_value, 18, "version"}},
      {"tidewire position 1\n", {truncated, 20, "checksum"}},
      {flipped, {bad_checksum, last_line + 9, "checksum"}},
      {good + "\n", {trailing_bytes, good.size(), "end of file"}},
      {good + good, {trailing_bytes, good.size(), "end of file"}},
      {std::string(max_position_file_bytes + 1, 'x'), {limit_exceeded, max_position_file_bytes, "file"}},
  };
  for (const auto& each : cases) {
    decode_error error = error_of(each.file);
    CAPTURE(each.file.substr(0, 100), to_string(error.code), error.offset, error.field);
    CHECK(error == each.error);
  }
}

TEST_CASE("In a position file each line is there once and in its place", "[position]") {
  std::vector<std::string> lines;
  std::istringstream in(example_lines);
  for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
  auto file_of = [](const std::vector<std::string>& some) {
    std::string all;
    for (const std::string& line : some) all += line;
    return with_checksum(all);
  };
  REQUIRE(decode(file_of(lines)).has_value());
  std::set<std::string> legal{file_of(lines)};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(lines[i]);
    bool identity = lines[i].starts_with("identity.");
    auto missing = lines;
    missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(decode(file_of(missing)).has_value() == identity);
    auto twice = lines;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
    CHECK(!decode(file_of(twice)).has_value());
    for (const char* unknown :
         {"unknown x\n", "\n", " \n", "source\n", "identity.\n", "identity. x\n", "position\n"}) {
      auto more = lines;
      more.insert(more.begin() + static_cast<std::ptrdiff_t>(i), unknown);
      CHECK(!decode(file_of(more)).has_value());
      auto instead = lines;
      instead[i] = unknown;
      CHECK(!decode(file_of(instead)).has_value());
    }
    if (i + 1 < lines.size()) {
      auto swapped = lines;
      std::swap(swapped[i], swapped[i + 1]);
      bool both = identity && lines[i + 1].starts_with("identity.");
      CHECK(decode(file_of(swapped)).has_value() == both);
    }
  }
  auto more = lines;
  more.emplace_back("unknown x\n");
  CHECK(error_of(file_of(more)) == decode_error{decode_errc::bad_value, example_lines.size(), "line"});
}

TEST_CASE("Values of a position file have one spelling", "[position]") {
  struct {
    std::string_view old_text, new_text;
    decode_error error;
  } cases[] = {
      {"sink_offset_bytes 1893",
       "sink_offset_bytes 01893",
       {decode_errc::bad_value, 143, "sink_offset_bytes"}},
      {"sink_offset_bytes 1893", "sink_offset_bytes ", {decode_errc::bad_value, 143, "sink_offset_bytes"}},
      {"sink_offset_bytes 1893", "sink_offset_bytes -1", {decode_errc::bad_value, 143, "sink_offset_bytes"}},
      {"sink_offset_bytes 1893", "sink_offset_bytes +1", {decode_errc::bad_value, 143, "sink_offset_bytes"}},
      {"sink_offset_bytes 1893", "sink_offset_bytes 1 ", {decode_errc::bad_value, 143, "sink_offset_bytes"}},
      {"sink_offset_bytes 1893",
       "sink_offset_bytes 18446744073709551616",
       {decode_errc::bad_value, 143, "sink_offset_bytes"}},
      {"sink_offset_bytes 1893",
       "sink_offset_bytes 0x10",
       {decode_errc::bad_value, 143, "sink_offset_bytes"}},
      {"source postgres", "source a\\", {decode_errc::bad_value, 28, "source"}},
      {"source postgres", "source a\\x", {decode_errc::bad_value, 28, "source"}},
      {"source postgres", "source a\\x0", {decode_errc::bad_value, 28, "source"}},
      {"source postgres", "source a\\x0g", {decode_errc::bad_value, 28, "source"}},
      {"source postgres", "source a\\x5C", {decode_errc::bad_value, 28, "source"}},
      {"source postgres", "source a\\n", {decode_errc::bad_value, 28, "source"}},
      {"source postgres", "source a\\x41", {decode_errc::bad_value, 28, "source"}},
      {"source postgres", "source a\\x20", {decode_errc::bad_value, 28, "source"}},
      {"source postgres", "source a\tb", {decode_errc::bad_value, 28, "source"}},
      {"source postgres", "source a\x7f", {decode_errc::bad_value, 28, "source"}},
      {"source postgres", "source", {decode_errc::bad_value, 20, "source"}},
      {"identity.slot tidewire", "identity.slot", {decode_errc::bad_value, 36, "identity"}},
      {"identity.slot tidewire", "identity.sl\\x41t x", {decode_errc::bad_value, 47, "identity"}},
      {"identity.system_identifier", "identity.slot", {decode_errc::bad_value, 59, "identity"}},
      {"transactions 2\nchanges 7\n", "transactions 2\n", {decode_errc::truncated, 163, "changes"}},
  };
  for (const auto& each : cases) {
    CAPTURE(each.new_text);
    std::string lines = example_lines;
    lines.replace(lines.find(each.old_text), each.old_text.size(), each.new_text);
    decode_error error = error_of(with_checksum(lines));
    CAPTURE(to_string(error.code), error.offset, error.field);
    CHECK(error == each.error);
  }
}

TEST_CASE("A position file with a copy that goes on is of version 2", "[position]") {
  stored_position p = example();
  p.copy = {"snapshot 0/16B3790 731:731:", "table 16385 a 1 16385:16390:0-@1", "", "\n\\"};
  std::string lines = example_lines;
  lines[18] = '2';
  std::string with_copy = lines +
                          "copy snapshot 0/16B3790 731:731:\n"
                          "copy table 16385 a 1 16385:16390:0-@1\n"
                          "copy \n"
                          "copy \\x0a\\x5c\n";
  std::string file = encode_position(p);
  CHECK(file == with_checksum(with_copy));
  CHECK(decode(file) == p);
  for (std::size_t size = 0; size < file.size(); ++size) {
    decode_error error = error_of(file.substr(0, size));
    CAPTURE(size);
    CHECK(error.code == decode_errc::truncated);
    CHECK(error.offset == size);
  }
  // One text for each content: version 2 has such a line, version 1 has none.
  CHECK(error_of(with_checksum(lines)) == decode_error{decode_errc::truncated, lines.size(), "copy"});
  CHECK(error_of(with_checksum(example_lines + "copy x\n")) ==
        decode_error{decode_errc::bad_value, example_lines.size(), "line"});
  CHECK(error_of(with_checksum(with_copy + "changes 7\n")) ==
        decode_error{decode_errc::bad_value, with_copy.size(), "line"});
  CHECK(error_of(with_checksum(lines + "copy\n")) ==
        decode_error{decode_errc::bad_value, lines.size(), "copy"});
}

TEST_CASE("A position file holds so many identities and no more", "[position]") {
  stored_position p = example();
  p.identity.clear();
  for (std::size_t i = 0; i < max_position_identity; ++i)
    p.identity.emplace_back("n" + std::to_string(i), "");
  CHECK(decode(encode_position(p)) == p);
  p.identity.emplace_back("more", "");
  CHECK(error_of(encode_position(p)).code == decode_errc::limit_exceeded);
  p = example();
  p.position.assign(max_position_file_bytes, 'x');
  CHECK(error_of(encode_position(p)).code == decode_errc::limit_exceeded);
  p.position.assign(max_position_file_bytes - encode_position(stored_position{}).size() - 200, 'x');
  CHECK(decode(encode_position(p)) == p);
}
