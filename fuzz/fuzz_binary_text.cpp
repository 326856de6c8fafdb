// A column value in binary form → its text: four bytes of type OID, then the value. Every built-in type, and
// a type of each other form under OIDs from 100000 on.
#include <cstdint>
#include <string>
#include <vector>

#include "core/encoder.hpp"
#include "pgoutput/binary_text.hpp"
#include "pgoutput/builtin_types.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

template <class T>
void sink(const T& value) {
  asm volatile("" ::"g"(&value) : "memory");
}

constexpr std::uint32_t first_user_oid = 100'000;

/// OID 100000 + i has the i-th form; what such a type is of is said by the higher digits.
class all_forms final : public type_lookup {
 public:
  std::optional<type_info> find(std::uint32_t oid) const override {
    if (oid < first_user_oid) return std::nullopt;
    std::uint32_t form = (oid - first_user_oid) % 64, of = (oid - first_user_oid) / 64;
    if (form > static_cast<std::uint32_t>(binary_form::composite)) return std::nullopt;
    return type_info{static_cast<binary_form>(form), of, oid % 2 ? ',' : ';'};
  }
};

struct result {
  decoded<bool> appended;
  std::string text;
};

result text_of(std::uint32_t oid, byte_view value, std::string before) {
  result r{false, std::move(before)};
  r.appended = append_binary_text(oid, value, all_forms{}, r.text);
  return r;
}

/// What has to hold for the text of a type that is read by every consumer's parser.
void check_text(const builtin_type& type, byte_view value, std::string_view text) {
  switch (type.form) {
    case binary_form::text: return require(text == as_text(value));
    case binary_form::boolean: return require(text == "t" || text == "f");
    case binary_form::bytea: return require(text.size() == 2 + 2 * value.size());
    case binary_form::uuid: return require(text.size() == 36);
    case binary_form::array:
      return require(text.ends_with('}') && (text.front() == '{' || text.front() == '['));
    case binary_form::multirange: return require(text.front() == '{' && text.back() == '}');
    case binary_form::composite: return require(text.front() == '(' && text.back() == ')');
    case binary_form::range:
      return require(text == "empty" || ((text.front() == '(' || text.front() == '[') &&
                                         (text.back() == ')' || text.back() == ']')));
    case binary_form::int2:
    case binary_form::int4:
    case binary_form::int8:
    case binary_form::uint4:
    case binary_form::uint8:
      return require(text.find_first_not_of("0123456789-") == text.npos && !text.empty());
    default: return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  auto oid = load_be<std::uint32_t>(data);
  std::vector<std::uint8_t> value(data + 4, data + size);  // exact, so that a read beyond its end is seen
  result first = text_of(oid, value, "");
  sink(first);
  result behind = text_of(oid, value, "before");
  require(first.text.size() <= max_binary_text_bytes + 16 * value.size() + 200'000);
  require(behind.text == "before" + first.text);
  require(first.appended.has_value() == behind.appended.has_value());
  if (!first.appended) {
    require(first.text.empty());
    require(first.appended.error() == behind.appended.error());
    require(first.appended.error().code != decode_errc::none && *first.appended.error().field);
    require(first.appended.error().offset <= value.size());
    return 0;
  }
  require(*first.appended == *behind.appended);
  const builtin_type* type = find_builtin_type(oid);
  if (!*first.appended) {
    require(first.text.empty());
    return 0;
  }
  if (type) check_text(*type, value, first.text);
  // In an array of one it is the same text, in quotes or not.
  std::vector<std::uint8_t> array;
  encoder out(array);
  for (std::uint32_t head : {1u, 0u, oid, 1u, 1u, static_cast<std::uint32_t>(value.size())}) out.be(head);
  out.bytes(value);
  result one = text_of(1007, array, "");
  if (!one.appended) {
    require(one.appended.error().code == decode_errc::limit_exceeded);
    return 0;
  }
  require(*one.appended && one.text.size() >= first.text.size() + 2);
  if (one.text.size() == first.text.size() + 2) require(one.text == "{" + first.text + "}");
  return 0;
}
