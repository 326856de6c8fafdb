// BSON as Extended JSON v2, relaxed and canonical.
// https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md
#pragma once

#include "core/json.hpp"
#include "mongo_wire/bson.hpp"

namespace tidewire::mongo_wire {

/// Relaxed reads well and loses the difference between int32, int64 and double; canonical keeps it.
enum class extended_form : std::uint8_t { relaxed, canonical };

/// What becomes of a text or a name that is not UTF-8, which BSON forbids and servers store all the same: an
/// error, or {"hex":"…"} for a value and "hex:…" for a name.
enum class bad_text : std::uint8_t { refuse, hex };

struct extended_json_options {
  extended_form form = extended_form::relaxed;
  bad_text not_utf8 = bad_text::refuse;
  std::uint32_t max_depth = default_max_depth;
};

/// Checks the document while writing it, in one pass. On an error `out` is as it was.
decoded<void> put_extended_json(json::buffer& out, bson_view document,
                                const extended_json_options& options = {});

/// One value, without its name.
decoded<void> put_extended_json(json::buffer& out, const element_view& value,
                                const extended_json_options& options = {});

}  // namespace tidewire::mongo_wire
