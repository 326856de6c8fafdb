// Binary JSON to text, and changes to it. The text is well-formed JSON whenever the strings inside are UTF-8,
// and a document that is patched with nothing is the document.
//   input: u16 length of the document, the document, changes
#include "binlog_fuzz.hpp"
#include "core/json_check.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::size_t document_size = load_le<std::uint16_t>(data);
  if (document_size > size - 2) return 0;
  std::vector<std::uint8_t> document = exact({data + 2, document_size});
  std::vector<std::uint8_t> changes = exact({data + 2 + document_size, size - 2 - document_size});
  static text_buffer text, same, patched, diffs;
  for (text_buffer* each : {&text, &same, &patched, &diffs}) each->clear_to(1 << 20);
  static json_patcher patcher;
  auto done = put_json(text, document);
  if (good(done, document.size())) {
    touch(text.view());
    require(text.size() <= detail::most_json_text(document.size()) + 64);
    require(patcher.put(same, document, {}).has_value() && same.view() == text.view());
    bool utf8 = true;
    for (const char *at = text.data(), *end = at + text.size(); at < end;) {
      std::size_t length = json::utf8_length(at, end);
      if (length == 0) {
        utf8 = false;
        break;
      }
      at += length;
    }
    if (utf8) require(json::is_value(text.view()));
  }
  if (good(patcher.put(patched, document, changes), document.size() + changes.size())) touch(patched.view());
  if (good(put_json_diffs(diffs, changes), changes.size())) touch(diffs.view());
  return 0;
}
