#include "core/base64.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace tidewire;

namespace {

std::string encoded(std::string_view text) {
  std::string out;
  append_base64(out, as_bytes(text));
  return out;
}

}  // namespace

TEST_CASE("Base64 as RFC 4648 shows it", "[base64]") {
  const std::string_view texts[][2] = {{"", ""},
                                       {"f", "Zg=="},
                                       {"fo", "Zm8="},
                                       {"foo", "Zm9v"},
                                       {"foob", "Zm9vYg=="},
                                       {"fooba", "Zm9vYmE="},
                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, base64] : texts) {
    CHECK(encoded(plain) == base64);
    auto bytes = decode_base64(base64);
    REQUIRE(bytes.has_value());
    CHECK(as_text(*bytes) == plain);
  }
}

TEST_CASE("All bytes go through base64 and back", "[base64]") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t size = 0; size <= all.size(); ++size) {
    auto bytes = decode_base64(encoded(all.substr(0, size)));
    REQUIRE(bytes.has_value());
    CHECK(as_text(*bytes) == all.substr(0, size));
  }
}

TEST_CASE("What is not exactly base64 is refused", "[base64]") {
  for (std::string_view text :
       {"Z", "Zg", "Zg=", "Zg===", "=", "==", "====", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm8=\n", "Zm 8",
        "Zm9v-_==", "Zg==\n", "Z=g=", "=Zg=", "Zm8\xff", "Zm8?"}) {
    CAPTURE(text);
    CHECK(!decode_base64(text).has_value());
  }
  CHECK(!decode_base64(std::string_view("Zm9\0", 4)).has_value());
}

TEST_CASE("There is one text for two characters of base64 with padding", "[base64]") {
  int legal = 0;
  for (char a : base64_digits)
    for (char b : base64_digits) {
      std::string text{a, b, '=', '='};
      auto bytes = decode_base64(text);
      if (!bytes) continue;
      ++legal;
      CHECK(encoded(as_text(*bytes)) == text);
    }
  CHECK(legal == 256);
}
