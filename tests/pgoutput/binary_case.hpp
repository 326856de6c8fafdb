// What the tests of binary column values need: pairs of binary form and text that a Postgres 18 gave, and the
// properties that hold for each.
#pragma once

#include <map>

#include "pgoutput/binary_text.hpp"
#include "tests/pgoutput/codec_case.hpp"

namespace tidewire::pgoutput::testing {

struct golden {
  std::uint32_t type;
  const char* binary;
  std::string_view text;
};

/// Types that are made by users, under OIDs that the tests gave them.
class user_types final : public type_lookup {
 public:
  user_types() = default;
  user_types(std::initializer_list<std::pair<const std::uint32_t, type_info>> types) : types_(types) {}
  std::optional<type_info> find(std::uint32_t oid) const override {
    auto at = types_.find(oid);
    return at == types_.end() ? std::nullopt : std::optional(at->second);
  }

 private:
  std::map<std::uint32_t, type_info> types_;
};

/// Whether a value may end anywhere. (`whole`: every other length is wrong.)
enum class extent { whole, open };

/// `binary` gives `text`, after what stands in the output already; cut off or with more behind it, it is
/// refused and the output stays as it was.
inline void check_golden(const golden& each, extent length = extent::whole,
                         const type_lookup& types = no_types{}) {
  CAPTURE(each.type, each.binary);
  const bytes binary = hex(each.binary);
  std::string out = "before ";
  auto appended = append_binary_text(each.type, copy_of(binary), types, out);
  REQUIRE(appended.has_value());
  CHECK(*appended);
  CHECK(out == "before " + std::string(each.text));
  if (length == extent::open) return;
  out = "before ";
  for (std::size_t size = 0; size < binary.size(); ++size) {
    CAPTURE(size);
    auto cut = append_binary_text(each.type, copy_of(byte_view(binary).first(size)), types, out);
    REQUIRE(!cut.has_value());
    CHECK(
        (cut.error().code == decode_errc::truncated || cut.error().code == decode_errc::unterminated_string));
    CHECK(cut.error().offset <= size);
    CHECK(*cut.error().field);
    CHECK(out == "before ");
  }
  bytes longer = binary;
  longer.push_back(0);
  auto refused = append_binary_text(each.type, longer, types, out);
  REQUIRE(!refused.has_value());
  CHECK(refused.error() == decode_error{decode_errc::trailing_bytes, binary.size(), "end of message"});
  CHECK(out == "before ");
}

struct malformed_value {
  std::uint32_t type;
  const char* binary;
  decode_error error;
};

inline void check_malformed_values(std::initializer_list<malformed_value> cases,
                                   const type_lookup& types = no_types{}) {
  for (const malformed_value& each : cases) {
    CAPTURE(each.type, each.binary);
    std::string out = "before ";
    auto result = append_binary_text(each.type, hex(each.binary), types, out);
    REQUIRE(!result.has_value());
    CAPTURE(to_string(result.error().code), result.error().offset, result.error().field);
    CHECK(result.error() == each.error);
    CHECK(out == "before ");
  }
}

/// The text of a value that must have one.
inline std::string text_of(std::uint32_t type, byte_view binary, const type_lookup& types = no_types{}) {
  std::string out;
  auto appended = append_binary_text(type, binary, types, out);
  REQUIRE(appended.has_value());
  REQUIRE(*appended);
  return out;
}

}  // namespace tidewire::pgoutput::testing
