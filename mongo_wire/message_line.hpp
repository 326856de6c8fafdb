// A message of the wire protocol as one line of JSON: what `tidewire decode --as documents` shows.
#pragma once

#include "mongo_wire/extended_json.hpp"
#include "mongo_wire/op_legacy.hpp"
#include "mongo_wire/op_msg.hpp"

namespace tidewire::mongo_wire {

/// Of any kind but compressed (bad_state). On an error `out` is as it was.
decoded<void> put_message_line(json::buffer& out, const message_view& message,
                               const extended_json_options& values = {});

}  // namespace tidewire::mongo_wire
