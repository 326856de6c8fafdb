// Any bytes as what a COPY sends: what decodes encodes to the same bytes again, and cutting the data between
// its items changes nothing. The first byte says how many values a row has.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "wire/copy_binary.hpp"

using namespace tidewire;
using namespace tidewire::wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

struct reading {
  std::vector<std::uint8_t> again;
  std::size_t rows = 0;
  bool ended = false;
  decode_error error;
};

reading read(byte_view data, std::size_t columns) {
  reading result;
  std::vector<value> values(columns);
  encoder out(result.again);
  cursor head(data);
  copy_header header = decode_copy_header(head);
  if (head.ok()) encode_copy_header(out, header);
  copy_binary_reader reader;
  auto taken = reader.take(data, values, [&](std::span<value> row) {
    for (const value& each : row) {
      require(each.kind == value_kind::null || each.kind == value_kind::binary);
      const auto* at = reinterpret_cast<const std::uint8_t*>(each.data);
      if (each.kind == value_kind::binary)
        require(at >= data.data() && at + each.size <= data.data() + data.size());
    }
    encode_copy_row(out, row);
    require(out.ok());
    ++result.rows;
  });
  result.ended = reader.ended();
  if (result.ended) encode_copy_trailer(out);
  if (!taken) result.error = taken.error();
  if (taken) require(*taken == result.rows);
  return result;
}

/// Row by row, each in an exact copy.
reading read_pieces(byte_view data, std::size_t columns) {
  reading result;
  std::vector<value> values(columns);
  copy_binary_reader reader;
  cursor in(data);
  std::size_t begin = 0;
  decode_copy_header(in);
  bool going = true;
  while (going && in.ok() && in.remaining() > 0) {
    going = decode_copy_row(in, values);
    if (!in.ok()) break;
    std::vector<std::uint8_t> piece(data.begin() + static_cast<std::ptrdiff_t>(begin),
                                    data.begin() + static_cast<std::ptrdiff_t>(in.offset()));
    begin = in.offset();
    auto taken = reader.take(piece, values, [&](std::span<value>) { ++result.rows; });
    require(taken.has_value());
  }
  result.ended = reader.ended();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::size_t columns = data[0] % 9;
  std::vector<std::uint8_t> exact(data + 1, data + size);
  reading whole = read(exact, columns);
  require(whole.again.size() <= exact.size());
  require(std::equal(whole.again.begin(), whole.again.end(), exact.begin()));
  if (whole.error.code == decode_errc::none)
    require(whole.again.size() == exact.size());
  else
    require(whole.error.offset <= exact.size() && *whole.error.field);
  reading pieces = read_pieces(exact, columns);
  require(pieces.rows == whole.rows && pieces.ended == whole.ended);
  // Behind a good header the rest is reached more often.
  std::vector<std::uint8_t> behind(copy_signature.begin(), copy_signature.end());
  behind.resize(behind.size() + 8);
  behind.insert(behind.end(), exact.begin(), exact.end());
  reading rest = read(behind, columns);
  require(std::equal(rest.again.begin(), rest.again.end(), behind.begin()));
  asm volatile("" ::"g"(&whole), "g"(&pieces), "g"(&rest) : "memory");
  return 0;
}
