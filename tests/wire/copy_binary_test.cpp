#include "wire/copy_binary.hpp"

#include <array>
#include <optional>
#include <string>

#include "tests/core/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::wire;
using namespace tidewire::testing;

namespace {

const char* const header = "'PGCOPY' 0a ff 0d 0a 00  00000000 00000000 ";

/// Everything that one payload gives, for rows of that many values.
struct reading {
  copy_binary_reader reader;
  std::vector<std::vector<std::optional<std::string>>> rows;

  decoded<std::size_t> take(byte_view payload, std::size_t columns) {
    std::vector<value> values(columns);
    return reader.take(payload, values, [this](std::span<value> row) {
      auto& made = rows.emplace_back();
      for (const value& each : row)
        if (each.kind == value_kind::null)
          made.emplace_back(std::nullopt);
        else
          made.emplace_back(each.bytes());
    });
  }
};

decode_error error_of(std::string_view payload, std::size_t columns) {
  reading in;
  auto taken = in.take(hex(payload), columns);
  return taken ? decode_error{} : taken.error();
}

}  // namespace

TEST_CASE("COPY's rows come one by one, the header with the first", "[copy]") {
  reading in;
  bytes first = hex(std::string(header) + "0002 00000003 'abc' ffffffff");
  auto taken = in.take(first, 2);
  REQUIRE(taken.has_value());
  CHECK(*taken == 1);
  taken = in.take(hex("0002 00000000 00000001 00"), 2);
  REQUIRE(taken.has_value());
  CHECK(*taken == 1);
  CHECK(!in.reader.ended());
  taken = in.take(hex("ffff"), 2);
  REQUIRE(taken.has_value());
  CHECK(*taken == 0);
  CHECK(in.reader.ended());
  using row = std::vector<std::optional<std::string>>;
  CHECK(in.rows == std::vector<row>{{"abc", std::nullopt}, {"", std::string(1, '\0')}});
  CHECK(in.take(hex("0002 ffffffff ffffffff"), 2).error() ==
        decode_error{decode_errc::trailing_bytes, 0, "after the trailer"});
  in.reader.begin();
  CHECK(in.take(first, 2).has_value());
}

TEST_CASE("COPY of a table without columns, and of one without rows", "[copy]") {
  reading in;
  auto taken = in.take(hex(std::string(header) + "0000 0000 0000 ffff"), 0);
  REQUIRE(taken.has_value());
  CHECK(*taken == 3);
  CHECK(in.reader.ended());
  reading empty;
  CHECK(empty.take(hex(std::string(header) + "ffff"), 3).has_value());
  CHECK(empty.reader.ended());
}

TEST_CASE("A COPY header that is extended is passed over", "[copy]") {
  reading in;
  auto taken = in.take(hex("'PGCOPY' 0a ff 0d 0a 00 0000ffff 00000003 'xyz' 0001 00000001 'a'"), 1);
  REQUIRE(taken.has_value());
  CHECK(in.rows.at(0).at(0) == "a");
}

TEST_CASE("COPY's data cut anywhere is truncated", "[copy]") {
  bytes whole = hex(std::string(header) + "0003 00000003 'abc' ffffffff 00000000");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    reading in;
    auto taken = in.take(copy_of(byte_view(whole).first(size)), 3);
    bool header_only = size == 19;
    CHECK(taken.has_value() == header_only);
    if (!taken) CHECK(taken.error().code == decode_errc::truncated);
  }
}

TEST_CASE("What is wrong with COPY's data is told with its place", "[copy]") {
  using enum decode_errc;
  struct {
    std::string payload;
    decode_error error;
  } cases[] = {
      {"'PGCOPX' 0a ff 0d 0a 00  00000000 00000000", {bad_value, 0, "signature"}},
      {"'PGCOPY' 0a ff 0a 0a 00  00000000 00000000", {bad_value, 0, "signature"}},
      {"'PGCOPY' 0a ff 0d 0a 00  00010000 00000000", {bad_value, 11, "flags"}},
      {"'PGCOPY' 0a ff 0d 0a 00  80000000 00000000", {bad_value, 11, "flags"}},
      {"'PGCOPY' 0a ff 0d 0a 00  00000000 ffffffff", {bad_length, 15, "extension length"}},
      {"'PGCOPY' 0a ff 0d 0a 00  00000000 7fffffff", {truncated, 19, "extension"}},
      {std::string(header) + "fffe", {bad_length, 19, "field count"}},
      {std::string(header) + "8000", {bad_length, 19, "field count"}},
      {std::string(header) + "0001 ffffffff", {bad_value, 19, "field count"}},
      {std::string(header) + "0003 ffffffff ffffffff ffffffff", {bad_value, 19, "field count"}},
      {std::string(header) + "0002 fffffffe ffffffff", {bad_length, 21, "value length"}},
      {std::string(header) + "0002 80000000 ffffffff", {bad_length, 21, "value length"}},
      {std::string(header) + "0002 ffffffff 7fffffff 'a'", {truncated, 29, "value"}},
      {std::string(header) + "ffff 00", {trailing_bytes, 21, "after the trailer"}},
  };
  for (const auto& each : cases) {
    CAPTURE(each.payload);
    decode_error error = error_of(each.payload, 2);
    CAPTURE(to_string(error.code), error.offset, error.field);
    CHECK(error == each.error);
  }
}

TEST_CASE("COPY's items encode to what they were decoded from", "[copy]") {
  bytes whole = hex(std::string(header) + "0002 00000003 'abc' ffffffff ffff");
  bytes again = encoded([&](encoder& out) {
    encode_copy_header(out, {});
    std::array<value, 2> row{value{"abc", 3, value_kind::binary}, value{}};
    encode_copy_row(out, row);
    encode_copy_trailer(out);
  });
  CHECK(again == whole);
}
