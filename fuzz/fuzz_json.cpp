// Any bytes as the text of a value: the JSON writer's fast paths write what the byte-wise ones do, and what
// stands in a line is JSON whatever came in.
#include <algorithm>
#include <cstdint>
#include <string>

#include "tests/core/json_reference.hpp"

using namespace tidewire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

/// Room for a value's longest form; what is behind it belongs to nobody.
class room {
 public:
  explicit room(std::size_t size) : bytes_(size * json::worst_growth + json::output_slack, '#') {}
  char* begin() { return bytes_.data(); }
  std::string_view upto(const char* end) const {
    require(end <= bytes_.data() + bytes_.size());
    return {bytes_.data(), static_cast<std::size_t>(end - bytes_.data())};
  }

 private:
  std::string bytes_;
};

void strings(const std::string& padded, std::size_t size) {
  const char* in = padded.data();
  room fast(size), slow(size);
  const char* fast_end = json::put_escaped(fast.begin(), in, in + size);
  const char* slow_end = json::put_escaped_scalar(slow.begin(), in, in + size);
  require((fast_end == nullptr) == (slow_end == nullptr));
  if (fast_end) require(fast.upto(fast_end) == slow.upto(slow_end));
  std::string_view written = fast.upto(json::put_string(fast.begin(), in, size));
  require(testing::reference_checker(written).whole_value());
  if (slow_end) require(written.substr(1, written.size() - 2) == slow.upto(slow_end));
}

void numbers(const std::string& padded, std::size_t size) {
  std::string_view text(padded.data(), size);
  room out(size);
  const char* end = json::put_number(out.begin(), padded.data(), size);
  require((end != nullptr) == json::is_number(text));
  if (end) require(out.upto(end) == text);
  if (json::is_integer(padded.data(), size)) require(end != nullptr);
}

void embedded(const std::string& padded, std::size_t size) {
  std::string expected = testing::reference_json({padded.data(), size});
  room out(size);
  const char* end = json::put_json(out.begin(), padded.data(), size);
  require((end != nullptr) == !expected.empty());
  if (end) require(out.upto(end) == expected);
  std::string_view written = out.upto(json::put_embedded(out.begin(), padded.data(), size));
  require(testing::reference_checker(written).whole_value());
  require(written.find('\n') == written.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string padded(reinterpret_cast<const char*>(data), size);
  padded.append(json::input_padding, '"');
  strings(padded, size);
  numbers(padded, size);
  embedded(padded, size);
  return 0;
}
