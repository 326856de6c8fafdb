// A resume token as text. It is opaque; every server so far has made it {_data: "<hex>"}, and then the text
// is that; whatever else comes is kept as canonical Extended JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mongo_wire/bson.hpp"

namespace tidewire::mongo_wire {

/// More than any server makes; tokens of documents with large keys are long.
inline constexpr std::size_t max_token_text_bytes = 64 * 1024;

/// The text of {_data: "<hex>"}, borrowed; nothing for a token that is anything else or too large, of which
/// token_text tells more.
std::optional<std::string_view> token_hex(bson_view token);

/// An error for a document that is not well formed or too large.
decoded<std::string> token_text(bson_view token);

/// The token's document; nothing for a text that token_text does not make.
std::optional<std::vector<std::uint8_t>> parse_token(std::string_view text);

/// A place that no event has been read from yet: "@seconds.increment", everything at or after that cluster
/// time. Where a stream without a stored position begins.
std::string time_text(bson_timestamp time);
std::optional<bson_timestamp> parse_time(std::string_view text);

/// The cluster time that a server's token begins with; nothing if it is none of mongod's layout. It is of
/// use to see that a stream does not go backwards, and for nothing else.
std::optional<bson_timestamp> token_time(std::string_view text);
/// The same of a text that is known to be hex digits.
std::optional<bson_timestamp> hex_token_time(std::string_view hex);

}  // namespace tidewire::mongo_wire
