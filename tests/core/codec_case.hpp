// What every codec's test needs: bytes written as hex, and the properties that hold for each good case.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "core/encoder.hpp"

namespace tidewire::testing {

using bytes = std::vector<std::uint8_t>;

/// Hex digits in any grouping; `'text'` stands for its characters; from # to the end of the line is comment.
inline bytes hex(std::string_view text) {
  bytes out;
  int high = -1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#') {
      i = std::min(text.find('\n', i), text.size() - 1);
    } else if (text[i] == '\'') {
      while (text[++i] != '\'') out.push_back(static_cast<std::uint8_t>(text[i]));
    } else if (std::isxdigit(static_cast<unsigned char>(text[i]))) {
      int digit = text[i] <= '9' ? text[i] - '0' : (text[i] | 32) - 'a' + 10;
      if (high < 0) {
        high = digit;
      } else {
        out.push_back(static_cast<std::uint8_t>(high << 4 | digit));
        high = -1;
      }
    }
  }
  return out;
}

/// An exact copy, so that the sanitizers see every read beyond its end.
inline bytes copy_of(byte_view view) {
  return {view.begin(), view.end()};
}

template <class Encode>
bytes encoded(Encode encode) {
  bytes out;
  encoder to(out);
  encode(to);
  REQUIRE(to.ok());
  return out;
}

/// `decode(body)` takes the good body, refuses every shorter one but `also_good` long ones, and a longer one.
template <class Decode>
void check_body_extent(byte_view body, Decode decode, std::size_t also_good = ~std::size_t{0}) {
  REQUIRE(decode(body).has_value());
  for (std::size_t size = 0; size < body.size(); ++size) {
    bytes cut = copy_of(body.first(size));
    auto result = decode(cut);
    CAPTURE(size);
    if (size == also_good) {
      CHECK(result.has_value());
      continue;
    }
    REQUIRE(!result.has_value());
    CHECK((result.error().code == decode_errc::truncated ||
           result.error().code == decode_errc::unterminated_string));
    CHECK(result.error().offset <= size);
  }
  bytes longer = copy_of(body);
  longer.push_back(0);
  auto result = decode(longer);
  REQUIRE(!result.has_value());
  CHECK(result.error() == decode_error{decode_errc::trailing_bytes, body.size(), "end of message"});
}

/// One field of a body is replaced: what the decoder then says.
struct malformed {
  const char* body;
  decode_error error;
};

template <class Decode>
void check_malformed(std::initializer_list<malformed> cases, Decode decode) {
  for (const malformed& each : cases) {
    CAPTURE(each.body);
    auto result = decode(hex(each.body));
    REQUIRE(!result.has_value());
    CAPTURE(to_string(result.error().code), result.error().offset, result.error().field);
    CHECK(result.error() == each.error);
  }
}

}  // namespace tidewire::testing
