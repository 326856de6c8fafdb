// Any bytes as BSON: what validates is written again to the same bytes, element by element; one that does not
// is refused with a place inside it; and reading level by level finds what the walk finds.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "mongo_wire/bson_walk.hpp"
#include "tests/mongo_wire/rewrite.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

template <class T>
void sink(const T& value) {
  asm volatile("" ::"g"(&value) : "memory");
}

struct counter {
  std::size_t elements = 0;
  bool value(const element_view& element, bson_type) {
    ++elements;
    sink(element.as_double());
    sink(element.as_binary());
    sink(element.as_regex());
    sink(element.as_db_pointer());
    if (auto vector = element.as_binary(); vector && vector->subtype == binary_vector)
      sink(decode_vector(vector->data));
    return true;
  }
  bool open(const element_view&, bson_type) { return ++elements, true; }
  bool close(bson_type) { return true; }
  decode_error error() const { return {}; }
};

/// The same count without bson_walk; recursion is bounded by what the walk took before.
std::size_t count_levels(bson_view document) {
  std::size_t elements = 0;
  bson_reader reader(document);
  for (element_view each; reader.next(each);) {
    ++elements;
    if (auto inner = each.as_document()) elements += count_levels(*inner);
    if (auto inner = each.as_array()) elements += count_levels(*inner);
    if (auto inner = each.scope()) elements += count_levels(*inner);
  }
  require(reader.ok());
  return elements;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> exact(data, data + size);
  auto strict = validate_document(exact);
  auto loose = validate_document(exact, {.utf8 = false});
  sink(strict);
  sink(loose);
  require(loose.has_value() || !strict.has_value());
  for (const auto& result : {strict, loose})
    if (!result)
      require(result.error().code != decode_errc::none && *result.error().field &&
              result.error().offset <= size);
  if (!loose) return 0;
  counter count;
  require(walk_bson(*loose, count).has_value());
  require(count.elements == count_levels(*loose));
  bson_reader reader(*loose);
  for (element_view each; reader.next(each);) {
    auto found = find(*loose, each.name);
    require(found.has_value() && *found && found->name == each.name && found->offset <= each.offset);
  }
  require(testing::rewrite(*loose) == exact);
  return 0;
}
