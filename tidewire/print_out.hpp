// What a command says on standard output, for commands whose output is no stream of changes.
#pragma once

#include <string_view>

namespace tidewire {

/// Whole, or throws failure TW-SINK-READER-GONE or TW-SINK-WRITE.
void print_out(std::string_view text);

/// A terminal that has colours, and nobody said no (NO_COLOR).
bool colour_wanted();

}  // namespace tidewire
