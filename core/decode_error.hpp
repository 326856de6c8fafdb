// Why a decoder gave up: a stable code, the byte offset where it happened and the field it was reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

namespace tidewire {

/// As wide as its neighbours in decode_error: where an error is copied piece by piece g++ would warn of the
/// padding, which nobody initialises.
enum class decode_errc : std::size_t {
  none,
  truncated,            // the field needs more bytes than are left
  bad_length,           // a length or count is negative, or larger than its limit allows
  unterminated_string,  // no NUL before the end
  trailing_bytes,       // the message is longer than its fields
  unknown_tag,          // a message, tuple or column kind that the manual does not list
  bad_value,            // a field holds something that the manual does not allow
  limit_exceeded,       // well formed, but larger than we accept
  bad_state,            // legal in itself, but not at this place of the stream
  unknown_reference,    // names something (a relation, a transaction) that was never announced
  bad_checksum,
  unsupported,  // well formed, but something that we refuse by name
};

/// The code's stable name, as printed in errors and documented in docs/errors.md.
constexpr std::string_view to_string(decode_errc code) {
  switch (code) {
    case decode_errc::none: return "none";
    case decode_errc::truncated: return "truncated";
    case decode_errc::bad_length: return "bad_length";
    case decode_errc::unterminated_string: return "unterminated_string";
    case decode_errc::trailing_bytes: return "trailing_bytes";
    case decode_errc::unknown_tag: return "unknown_tag";
    case decode_errc::bad_value: return "bad_value";
    case decode_errc::limit_exceeded: return "limit_exceeded";
    case decode_errc::bad_state: return "bad_state";
    case decode_errc::unknown_reference: return "unknown_reference";
    case decode_errc::bad_checksum: return "bad_checksum";
    case decode_errc::unsupported: return "unsupported";
  }
  return "?";
}

/// `field` is a string literal; `offset` counts bytes from the start of the message that was being decoded.
struct decode_error {
  decode_errc code = decode_errc::none;
  std::size_t offset = 0;
  const char* field = "";

  friend bool operator==(const decode_error& a, const decode_error& b) {
    return a.code == b.code && a.offset == b.offset && std::string_view{a.field} == b.field;
  }
};

template <class T>
using decoded = std::expected<T, decode_error>;

}  // namespace tidewire
