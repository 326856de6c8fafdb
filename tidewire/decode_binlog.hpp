// tidewire decode of binlog files.
#pragma once

#include "tidewire/options.hpp"

namespace tidewire {

/// By its first bytes; of a gzipped file, by those inside. False if it can't be read.
bool is_binlog(const std::string& path);

/// All files as one stream. Throws failure TW-MY-CUT (after everything that is whole has been written),
/// TW-MY-DECODE, TW-MY-FILE, TW-MY-ENCRYPTED, and those of row_changes and the sink.
void run_decode_binlog(const decode_options& options);

}  // namespace tidewire
