// tidewire status: how a stream is doing, seen from outside: its position file and its slot. Without a URL
// the position file alone, of whatever source.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// Prints what it finds. Throws failure TW-PG-SLOT-MISSING, TW-PG-SLOT-LOST, TW-POSITION-FOREIGN after that,
/// and whatever keeps it from looking.
void run_status(const status_options& options);

}  // namespace tidewire
