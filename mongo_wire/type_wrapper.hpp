// Extended JSON's type wrappers: {"$numberLong":"1"} and its like, as the value they stand for.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "mongo_wire/bson.hpp"

namespace tidewire::mongo_wire {

/// Whether an object that has this key must be a wrapper.
bool is_wrapper_key(std::string_view key);

/// Which values of an object were wrappers themselves, because {"t":1} and {"t":{"$numberInt":"1"}} are the
/// same BSON and not both allowed everywhere.
struct wrapped_fields {
  std::uint8_t direct = 0;  // bit n: the nth of the first eight fields
  bool inside = false;      // one of the fields of the object that was read last
};

/// `object`: what was read so far as a document of its own, inner wrappers already replaced. Appends the
/// value's bytes and gives its type. An error's offset means nothing, its field is the wrapper's key.
decoded<bson_type> unwrap_type(byte_view object, wrapped_fields wrapped, std::vector<std::uint8_t>& value);

/// A JSON number as a double; nothing if it is too large for one, or so small that it would be 0.
std::optional<double> parse_finite(std::string_view number);

/// Milliseconds since 1970 of an RFC 3339 date and time with up to three digits of fraction.
std::optional<std::int64_t> parse_date(std::string_view text);

}  // namespace tidewire::mongo_wire
