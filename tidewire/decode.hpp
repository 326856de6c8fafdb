// tidewire decode: a capture file's lines, without any server.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// Throws failure TW-CAPTURE-CUT (after everything that is whole has been written), TW-CAPTURE-DAMAGED,
/// TW-CAPTURE-FILE, and those of the decoder and the sink.
void run_decode(const decode_options& options);

}  // namespace tidewire
