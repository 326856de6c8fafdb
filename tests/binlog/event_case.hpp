// What every event's test needs: events built around a body written as hex, and the properties of good ones.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <string>
#include <vector>

#include "binlog/checksum.hpp"
#include "binlog/format_description.hpp"
#include "tests/pgoutput/codec_case.hpp"

namespace tidewire::binlog::testing {

using pgoutput::testing::bytes;
using pgoutput::testing::copy_of;
using pgoutput::testing::encoded;
using pgoutput::testing::hex;

inline event_header header_of(event_type type, std::uint32_t log_pos = 1000) {
  event_header h;
  h.timestamp = 1700000000;
  h.type = type;
  h.server_id = 7;
  h.log_pos = log_pos;
  return h;
}

/// An event that owns its bytes. What view() gives is an exact copy of them that stays until the program
/// ends, so that what was decoded from a temporary event can be looked at.
struct owned_event {
  bytes whole;
  event_header header;

  event_view view() const {
    static std::deque<bytes> kept;
    kept.push_back(whole);
    return {header, kept.back()};
  }
};

inline owned_event make_event(event_type type, byte_view body, std::uint32_t log_pos = 1000) {
  owned_event event;
  encode_event(event.whole, header_of(type, log_pos), body, checksum_algorithm::none);
  event.header = *decode_event_header(event.whole);
  return event;
}

inline owned_event make_event(event_type type, std::string_view body, std::uint32_t log_pos = 1000) {
  return make_event(type, hex(body), log_pos);
}

/// A server's format description, with post-header lengths as MySQL 8 and MariaDB 10.11 write them.
inline format_description format_of(std::string_view version,
                                    checksum_algorithm checksum = checksum_algorithm::none) {
  format_description f;
  std::copy(version.begin(), version.end(), f.version_text.begin());
  f.checksum = checksum;
  f.has_algorithm = writes_algorithm(version);
  static const bytes lengths =
      hex("00 0d 00 08 00 00 00 00 04 00 04 00 00 00 62 00 04 1a 08 00 00 00 08 08 08 02 00 00 00 0a 0a 0a "
          "2a 2a 00 12"
          "34 00 0a 28 00 00");
  f.type_count = static_cast<std::uint16_t>(lengths.size());
  std::copy(lengths.begin(), lengths.end(), f.post_header_bytes.begin() + 1);
  return f;
}

/// `decode(event)` takes the event, refuses every shorter body but those of `also_good` bytes, and, unless
/// its last field takes all that is left, a longer one.
template <class Decode>
void check_extent(event_type type, const bytes& body, Decode decode,
                  std::initializer_list<std::size_t> also_good = {}, bool open_end = false) {
  REQUIRE(decode(make_event(type, body).view()).has_value());
  for (std::size_t size = 0; size < body.size(); ++size) {
    owned_event cut = make_event(type, byte_view(body).first(size));
    auto result = decode(cut.view());
    CAPTURE(size);
    if (std::find(also_good.begin(), also_good.end(), size) != also_good.end()) {
      CHECK(result.has_value());
      continue;
    }
    if (open_end && result.has_value()) continue;
    REQUIRE(!result.has_value());
    CHECK((result.error().code == decode_errc::truncated || result.error().code == decode_errc::bad_length ||
           result.error().code == decode_errc::unterminated_string));
    CHECK(result.error().offset <= header_bytes + size);
  }
  if (open_end) return;
  bytes longer = body;
  longer.push_back(0);
  auto result = decode(make_event(type, longer).view());
  REQUIRE(!result.has_value());
  CHECK(
      (result.error().code == decode_errc::trailing_bytes || result.error().code == decode_errc::bad_length));
}

struct malformed {
  const char* body;
  decode_error error;
};

template <class Decode>
void check_malformed(event_type type, std::initializer_list<malformed> cases, Decode decode) {
  for (const malformed& each : cases) {
    CAPTURE(each.body);
    auto result = decode(make_event(type, each.body).view());
    REQUIRE(!result.has_value());
    CAPTURE(to_string(result.error().code), result.error().offset, result.error().field);
    CHECK(result.error() == each.error);
  }
}

}  // namespace tidewire::binlog::testing
