// Any BSON as Extended JSON: both forms are JSON; the canonical one, read again, gives a document whose
// canonical text reads to the same bytes; and where no name is a wrapper's it must be readable.
#include <cstdint>
#include <string>
#include <vector>

#include "core/json_check.hpp"
#include "mongo_wire/bson_walk.hpp"
#include "mongo_wire/extended_json.hpp"
#include "mongo_wire/extended_json_reader.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

struct name_search {
  bool dollar = false;
  bool value(const element_view& element, bson_type) {
    dollar |= element.name.starts_with('$');
    return true;
  }
  bool open(const element_view& element, bson_type inside) { return value(element, inside); }
  bool close(bson_type) { return true; }
  decode_error error() const { return {}; }
};

std::string text_of(bson_view document, const extended_json_options& options) {
  json::buffer out;
  out.text("before");
  if (!put_extended_json(out, document, options)) {
    require(out.view() == "before");
    return "";
  }
  require(out.view().starts_with("before"));
  return std::string(out.view().substr(6));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> exact(data, data + size);
  auto document = decode_document(exact);
  if (!document) return 0;
  bool whole = validate_document(exact).has_value();
  std::string relaxed = text_of(*document, {});
  std::string canonical = text_of(*document, {extended_form::canonical});
  // The names in an array are not written, and so need not be texts.
  require(relaxed.empty() == canonical.empty() && (!whole || !relaxed.empty()));
  std::string hexed = text_of(*document, {extended_form::relaxed, bad_text::hex});
  require(hexed.empty() == !validate_document(exact, {.utf8 = false}).has_value());
  if (!hexed.empty()) require(json::is_value(hexed));
  if (relaxed.empty()) return 0;
  require(hexed == relaxed && json::is_value(relaxed) && json::is_value(canonical));
  name_search names;
  require(walk_bson(*document, names).has_value());
  std::vector<std::uint8_t> once, twice;
  auto read = parse_extended_json(canonical, once);
  require(read.has_value() || names.dollar);
  if (!read) return 0;
  auto again = validate_document(once);
  require(again.has_value());
  require(parse_extended_json(text_of(*again, {extended_form::canonical}), twice).has_value() &&
          twice == once);
  return 0;
}
