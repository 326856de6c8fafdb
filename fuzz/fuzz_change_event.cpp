// Any BSON as a server's reply, as a change event and as a resume token: lines are JSON, tokens come back as
// the same bytes, fragments give a document that is well formed.
#include <cstdint>
#include <string>
#include <vector>

#include "core/json_check.hpp"
#include "mongo_wire/bson_walk.hpp"
#include "mongo_wire/event_line.hpp"
#include "mongo_wire/resume_token.hpp"
#include "mongo_wire/split_event.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

template <class T>
bool good(const decoded<T>& result) {
  asm volatile("" ::"g"(&result) : "memory");
  if (!result) require(result.error().code != decode_errc::none && *result.error().field);
  return result.has_value();
}

void line(const change_event_view& event) {
  json::buffer out;
  out.text("x");
  if (!good(put_event_line(out, event, {.not_utf8 = bad_text::hex}))) {
    require(out.view() == "x");
    return;
  }
  require(out.view().ends_with("}\n") && json::is_value(out.view().substr(1, out.size() - 2)));
}

void token(bson_view of) {
  auto text = token_text(of);
  if (!good(text)) return;
  auto back = parse_token(*text);
  if (back) require(token_text(*decode_document(*back)) == text);
  token_time(*text);
}

void event(bson_view of, split_event& parts) {
  auto event = decode_change_event(of);
  if (!good(event)) return;
  line(*event);
  token(event->token);
  if (event->fragments == 0) return;
  auto whole = parts.add(*event);
  if (good(whole) && *whole) {
    require(decode_document((*whole)->bytes()).has_value());
    if (auto joined = decode_change_event(**whole); good(joined)) line(*joined);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> exact(data, data + size);
  auto document = decode_document(exact);
  if (!document) return 0;
  split_event parts;
  event(*document, parts);
  token(*document);
  json::buffer out;
  if (good(put_read_line(out, *document))) require(json::is_value(out.view().substr(0, out.size() - 1)));
  auto reply = decode_reply(*document);
  if (!good(reply)) return 0;
  has_label(*reply, "ResumableChangeStreamError");
  if (!reply->cursor) return 0;
  bson_reader batch(reply->cursor->batch);
  for (element_view each; batch.next(each);)
    if (auto inner = each.as_document()) event(*inner, parts);
  return 0;
}
