// Files of MongoDB into lines: BSON documents as mongodump writes them, and messages of the wire protocol.
#pragma once

#include "core/sink.hpp"
#include "tidewire/options.hpp"

namespace tidewire {

/// Whatever is damaged is named on stderr and left out, as long as the beginning of the next record is known.
/// Throws failure TW-CAPTURE-DAMAGED or TW-CAPTURE-CUT at the end if any byte was lost, with their number.
void decode_mongo(const decode_options& options, file_kind kind, sink& to);

}  // namespace tidewire
