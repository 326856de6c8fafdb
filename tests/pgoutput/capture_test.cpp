#include "pgoutput/capture.hpp"

#include "tests/pgoutput/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {

const bytes three_records = hex(R"('TWPGCAP1'
    00000005 'w1234'
    00000001 'k'
    00000003 'wab')");
const std::vector<std::string> three_payloads{"w1234", "k", "wab"};

struct reading {
  std::vector<std::string> payloads;
  std::size_t lost = 0;
  std::uint64_t offset = 0;
  decode_error error;
};

reading read_whole(byte_view file) {
  reading result;
  capture_reader reader(file);
  for (;;) {
    auto next = reader.next();
    if (!next) {
      result.error = next.error();
      CHECK(reader.next().error() == next.error());
      break;
    }
    if (!*next) break;
    result.payloads.emplace_back(as_text(**next));
  }
  result.lost = reader.unread_bytes();
  result.offset = reader.offset();
  return result;
}

/// As a program does that reads the file `step` bytes at a time.
reading read_in_windows(byte_view file, std::size_t step) {
  reading result;
  capture_reader reader;
  bytes window;
  std::size_t read = 0;
  for (;;) {
    auto next = reader.next();
    if (!next) {
      result.error = next.error();
      break;
    }
    if (*next) {
      result.payloads.emplace_back(as_text(**next));
      continue;
    }
    window.erase(window.begin(), window.end() - static_cast<std::ptrdiff_t>(reader.unread_bytes()));
    CHECK(reader.wanted_bytes() > window.size());
    if (read == file.size()) {
      reader.give(window);
      break;
    }
    byte_view more = file.subspan(read, std::min(step, file.size() - read));
    read += more.size();
    window.insert(window.end(), more.begin(), more.end());
    reader.give(window);
  }
  result.lost = reader.unread_bytes();
  result.offset = reader.offset();
  return result;
}

}  // namespace

TEST_CASE("a capture is a header and its records") {
  bytes file = encoded([](encoder& out) {
    encode_capture_header(out);
    for (const std::string& each : three_payloads) encode_capture_record(out, as_bytes(each));
  });
  CHECK(file == three_records);
  reading all = read_whole(file);
  CHECK(all.payloads == three_payloads);
  CHECK(all.lost == 0);
  CHECK(all.offset == file.size());
  CHECK(all.error.code == decode_errc::none);
}

TEST_CASE("a capture that was cut off at any byte is read up to there, and the bytes lost are told") {
  for (std::size_t size = 0; size <= three_records.size(); ++size) {
    CAPTURE(size);
    bytes cut = copy_of(byte_view(three_records).first(size));
    reading all = read_whole(cut);
    CHECK(all.error.code == decode_errc::none);
    std::size_t whole = size < 8 ? 0 : size < 17 ? 8 : size < 22 ? 17 : size < 29 ? 22 : 29;
    CHECK(all.payloads.size() == (size < 17 ? 0u : size < 22 ? 1u : size < 29 ? 2u : 3u));
    CHECK(all.offset == whole);
    CHECK(all.lost == size - whole);
    for (std::size_t step : {1, 2, 3, 7, 100}) {
      reading same = read_in_windows(cut, step);
      CHECK(same.payloads == all.payloads);
      CHECK(same.lost == all.lost);
      CHECK(same.offset == all.offset);
      CHECK(same.error == all.error);
    }
  }
}

TEST_CASE("what is no capture, or a broken one, is told with its place in the file") {
  struct {
    const char* file;
    decode_error error;
    std::size_t records;
    std::size_t lost;
  } cases[] = {
      {"'TWPGCAP2' 00000001 'k'", {decode_errc::bad_value, 0, "magic"}, 0, 13},
      {"'PG'", {decode_errc::bad_value, 0, "magic"}, 0, 2},
      {"'TWPGCAP1' 00000001 'k' 00000000 00000001 'k'", {decode_errc::bad_length, 13, "record length"}, 1, 9},
      {"'TWPGCAP1' 40000041", {decode_errc::limit_exceeded, 8, "record length"}, 0, 4},
      {"'TWPGCAP1' ffffffff 'w'", {decode_errc::limit_exceeded, 8, "record length"}, 0, 5},
      {"'TWPGCAP1' 00000001 'k' 00000002 'd'", {decode_errc::unknown_tag, 17, "record kind"}, 1, 5},
  };
  for (const auto& each : cases) {
    CAPTURE(each.file);
    bytes file = hex(each.file);
    reading whole = read_whole(file);
    CHECK(whole.error == each.error);
    CHECK(whole.payloads.size() == each.records);
    CHECK(whole.lost == each.lost);
    for (std::size_t step : {1, 5}) CHECK(read_in_windows(file, step).error == each.error);
  }
}

TEST_CASE("the largest record is waited for") {
  bytes file = hex("'TWPGCAP1' 40000040 'w'");
  capture_reader reader(file);
  auto next = reader.next();
  REQUIRE(next.has_value());
  CHECK(!next->has_value());
  CHECK(reader.wanted_bytes() == 4 + (std::size_t{1} << 30) + 64);
  CHECK(reader.unread_bytes() == 5);
}

TEST_CASE("only CopyData payloads of a replication stream are written") {
  for (std::string_view payload : {"", "d123", "W"}) {
    bytes out;
    encoder to(out);
    encode_capture_record(to, as_bytes(payload));
    CHECK(to.error().code == decode_errc::unknown_tag);
    CHECK(out.empty());
  }
}
