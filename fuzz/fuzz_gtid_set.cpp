// GTID sets from text and from both binary forms: what parses prints to a text that parses to the same set;
// both binary forms decode to it; and the arithmetic holds together.
//   input: a byte that chooses how to read the rest; the rest is split into two sets at its first `|`
#include <algorithm>

#include "binlog_fuzz.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

void check_forms(const gtid_set& set) {
  std::string text = set.text();
  auto again = gtid_set::parse(text);
  require(again.has_value() && *again == set && again->text() == text);
  for (bool tagged : {false, true}) {
    std::vector<std::uint8_t> coded;
    set.encode(coded, tagged);
    auto decoded = gtid_set::decode(coded);
    require(decoded.has_value() && *decoded == set);
  }
  sink(set.count());
}

void check_pair(const gtid_set& a, const gtid_set& b) {
  gtid_set sum = a;
  sum.add(b);
  require(sum.contains(a) && sum.contains(b));
  gtid_set other = b;
  other.add(a);
  require(sum == other);
  gtid_set rest = a;
  rest.subtract(b);
  require(a.contains(rest) && !rest.intersects(b));
  require(rest.intersects(b) == b.intersects(rest));
  require(b.contains(a) == rest.empty());
  rest.add(b);
  require(rest == sum);
  check_forms(sum);
}

decoded<gtid_set> read(byte_view part, bool binary) {
  auto set = binary ? gtid_set::decode(part) : gtid_set::parse(as_text(part));
  if (!set) check_error(set.error(), part.size());
  return set;
}

void check_position(std::string_view text) {
  auto position = mariadb_gtid_position::parse(text);
  if (!position) return check_error(position.error(), text.size());
  auto again = mariadb_gtid_position::parse(position->text());
  require(again.has_value() && *again == *position);
  require(position->contains(*again));
  again->subtract(*position);
  require(again->empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::vector<std::uint8_t> all = exact({data + 1, size - 1});
  byte_view whole(all);
  if (data[0] & 4) {
    check_position(as_text(whole));
    return 0;
  }
  auto bar = static_cast<std::size_t>(std::find(whole.begin(), whole.end(), '|') - whole.begin());
  std::vector<std::uint8_t> left = exact(whole.first(bar));
  std::vector<std::uint8_t> right = exact(whole.subspan(bar < whole.size() ? bar + 1 : bar));
  auto a = read(left, data[0] & 1);
  auto b = read(right, data[0] & 2);
  if (a) check_forms(*a);
  if (a && b) check_pair(*a, *b);
  return 0;
}
