// Extended JSON v2, canonical and relaxed mixed as they come, to BSON.
// https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md
#pragma once

#include <string_view>
#include <vector>

#include "mongo_wire/bson.hpp"

namespace tidewire::mongo_wire {

/// Appends one document. The offset of an error is that in `text`, and its field names the type wrapper or
/// the part of JSON that is wrong; `bson` then is as it was. `max_depth` is that of the BSON; the text may be
/// deeper by its wrappers.
decoded<void> parse_extended_json(std::string_view text, std::vector<std::uint8_t>& bson,
                                  std::uint32_t max_depth = default_max_depth);

}  // namespace tidewire::mongo_wire
